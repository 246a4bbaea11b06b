"""Acts of a hand that creates, changes, moves and deletes nodes of a small tree at random."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from accounts.models import Account
from assignments.models import Assignment, Role
from assignments.services.assign import NewAssignment, assign_role
from assignments.services.removal import delete_node
from common.errors import DomainError
from common.outcomes import NotAll
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from hierarchy.models import Node
from hierarchy.queries import find_problems
from hierarchy.services.bulk import NewNode, create_nodes
from hierarchy.services.environments import create_environment
from hierarchy.services.nodes import create_node, move_node, update_node
from identities.models import Identity

ME = Actor.system("hammer")
# A small tree, so that hands get into each other's way.
MOST_NODES = 60
# What may become of an act whose nodes another hand has just moved or deleted.
EXPECTED = {
    "nodes.not_found",
    "nodes.parent_not_found",
    "nodes.into_itself",
    "nodes.too_deep",
    "nodes.slug_taken",
    "nodes.root_cannot_go",
    "nodes.root_cannot_move",
    "nodes.in_use",
    "assignments.conflict",
    "assignments.node_not_found",
}


def hammer(environment_id: UUID, seed: int, seconds: float) -> Counter[str]:
    """Change a tree at random.

    Args:
        environment_id: whose tree.
        seed: of the random choices.
        seconds: for how long.

    Returns:
        How often each act succeeded or was refused, by act or by the refusal's code.

    Raises:
        DomainError: if an act was refused for a reason that it may not be.
    """
    choose = random.Random(seed)
    environment = Environment.objects.get(pk=environment_id)
    roles = list(Role.objects.in_environment(environment).values_list("pk", flat=True))
    people = list(Identity.objects.in_environment(environment).values_list("pk", flat=True))
    counted: Counter[str] = Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        live = Node.objects.in_environment(environment).order_by("?")
        ids = list(live.values_list("pk", flat=True))
        one, other = Ref.of(ids[0]), Ref.of(ids[-1])
        here: dict[str, Any] = {"actor": ME, "environment": environment}
        name = f"{choose.randrange(1_000_000):06}"
        grow: dict[str, Callable[[], object]] = {
            "create": partial(create_node, **here, parent=one, name=name),
            "create many": partial(
                create_nodes,
                **here,
                rows=[NewNode(name, ref="a", parent=one), NewNode(name, parent_ref="a")],
            ),
        }
        shrink: dict[str, Callable[[], object]] = {
            "delete": partial(delete_node, **here, node=one, cascade=choose.random() < 0.8)
        }
        acts: dict[str, Callable[[], object]] = {
            "move": partial(move_node, **here, node=one, parent=other),
            "rename": partial(update_node, **here, node=one, changes={"slug": f"s{name[0]}"}),
            "move and rename": partial(
                update_node, **here, node=other, changes={"name": name}, parent=one
            ),
            "assign": partial(
                assign_role,
                **here,
                new=NewAssignment(Ref.of(choose.choice(people)), choose.choice(roles), one),
            ),
            **(grow if len(ids) < MOST_NODES else shrink),
        }
        act = choose.choice([*acts, "move"])
        try:
            acts[act]()
            counted[act] += 1
        except DomainError as refusal:
            codes = _codes_of(refusal)
            if not codes <= EXPECTED:
                raise
            counted.update(codes)
    return counted


def _codes_of(refusal: DomainError) -> set[str]:
    if isinstance(refusal, NotAll):
        return {row.refusal.code for row in refusal.outcomes if row.refusal is not None}
    return {refusal.code}


def changes(counted: Counter[str]) -> int:
    """How many acts succeeded."""
    return sum(count for act, count in counted.items() if "." not in act)


def faults(environment: Environment) -> list[str]:
    """Everything that is wrong with a tree after the hammer.

    Args:
        environment: whose tree.

    Returns:
        A line a fault.
    """
    lost = Assignment.objects.filter(environment=environment, node__deleted_at__isnull=False)
    return [
        *(f"{found.node_id}: {found.problem}" for found in find_problems(environment)),
        *(f"{row.pk} is live at a deleted node" for row in lost.live()),
    ]


def add_environment(account_id: UUID, name: str) -> str:
    """Make an environment, and with it a root.

    Args:
        account_id: whose.
        name: what it is called.

    Returns:
        The path of its root.
    """
    account = Account.objects.get(pk=account_id)
    made = create_environment(actor=ME, account=account, name=name)
    return Node.objects.get(environment=made).path
