"""A generated world: sizes, a seed, and an oracle that walks parent pointers in memory."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.oracle import is_allowed

SEED = 20260501
ACTIONS = ("read", "create", "update", "delete", "approve")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is.

    Args:
        name: what the report calls it.
        nodes: all nodes, the root among them.
        depth: of the deepest node, the root being at 0.
        identities: all of them active.
        roles: how many, each with `permissions_per_role` of four times as many permissions.
        permissions_per_role: how many a role carries.
        assignments: how many, a third of them with a window.
    """

    name: str
    nodes: int
    depth: int
    identities: int
    roles: int
    permissions_per_role: int
    assignments: int


SMALL = Size("S", 2_000, 6, 2_000, 20, 20, 10_000)
MEDIUM = Size("M", 20_000, 8, 20_000, 50, 20, 100_000)


@dataclass(frozen=True, slots=True)
class Grant:
    """One assignment of the world, by indexes into its lists."""

    identity: int
    role: int
    node: int
    effective_from: datetime | None
    effective_to: datetime | None


@dataclass(slots=True)
class World:
    """Everything by index: node 0 is the root, `parents[0]` is None."""

    size: Size
    parents: list[int | None]
    permissions: list[str]
    roles: list[frozenset[int]]
    grants: list[Grant]
    grants_of: dict[int, list[Grant]] = field(default_factory=dict)

    def allows(self, identity: int, permission: int, node: int, now: datetime) -> bool:
        """The answer by walking up from the node, without any of the product's SQL."""
        active = (
            (grant.node, self.roles[grant.role])
            for grant in self.grants_of.get(identity, ())
            if (grant.effective_from is None or grant.effective_from <= now)
            and (grant.effective_to is None or now < grant.effective_to)
        )
        return is_allowed(self.parents, active, permission, node)


@dataclass(frozen=True, slots=True)
class Check:
    """One question with the oracle's answer, by indexes into the world's lists."""

    identity: int
    permission: int
    node: int
    allowed: bool


def generate(size: Size, seed: int = SEED) -> World:
    """Make a world; the same for the same size and seed.

    Args:
        size: how large.
        seed: of the random choices.

    Returns:
        The world.
    """
    choose = random.Random(seed)
    parents: list[int | None] = [None]
    depths = [0]
    while len(parents) < size.nodes:
        # The first nodes form a chain to the full depth; the others hang anywhere above the last level.
        parent = len(parents) - 1 if len(parents) <= size.depth else choose.randrange(len(parents))
        if depths[parent] < size.depth:
            depths.append(depths[parent] + 1)
            parents.append(parent)
    count = size.permissions_per_role * 4
    permissions = [f"resource{i // len(ACTIONS)}.{ACTIONS[i % len(ACTIONS)]}" for i in range(count)]
    roles = [
        frozenset(choose.sample(range(count), size.permissions_per_role)) for _ in range(size.roles)
    ]
    now = datetime.now(UTC).replace(microsecond=0)
    triples: set[tuple[int, int, int]] = set()
    grants: list[Grant] = []
    while len(grants) < size.assignments:
        triple = (
            choose.randrange(size.identities),
            choose.randrange(size.roles),
            choose.randrange(size.nodes),
        )
        if triple not in triples:
            triples.add(triple)
            grants.append(Grant(*triple, *_window(choose, now)))
    world = World(size, parents, permissions, roles, grants)
    for grant in grants:
        world.grants_of.setdefault(grant.identity, []).append(grant)
    return world


def _window(choose: random.Random, now: datetime) -> tuple[datetime | None, datetime | None]:
    if choose.random() >= 1 / 3:
        return None, None
    far, near = timedelta(days=300), timedelta(days=30)
    return choose.choice([(now - far, now + far), (now - far, now - near), (now + near, now + far)])


def questions(world: World, count: int, seed: int = SEED) -> list[Check]:
    """Checks of which half are allowed, in mixed order.

    Args:
        world: whose.
        count: how many.
        seed: of the random choices.

    Returns:
        The checks with the oracle's answers.
    """
    choose = random.Random(seed + 1)
    now = datetime.now(UTC)
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(world.parents):
        if parent is not None:
            children.setdefault(parent, []).append(node)
    wanted = {True: count - count // 2, False: count // 2}
    found: list[Check] = []
    while len(found) < count:
        grant = choose.choice(world.grants)
        node = grant.node
        while node in children and choose.random() < 0.7:
            node = choose.choice(children[node])
        permission = choose.choice(sorted(world.roles[grant.role]))
        if choose.random() < 0.5:
            node = choose.randrange(world.size.nodes)
            permission = choose.randrange(len(world.permissions))
        allowed = world.allows(grant.identity, permission, node, now)
        if wanted[allowed]:
            wanted[allowed] -= 1
            found.append(Check(grant.identity, permission, node, allowed))
    choose.shuffle(found)
    return found
