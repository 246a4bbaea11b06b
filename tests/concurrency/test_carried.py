"""A permission is deleted while roles are told to carry it: either comes first, and no foreign key breaks."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

from assignments.models import Role, RolePermission
from assignments.services.permissions import NewPermission, create_permissions
from assignments.services.roles import create_role
from tests.assignments.cast import ME, Cast
from tests.concurrency.calls import send
from tests.concurrency.crew import Crew
from tests.factories import make_key

pytestmark = pytest.mark.django_db(transaction=True)

CALLERS = 16
PERMISSION_LOCK = "assignments.services.role_permissions.lock_permissions_shared"
LONGEST_SEARCH_SECONDS = 60
ROUNDS = [
    pytest.param(5, id="short"),
    pytest.param(200, id="whole", marks=pytest.mark.soak),
]


def make_roles(cast: Cast) -> list[Role]:
    """A role for each caller but the one that deletes."""
    where: dict[str, Any] = {"actor": ME, "environment": cast.environment}
    return [create_role(**where, name=f"Role {n}") for n in range(CALLERS - 1)]


def run_race(crew: Crew, cast: Cast, roles: list[Role], turn: int) -> Counter[tuple[str, int]]:
    """One deletes a permission, the others each let a role carry it; the methods and statuses."""
    key = make_key(cast.environment)
    [permission] = create_permissions(
        actor=ME, environment=cast.environment, new=[NewPermission(f"thing.act{turn}")]
    )
    body = {"permission_keys": [permission.key]}
    calls = [(key, "post", f"roles/{role.pk}/permissions", body) for role in roles]
    calls.insert(CALLERS // 2, (key, "delete", f"permissions/{permission.pk}", {}))
    answers = crew.run(send, *calls)
    return Counter((call[1], status) for call, (status, _) in zip(calls, answers, strict=True))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_permission_that_is_being_carried_is_deleted_without_a_fault(
    crew: Crew, cast: Cast, rounds: int
) -> None:
    roles = make_roles(cast)

    for turn in range(rounds):
        answers = run_race(crew, cast, roles, turn)
        assert set(answers) <= {("delete", 204), ("post", 200), ("post", 404)}
        assert answers["delete", 204] == 1
        assert not RolePermission.objects.filter(permission__key=f"thing.act{turn}").exists()


def test_a_foreign_key_is_broken_without_the_lock(crew: Crew, cast: Cast) -> None:
    roles = make_roles(cast)
    until = time.monotonic() + LONGEST_SEARCH_SECONDS
    turn = broken = 0

    with crew.without(PERMISSION_LOCK):
        while not broken and time.monotonic() < until:
            broken = run_race(crew, cast, roles, turn)["post", 409]
            turn += 1

    assert broken
