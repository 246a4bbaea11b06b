"""Sixteen callers undo the same batch: one of them does, the others find nothing left."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from rest_framework.test import APIClient

from assignments.models import Assignment
from environments.models import Batch
from tests.assignments.cast import Cast
from tests.assignments.undos import bulk_remove
from tests.concurrency.calls import send
from tests.concurrency.crew import Crew
from tests.concurrency.test_races import CALLERS, LONGEST_SEARCH_SECONDS, ROUNDS
from tests.factories import make_key

pytestmark = pytest.mark.django_db(transaction=True)
LOCKS = "assignments.services.undo._lock"


def undo_race(crew: Crew, cast: Cast, key: str) -> Counter[tuple[int, str]]:
    """One round: what Ada holds is revoked by one call, and given back by whoever comes first."""
    api: Any = APIClient()
    api.credentials(HTTP_X_API_KEY=key)
    held = Assignment.objects.filter(identity=cast.ada).live()
    batch = bulk_remove(api, *held.values_list("pk", flat=True))
    answers = crew.run(send, *[(key, "post", f"batches/{batch}/undo")] * CALLERS)
    return Counter((status, code if status >= 400 else "") for status, code in answers)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_batch_is_undone_once_by_one_of_sixteen(crew: Crew, cast: Cast, rounds: int) -> None:
    key = make_key(cast.environment)
    for node in (cast.root, cast.site, cast.room):
        cast.give(node=node)

    for turn in range(rounds):
        answers = undo_race(crew, cast, key)
        assert answers == {(200, ""): 1, (409, "batches.nothing_left"): CALLERS - 1}
        assert Batch.objects.filter(undo_of__isnull=False).count() == turn + 1
        assert Assignment.objects.live().count() == 3


def test_a_batch_is_undone_several_times_without_the_locks(crew: Crew, cast: Cast) -> None:
    key = make_key(cast.environment)
    until = time.monotonic() + LONGEST_SEARCH_SECONDS
    cast.give()
    done = 0

    with crew.without(LOCKS):
        while done < 2 and time.monotonic() < until:
            done = undo_race(crew, cast, key)[200, ""]

    assert done >= 2
