"""Two last owners, and sixteen hands that let them go at once: one of them stays."""

from __future__ import annotations

import time
from itertools import count
from uuid import UUID

import pytest

from tests.concurrency.crew import Crew
from tests.concurrency.leaving import leave, owners
from tests.factories import AccountFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db(transaction=True)

CALLERS = 16
TEAM_LOCK = "accounts.services.team.lock_team"
LONGEST_SEARCH_SECONDS = 60
# What may be told to whom comes too late: gone already, demoted already, or the last one.
TOLD = {"", "team.last_owner", "team.member_not_found", "team.beyond_own_role"}


def run_race(crew: Crew) -> tuple[UUID, list[object]]:
    """A new account with two owners, whom sixteen hands let go; gives the account and the answers."""
    account = AccountFactory.create()
    members = [TeamMemberFactory.create(account=account) for _ in range(2)]
    calls = [
        (account.pk, members[n % 2].pk, members[n % 2].user_id, n // 2) for n in range(CALLERS)
    ]
    return account.pk, crew.run(leave, *calls)


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(20, id="short"),
        pytest.param(200, id="whole", marks=pytest.mark.soak),
    ],
)
def test_one_of_two_last_owners_stays(crew: Crew, rounds: int) -> None:
    for _ in range(rounds):
        account, told = run_race(crew)

        assert owners(account) == 1
        assert set(told) <= TOLD, told
        assert "" in told
        assert "team.last_owner" in told


def test_both_last_owners_go_without_the_lock(crew: Crew) -> None:
    until = time.monotonic() + LONGEST_SEARCH_SECONDS

    with crew.without(TEAM_LOCK):
        for _ in count():
            account, _told = run_race(crew)
            left = owners(account)
            if not left or time.monotonic() > until:
                break

    assert left == 0
