"""Filling a fresh environment with the sample company, through the services everyone uses."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection, transaction

from assignments.models import Permission, Role
from assignments.services.assign import NewAssignment, assign_roles
from assignments.services.permissions import NewPermission, create_permissions
from assignments.services.roles import create_role
from common.errors import Conflict
from common.outcomes import Outcome
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from hierarchy.locks import lock_tree
from hierarchy.models import Node
from hierarchy.queries import get_root
from hierarchy.services.bulk import NewNode, create_nodes
from identities.models import Identity
from identities.services.change import update_identity
from identities.services.identities import NewIdentity, create_identities
from onboarding.sample import (
    ACTIONS,
    EMAIL_DOMAIN,
    EVERYWHERE,
    EXTRAS,
    INACTIVE,
    PLACES,
    ROLES,
    WITHOUT_ROLE,
    RoleSketch,
)

KEYS = tuple(f"{word}.{act}" for word, acts in ACTIONS.items() for act in acts)


@transaction.atomic
def load_sample(*, actor: Actor, environment: Environment) -> None:
    """Fill an environment that holds nothing but its root with the sample company.

    Args:
        actor: who fills it.
        environment: which; still empty.

    Raises:
        Conflict: `sample.not_empty`.
        Forbidden: `scope_missing`.
    """
    # The strongest lock of all the acts below, before the look that they rest on.
    lock_tree(environment.pk)
    _require_empty(environment)
    create_permissions(actor=actor, environment=environment, new=[NewPermission(k) for k in KEYS])
    roles = {
        sketch.name: create_role(
            actor=actor,
            environment=environment,
            name=sketch.name,
            description=sketch.description,
            permission_keys=carried_by(sketch),
        )
        for sketch in ROLES
    }
    _, nodes = create_nodes(actor=actor, environment=environment, rows=list(_new_nodes()))
    places = {place.path: Ref.of(node.pk) for place, node in zip(PLACES, nodes, strict=True)}
    places[""] = Ref.of(get_root(environment).pk)
    people = [*_everyone()]
    _, made = create_identities(
        [_new_identity(name) for name in people], actor=actor, environment=environment
    )
    _require_all(made)
    assignments = list(_new_assignments(roles, places, _now()))
    _, given = assign_roles(assignments, actor=actor, environment=environment)
    _require_all(given)
    for name in INACTIVE:
        update_identity(
            actor=actor,
            environment=environment,
            identity=ref_of(name),
            changes={"status": Identity.Status.INACTIVE},
        )


def carried_by(sketch: RoleSketch) -> list[str]:
    """The permission keys that a sketch's patterns stand for.

    Args:
        sketch: the role.

    Returns:
        Keys in the order in which they are listed.
    """
    patterns = [pattern.split(".") for pattern in sketch.carries]
    return [
        key
        for key in KEYS
        if any(
            word in ("*", key.split(".")[0]) and act in ("*", key.split(".")[1])
            for word, act in patterns
        )
    ]


def ref_of(name: str) -> Ref:
    """The reference to a person of the sample, by their address.

    Args:
        name: their name.

    Returns:
        A reference of kind "email".
    """
    plain = unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode()
    return Ref("email", f"{plain.lower().replace(' ', '.')}@{EMAIL_DOMAIN}")


def _require_empty(environment: Environment) -> None:
    nodes = Node.objects.in_environment(environment).count()
    filled = any(
        model.objects.filter(environment=environment).exists()
        for model in (Identity, Role, Permission)
    )
    if nodes > 1 or filled:
        raise Conflict(
            "sample.not_empty",
            f"{environment.name} is not empty; sample data goes into a fresh environment only.",
        )


def _everyone() -> Iterator[str]:
    for names in EVERYWHERE.values():
        yield from names
    for place in PLACES:
        yield from place.people
    yield from WITHOUT_ROLE


def _new_identity(name: str) -> NewIdentity:
    first, _, last = name.partition(" ")
    return NewIdentity(email=ref_of(name).value, first_name=first, last_name=last)


def _new_nodes() -> Iterator[NewNode]:
    for place in PLACES:
        above, _, name = place.path.rpartition(" / ")
        yield NewNode(
            name=name, ref=place.path, parent_ref=above or None, node_type=place.node_type
        )


def _new_assignments(
    roles: dict[str, Role], places: dict[str, Ref], now: datetime
) -> Iterator[NewAssignment]:
    for role, names in EVERYWHERE.items():
        for name in names:
            yield NewAssignment(ref_of(name), roles[role].pk, places[""])
    for place in PLACES:
        for name in place.people:
            yield NewAssignment(ref_of(name), roles[place.role].pk, places[place.path])
    for extra in EXTRAS:
        yield NewAssignment(
            ref_of(extra.person),
            roles[extra.role].pk,
            places[extra.path],
            None if extra.starts is None else now + timedelta(days=extra.starts),
            None if extra.ends is None else now + timedelta(days=extra.ends),
        )


def _now() -> datetime:
    """The database's clock, by which the windows will be judged."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('minute', statement_timestamp())")
        row: tuple[datetime] = cursor.fetchone()
    return row[0]


def _require_all(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.refusal is not None:
            raise outcome.refusal
