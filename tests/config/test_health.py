"""What load balancers ask, and what stands where no view answers."""

import pytest
from django.db import connection
from django.test import Client

from environments.models import Heartbeat
from environments.services.heartbeats import record_heartbeat
from environments.tasks import beat_heart

pytestmark = pytest.mark.django_db


def test_healthz_asks_nothing(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        answer = Client().get("/healthz")

    assert answer.status_code == 200
    assert answer.content == b"ok\n"


def test_readyz_tells_how_long_ago_the_worker_lived() -> None:
    assert Client().get("/readyz").json()["heartbeat_seconds"] == {}

    beat_heart()
    beat_heart()

    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["ready"] is True
    assert 0 <= answer.json()["heartbeat_seconds"]["worker"] < 5
    assert Heartbeat.objects.count() == 1


def test_a_heartbeat_is_stamped_by_the_databases_clock() -> None:
    record_heartbeat(name="worker")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT beat_at BETWEEN now() - interval '1 minute' AND statement_timestamp()"
            " FROM environments_heartbeat"
        )
        assert cursor.fetchall() == [(True,)]


@pytest.mark.django_db(transaction=True)
def test_readyz_is_503_with_retry_after_while_a_migration_is_pending() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE id ="
            " (SELECT max(id) FROM django_migrations WHERE app = 'hierarchy')"
            " RETURNING app, name, applied"
        )
        (row,) = cursor.fetchall()
    try:
        answer = Client().get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", row
            )

    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert answer.json() == {**answer.json(), "ready": False, "database": True, "migrated": False}


@pytest.mark.parametrize("address", ["/api/", "/api/v1", "/api/v1/nothing", "/api/v2/nodes"])
def test_an_unknown_address_of_the_api_is_answered_in_json(address: str) -> None:
    answer = Client().get(address)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert answer["X-Request-ID"] == answer.json()["error"]["request_id"]


def test_a_request_id_is_echoed_when_it_is_plain_and_made_when_it_is_not() -> None:
    plain = Client().get("/healthz", headers={"X-Request-ID": "order-7/a"})
    odd = Client().get("/healthz", headers={"X-Request-ID": "a b\x7f"})

    assert plain["X-Request-ID"] == "order-7/a"
    assert odd["X-Request-ID"] != "a b\x7f"
    assert len(odd["X-Request-ID"]) == 36


def test_the_openapi_file_and_its_page_need_no_key() -> None:
    assert Client().get("/api/v1/openapi.json").json()["openapi"].startswith("3.1")
    page = Client().get("/api/v1/docs")

    assert page.status_code == 200
    assert b"http://" not in page.content.replace(b"http://127.0.0.1", b"")
    assert "unsafe" not in page["Content-Security-Policy"]
