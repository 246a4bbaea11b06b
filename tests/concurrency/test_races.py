"""Sixteen callers want the one thing of which there can be one: one of them gets it, the others are told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, models

from assignments.models import Assignment, Permission, Role
from hierarchy.models import Node
from identities.models import Identity
from tests.assignments.cast import Cast
from tests.concurrency.calls import send
from tests.concurrency.crew import Crew
from tests.factories import make_key

pytestmark = pytest.mark.django_db(transaction=True)

CALLERS = 16
IDENTITY_LOCK = "assignments.services.assign.lock_identities"
LONGEST_SEARCH_SECONDS = 60
ROUNDS = [
    pytest.param(5, id="short"),
    pytest.param(200, id="whole", marks=pytest.mark.soak),
]


@dataclass(frozen=True)
class Race:
    """Something that there can be once.

    Args:
        path: where it is made, below `/api/v1/`.
        body: makes the body of a caller's call, from the cast, the round and the caller.
        code: what those who come too late are told.
        model: whose rows are at stake.
        constraint: the name of the constraint that keeps it single.
        checks: what keeps it single before, where an act has the sole right to what it reads.
    """

    path: str
    body: Callable[[Cast, int, int], dict[str, Any]]
    code: str
    model: type[models.Model]
    constraint: str
    checks: tuple[str, ...] = ()


RACES = {
    "role name": Race(
        "roles",
        lambda cast, turn, n: {"name": f"rOLE {turn}" if n % 2 else f"Role {turn}"},
        "roles.name_taken",
        Role,
        "role_name_unique",
    ),
    "permission key": Race(
        "permissions",
        lambda cast, turn, n: {"permissions": [{"key": f"thing.act{turn}"}]},
        "permissions.key_taken",
        Permission,
        "permission_key_unique",
    ),
    "identity e-mail": Race(
        "identities",
        lambda cast, turn, n: {
            "email": f"{'BOB' if n % 2 else 'bob'}{turn}@example.org",
            "first_name": "Bob",
            "last_name": str(n),
        },
        "identities.email_taken",
        Identity,
        "identity_email_unique",
    ),
    "identity external id": Race(
        "identities",
        lambda cast, turn, n: {
            "email": f"bob-{turn}-{n}@example.org",
            "first_name": "Bob",
            "last_name": str(n),
            "external_id": f"own-{turn}",
        },
        "identities.external_id_taken",
        Identity,
        "identity_external_id_unique",
    ),
    "node slug": Race(
        "nodes",
        lambda cast, turn, n: {
            "parent_node_id": str(cast.site.pk),
            "name": f"Node {n}",
            "slug": f"slug-{turn}",
        },
        "nodes.slug_taken",
        Node,
        "node_slug_unique",
        ("hierarchy.services.nodes.require_free_slug",),
    ),
    "node external id": Race(
        "nodes",
        lambda cast, turn, n: {
            "parent_node_id": str((cast.site if n % 2 else cast.room).pk),
            "name": f"Node {turn}",
            "external_id": f"own-{turn}",
        },
        "nodes.external_id_taken",
        Node,
        "node_external_id_unique",
        ("hierarchy.services.nodes.require_free_external_id",),
    ),
}


def run_race(crew: Crew, cast: Cast, key: str, race: Race, turn: int) -> Counter[tuple[int, str]]:
    """The statuses and codes of one round; what was made counts as ''."""
    bodies = [race.body(cast, turn, caller) for caller in range(CALLERS)]
    answers = crew.run(send, *((key, "post", race.path, body) for body in bodies))
    return Counter((status, code if status >= 400 else "") for status, code in answers)


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("name", RACES)
def test_a_name_goes_to_one_of_sixteen(crew: Crew, cast: Cast, name: str, rounds: int) -> None:
    race, key = RACES[name], make_key(cast.environment)

    for turn in range(rounds):
        before = race.model._default_manager.count()
        answers = run_race(crew, cast, key, race, turn)
        assert answers == {(201, ""): 1, (409, race.code): CALLERS - 1}
        assert race.model._default_manager.count() == before + 1


@contextmanager
def without_constraint(model: type[models.Model], name: str) -> Iterator[None]:
    """Take a constraint away; whoever calls this removes the rows that break it."""
    [constraint] = [found for found in model._meta.constraints if found.name == name]
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)


@pytest.mark.parametrize("name", RACES)
def test_a_name_goes_to_several_without_its_constraint(crew: Crew, cast: Cast, name: str) -> None:
    race, key = RACES[name], make_key(cast.environment)
    until = time.monotonic() + LONGEST_SEARCH_SECONDS
    known = list(race.model._default_manager.values_list("pk", flat=True))
    turn = 0

    with without_constraint(race.model, race.constraint), crew.without(*race.checks):
        made = 0
        while made < 2 and time.monotonic() < until:
            made = run_race(crew, cast, key, race, turn)[201, ""]
            turn += 1
        others = race.model._default_manager.exclude(pk__in=known)
        others._raw_delete(others.db)

    assert made >= 2


def overlap_race(crew: Crew, cast: Cast, key: str, turn: int) -> Counter[tuple[int, str]]:
    """Sixteen windows that share an instant, in a year of the round's own."""
    body = cast.body(effective_to=f"{2100 + turn}-07-02T00:00:00Z")
    calls = [
        (key, "post", "assignments", {**body, "effective_from": f"{2100 + turn}-0{1 + n % 6}-01T00:00:00Z"})
        for n in range(CALLERS)
    ]  # fmt: skip
    answers = crew.run(send, *calls)
    return Counter((status, code if status >= 400 else "") for status, code in answers)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_one_of_sixteen_overlapping_assignments_is_made(
    crew: Crew, cast: Cast, rounds: int
) -> None:
    key = make_key(cast.environment)

    for turn in range(rounds):
        answers = overlap_race(crew, cast, key, turn)
        assert answers == {(201, ""): 1, (409, "assignments.conflict"): CALLERS - 1}
        assert Assignment.objects.count() == turn + 1


def test_several_overlapping_assignments_are_made_without_the_lock(crew: Crew, cast: Cast) -> None:
    key = make_key(cast.environment)
    until = time.monotonic() + LONGEST_SEARCH_SECONDS
    turn = made = 0

    with crew.without(IDENTITY_LOCK):
        while made < 2 and time.monotonic() < until:
            made = overlap_race(crew, cast, key, turn)[201, ""]
            turn += 1

    assert made >= 2
