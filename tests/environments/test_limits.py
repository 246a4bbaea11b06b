"""A key's requests are counted, and refused when there are too many of them in a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from environments.limits import RateLimiter, limiter
from environments.models import RateWindow
from environments.scopes import Scope
from tests.concurrency.test_limits import wait_for_a_fresh_minute
from tests.rituals import V1, error_of

pytestmark = pytest.mark.django_db

QUESTION = {
    "identity_id": "ext:nobody",
    "permission": "invoice.read",
    "scope": "app_wide",
}


@pytest.fixture
def few(settings) -> None:
    """Three requests a minute, two questions and two wrong keys."""
    settings.RATE_LIMITS = {"evaluate": 2, "others": 3}
    settings.RATE_LIMIT_GUESSES = 2


@pytest.fixture(autouse=True)
def fresh(db):
    wait_for_a_fresh_minute(3)
    limiter.forget()
    yield
    limiter.forget()


def asked(client: APIClient) -> int:
    return client.post(f"{V1}/permissions/evaluate", QUESTION, format="json").status_code


def test_an_answer_tells_the_limit_and_what_is_left_of_it(few, client_of, environment) -> None:
    RateWindow.objects.all().delete()
    client = client_of(environment)
    RateWindow.objects.all().delete()
    limiter.forget()

    told = [client.get(f"{V1}/roles") for _ in range(3)]

    assert [answer["X-RateLimit-Remaining"] for answer in told] == ["2", "1", "0"]
    assert {answer["X-RateLimit-Limit"] for answer in told} == {"3"}
    assert all(1 <= int(answer["X-RateLimit-Reset"]) <= 60 for answer in told)


def test_beyond_the_limit_it_is_429_with_retry_after(few, client_of, environment) -> None:
    client = client_of(environment)
    RateWindow.objects.all().delete()
    limiter.forget()
    for _ in range(3):
        assert client.get(f"{V1}/roles").status_code == 200

    answer = client.get(f"{V1}/roles")

    error_of(answer, 429, "rate_limited")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer["X-RateLimit-Remaining"] == "0"


def test_a_refusal_counts_like_any_request(few, client_of, environment) -> None:
    client = client_of(environment, Scope.AUDIT_VIEW)
    RateWindow.objects.all().delete()
    limiter.forget()

    statuses = [client.get(f"{V1}/roles").status_code for _ in range(4)]

    assert statuses == [403, 403, 403, 429]


def test_questions_have_a_limit_of_their_own_and_so_has_each_key(
    few, client_of, environment
) -> None:
    one, other = client_of(environment), client_of(environment)
    RateWindow.objects.all().delete()
    limiter.forget()

    assert [asked(one) for _ in range(3)] == [200, 200, 429]
    assert one.get(f"{V1}/roles").status_code == 200
    assert asked(other) == 200


def test_a_new_minute_begins_anew(few, client_of, environment) -> None:
    client = client_of(environment)
    RateWindow.objects.all().delete()
    limiter.forget()
    for _ in range(4):
        client.get(f"{V1}/roles")
    RateWindow.objects.update(started_at=F("started_at") - timedelta(minutes=1))
    limiter.forget()

    assert client.get(f"{V1}/roles").status_code == 200


def test_an_address_that_guesses_keys_is_refused_and_good_keys_from_there_are_not(
    few, client_of, environment
) -> None:
    good, bad = client_of(environment), APIClient(headers={"X-API-Key": "trl_" + "0" * 38})
    RateWindow.objects.all().delete()
    limiter.forget()

    statuses = [bad.get(f"{V1}/roles").status_code for _ in range(4)]

    assert statuses == [401, 401, 429, 429]
    assert 1 <= int(bad.get(f"{V1}/roles")["Retry-After"]) <= 60
    assert good.get(f"{V1}/roles").status_code == 200


def test_one_statement_pays_for_a_hundredth_of_the_limit(environment) -> None:
    mine = RateLimiter()

    with CaptureQueriesContext(connection) as first:
        assert all(mine.take("busy", 1_000).granted for _ in range(10))
    with CaptureQueriesContext(connection) as rest:
        assert all(mine.take("busy", 1_000).granted for _ in range(990))

    assert (len(first), len(rest)) == (1, 99)
    assert not mine.take("busy", 1_000).granted


def test_what_one_process_leased_is_gone_for_the_others(environment) -> None:
    one, other = RateLimiter(), RateLimiter()
    one.take("shared", 200)

    granted = sum(other.take("shared", 200).granted for _ in range(300))

    assert granted == 198
    assert one.take("shared", 200).granted
    assert not one.take("shared", 200).granted


def test_a_lease_that_is_over_when_it_arrives_is_no_refusal(environment, monkeypatch) -> None:
    """As when the minute turns on the way; the clock of this process stands in for it."""
    mine, ticks = RateLimiter(), iter([0.0, 1000.0, 1000.0])
    monkeypatch.setattr("environments.limits.time.monotonic", lambda: next(ticks, 1001.0))

    assert mine.take("turning", 5).granted
