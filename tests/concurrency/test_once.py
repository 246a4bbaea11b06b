"""Sixteen calls with one Idempotency-Key: one is done, the others are its replay or told to wait."""

from __future__ import annotations

import time

import pytest

from environments.models import IdempotencyRecord
from hierarchy.models import Node
from tests.assignments.cast import Cast
from tests.concurrency.calls import send_once
from tests.concurrency.crew import Crew
from tests.concurrency.test_races import CALLERS, LONGEST_SEARCH_SECONDS, ROUNDS, without_constraint
from tests.factories import make_key

pytestmark = pytest.mark.django_db(transaction=True)

LOCK = "environments.api.once._refuse_running"


def run_round(crew: Crew, cast: Cast, key: str, turn: int) -> list[tuple[int, str, bool]]:
    """Sixteen hands create the same node with the same Idempotency-Key."""
    body = {"parent_node_id": str(cast.site.pk), "name": f"Node {turn}"}
    answers: list[tuple[int, str, bool]] = crew.run(
        send_once, *[(key, "nodes", body, f"turn {turn}")] * CALLERS
    )
    return answers


@pytest.mark.parametrize("rounds", ROUNDS)
def test_one_of_sixteen_creates_and_the_others_replay_or_wait(
    crew: Crew, cast: Cast, rounds: int
) -> None:
    key = make_key(cast.environment)

    for turn in range(rounds):
        before = Node.objects.count()
        answers = run_round(crew, cast, key, turn)
        made = [answer for answer in answers if answer[0] == 201]
        assert sum(not replayed for _, _, replayed in made) == 1
        assert len({row_id for _, row_id, _ in made}) == 1
        assert {answer[:2] for answer in answers if answer[0] != 201} <= {
            (409, "idempotency.running")
        }
        assert Node.objects.count() == before + 1


def test_several_create_without_the_lock_and_its_constraint(crew: Crew, cast: Cast) -> None:
    key = make_key(cast.environment)
    until = time.monotonic() + LONGEST_SEARCH_SECONDS
    turn = made = 0

    with (
        without_constraint(IdempotencyRecord, "idempotency_record_unique"),
        crew.without(LOCK),
    ):
        while made < 2 and time.monotonic() < until:
            before = Node.objects.count()
            run_round(crew, cast, key, turn)
            made = Node.objects.count() - before
            turn += 1
        IdempotencyRecord.objects.all().delete()

    assert made >= 2
