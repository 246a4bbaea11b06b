"""A limit holds over all processes together: none of them ever grants what another has."""

from __future__ import annotations

import time

import pytest
from django.db import connection

from environments.models import RateWindow
from tests.concurrency.crew import Crew
from tests.concurrency.limits import take_many, take_many_racily

pytestmark = pytest.mark.django_db(transaction=True)

HANDS = 64
LIMIT = 700
EACH = 20
LEAST_SECONDS_LEFT = 20


def wait_for_a_fresh_minute(least_seconds: float = LEAST_SECONDS_LEFT) -> None:
    """The window is the database's minute; a test that crosses it would count two."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 60 - extract(second FROM clock_timestamp())::float8")
        (left,) = cursor.fetchone()
    if left < least_seconds:
        time.sleep(left + 0.1)


@pytest.mark.parametrize("limit", [LIMIT, 7, 1])
def test_sixty_four_hands_in_four_processes_never_exceed_a_limit(crew: Crew, limit: int) -> None:
    wait_for_a_fresh_minute()

    granted = sum(crew.run(take_many, *[(f"limit {limit}", limit, EACH)] * HANDS))

    # What a process leased and did not spend was granted to nobody.
    assert limit * 0.9 - 1 <= granted <= limit
    assert RateWindow.objects.get(name=f"limit {limit}").used >= limit


def test_a_count_in_two_statements_exceeds_it(crew: Crew) -> None:
    wait_for_a_fresh_minute()
    take_many("racy", 1_000_000, 1)
    RateWindow.objects.update(used=0)

    granted = sum(crew.run(take_many_racily, *[("racy", LIMIT, EACH)] * HANDS))

    assert granted > LIMIT
