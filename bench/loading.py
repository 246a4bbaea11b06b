"""A generated world becomes rows, through the product's own bulk acts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from accounts.models import Account
from assignments.services.assign import NewAssignment, assign_roles
from assignments.services.permissions import NewPermission, create_permissions
from assignments.services.roles import create_role
from bench.operations import Ids
from bench.world import World
from common.refs import Ref
from environments.actors import Actor
from environments.models import ApiKey, Environment
from hierarchy.queries import get_root
from hierarchy.services.bulk import NewNode, create_nodes
from hierarchy.services.environments import create_environment
from hierarchy.services.keys import create_api_key
from identities.services.identities import NewIdentity, create_identities

ROWS_AT_ONCE = 10_000
NODES_AT_ONCE = 50_000
ACTOR = Actor.system("bench")
Row = TypeVar("Row")


@dataclass
class Loaded:
    """A world in the database.

    Args:
        key: the text of an API key with full access.
        ids: of its rows, by the world's indexes.
        seconds: how long each kind of row took to load.
    """

    key: str
    ids: Ids
    seconds: dict[str, float] = field(default_factory=dict)


def load(world: World) -> Loaded:
    """Write a world into a new environment of a new account.

    Args:
        world: what to write.

    Returns:
        How to reach it.
    """
    account = Account.objects.create(name="Bench", slug="bench")
    environment = create_environment(actor=ACTOR, account=account, name="Bench")
    seconds: dict[str, float] = {}
    with _timed(seconds, "nodes"):
        nodes = _nodes(environment, world)
    with _timed(seconds, "identities"):
        identities = _identities(environment, world)
    with _timed(seconds, "roles"):
        roles = _roles(environment, world)
    ids = Ids(nodes, identities, roles)
    with _timed(seconds, "assignments"):
        _assignments(environment, world, ids)
    _, key = create_api_key(
        actor=ACTOR,
        environment=environment,
        name="bench",
        access_mode=ApiKey.AccessMode.FULL_ACCESS,
    )
    return Loaded(key, ids, seconds)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began


def _portions(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _nodes(environment: Environment, world: World) -> list[str]:
    ids = [str(get_root(environment).pk)]
    for portion in _portions(world.parents[1:], NODES_AT_ONCE):
        first = len(ids)
        rows = []
        for offset, parent in enumerate(portion):
            assert parent is not None
            place = first + offset
            # A parent of an earlier portion has its id by now; one of this portion its ref.
            rows.append(
                NewNode(
                    name=f"Node {place}",
                    ref=str(place),
                    parent=Ref("id", ids[parent]) if parent < first else None,
                    parent_ref=str(parent) if parent >= first else None,
                )
            )
        _, nodes = create_nodes(actor=ACTOR, environment=environment, rows=rows)
        ids += [str(node.pk) for node in nodes]
    return ids


def _identities(environment: Environment, world: World) -> list[str]:
    new = [
        NewIdentity(f"person{index}@example.org", "Person", str(index))
        for index in range(world.size.identities)
    ]
    ids: list[str] = []
    for portion in _portions(new, ROWS_AT_ONCE):
        _, outcomes = create_identities(portion, actor=ACTOR, environment=environment)
        ids += [str(outcome.value.pk) for outcome in outcomes if outcome.value]
    return ids


def _roles(environment: Environment, world: World) -> list[str]:
    keys = [NewPermission(key) for key in world.permissions]
    create_permissions(actor=ACTOR, environment=environment, new=keys)
    return [
        str(
            create_role(
                actor=ACTOR,
                environment=environment,
                name=f"Role {index}",
                permission_keys=[world.permissions[key] for key in carried],
            ).pk
        )
        for index, carried in enumerate(world.roles)
    ]


def _assignments(environment: Environment, world: World, ids: Ids) -> None:
    new = [
        NewAssignment(
            identity=Ref("id", ids.identities[grant.identity]),
            role_id=UUID(ids.roles[grant.role]),
            node=Ref("id", ids.nodes[grant.node]),
            effective_from=grant.effective_from,
            effective_to=grant.effective_to,
        )
        for grant in world.grants
    ]
    for portion in _portions(new, ROWS_AT_ONCE):
        _, outcomes = assign_roles(portion, actor=ACTOR, environment=environment)
        refused = [outcome.refusal for outcome in outcomes if outcome.refusal]
        if refused:
            raise RuntimeError(f"The world could not be loaded: {refused[0]}")
