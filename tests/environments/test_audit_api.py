"""`/audit-events`: the ritual, every filter, and a feed that neither repeats nor leaves out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from environments.actors import Actor
from environments.models import AuditEvent, Environment
from environments.queries import events_of
from environments.scopes import Scope
from tests.assignments.cast import make_cast
from tests.rituals import (
    HOSTILE_VALUES,
    UNWANTED_TIMES,
    V1,
    Route,
    assert_foreign_is_like_random,
    assert_other_methods_are_refused,
    assert_scope_is_needed,
    assert_unknown_is_refused,
    error_of,
    names_field,
    statements_of,
)

pytestmark = pytest.mark.django_db
EVENTS = f"{V1}/audit-events"
START = datetime(2026, 1, 1, tzinfo=UTC)
FILTERS = [
    "from", "to", "action", "actor_id", "actor_type", "resource_type", "resource_id",
    "correlation_id", "outcome", "q", "cursor", "limit",
]  # fmt: skip
CALLS = [lambda pk: Route("get", f"audit-events/{pk}", Scope.AUDIT_VIEW)]


def make_events(environment: Environment, total: int, **fields: Any) -> list[AuditEvent]:
    """Events a minute apart, three of them at every instant."""
    rows = [
        AuditEvent(
            environment=environment,
            **{
                "actor_type": "system",
                "actor_label": "test",
                "action": "thing.done",
                "resource_type": "thing",
                "correlation_id": f"request-{n}",
                "created_at": START + timedelta(minutes=n // 3),
                **fields,
            },
        )
        for n in range(total)
    ]
    return AuditEvent.objects.bulk_create(rows, batch_size=1_000)


def told(client: Any, **params: Any) -> list[str]:
    """The ids of the events on the first page."""
    answer = client.get(EVENTS, params)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["items"]]


def stamp(at: datetime) -> str:
    """A moment as the API writes it."""
    return at.isoformat().replace("+00:00", "Z")


@pytest.fixture
def silent(environment: Environment, api: Any) -> Environment:
    """The environment without any event so far."""
    AuditEvent.objects.all().delete()
    return environment


def test_an_event_is_shown_with_all_there_is_to_know(api, environment: Environment) -> None:
    cast = make_cast(environment)
    row = cast.give()
    batch = uuid4()
    AuditEvent.objects.filter(resource_id=row.pk).update(batch_id=batch)

    [event] = api.get(EVENTS, {"resource_id": str(row.pk)}).json()["items"]

    assert api.get(f"{EVENTS}/{event['id']}").json() == event
    assert event.pop("created_at").endswith("Z")
    assert UUID(event.pop("id"))
    assert UUID(event.pop("correlation_id"))
    assert event == {
        "environment_id": str(environment.pk),
        "actor_id": None,
        "actor_type": "system",
        "actor_label": "test",
        "action": "assignment.created",
        "resource_type": "assignment",
        "resource_id": str(row.pk),
        "resource_label": str(row),
        "metadata": {
            "after": cast.body() | {"effective_from": None, "effective_to": None},
            "version": 1,
        },
        "batch_id": str(batch),
        "outcome": "success",
    }


def test_audit_events_are_put_through_the_ritual(
    api, client_of, environment, make_environment
) -> None:
    [own] = make_events(environment, 1)
    [theirs] = make_events(make_environment(), 1)
    routes = [Route("get", "audit-events", Scope.AUDIT_VIEW), CALLS[0](own.pk)]

    assert_scope_is_needed(client_of, environment, routes)
    assert_other_methods_are_refused(api, routes)
    assert_unknown_is_refused(api, routes)
    assert_foreign_is_like_random(api, CALLS, theirs.pk)
    for bad in ("x", "%00", "ext:a"):
        error_of(api.get(f"{EVENTS}/{bad}"), 404)

    assert str(theirs.pk) not in told(api, limit=200)


def test_the_newest_come_first_and_pages_hold_each_event_once(api, silent: Environment) -> None:
    rows = make_events(silent, 20)
    expected = [
        str(row.pk)
        for row in sorted(rows, key=lambda row: (row.created_at, str(row.pk)), reverse=True)
    ]
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 7}
    sizes = []
    while True:
        page = api.get(EVENTS, params).json()
        seen += [row["id"] for row in page["items"]]
        sizes.append(len(page["items"]))
        # What happens meanwhile is newer than anything that is still to come.
        make_events(silent, 1, created_at=datetime.now(UTC))
        if page["pagination"]["next_cursor"] is None:
            break
        params["cursor"] = page["pagination"]["next_cursor"]

    assert seen == expected
    assert sizes == [7, 7, 6]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "other.done"),
        ("actor_id", uuid4()),
        ("actor_type", "user"),
        ("resource_type", "other"),
        ("resource_id", uuid4()),
        ("correlation_id", "mine"),
        ("outcome", "denied"),
    ],
)
def test_a_filter_gives_exactly_what_has_the_value(api, silent, field, value) -> None:
    make_events(silent, 4)
    wanted = make_events(silent, 2, **{field: value})

    assert set(told(api, **{field: str(value)})) == {str(row.pk) for row in wanted}


def test_a_span_of_time_has_its_start_and_not_its_end(api, silent) -> None:
    rows = make_events(silent, 12)
    since, until = START + timedelta(minutes=1), START + timedelta(minutes=3)

    found = told(api, **{"from": stamp(since), "to": stamp(until)})

    assert set(found) == {str(row.pk) for row in rows if since <= row.created_at < until}
    assert len(found) == 6
    assert told(api, **{"from": stamp(until), "to": stamp(since)}) == []


def test_a_search_looks_at_who_what_and_which(api, silent) -> None:
    make_events(silent, 3)
    wanted = [
        *make_events(silent, 1, actor_label="Ada Sync"),
        *make_events(silent, 1, resource_label="the sync of 100%"),
        *make_events(silent, 1, action="sync.done"),
    ]

    assert set(told(api, q="SYNC")) == {str(row.pk) for row in wanted}
    assert told(api, q="100%") == [str(wanted[1].pk)]
    assert told(api, q="%") == [str(wanted[1].pk)]


def test_filters_narrow_each_other(api, silent) -> None:
    make_events(silent, 2, action="a.b")
    make_events(silent, 2, outcome="failure")
    [both] = make_events(silent, 1, action="a.b", outcome="failure")

    assert told(api, action="a.b", outcome="failure") == [str(both.pk)]


@pytest.mark.parametrize("name", FILTERS)
def test_an_empty_value_is_refused_and_never_means_all(api, silent, name) -> None:
    make_events(silent, 1)

    assert names_field(api.get(EVENTS, {name: ""}), name)


@pytest.mark.parametrize("name", FILTERS)
def test_hostile_values_are_no_fault_of_ours(api, silent, name) -> None:
    make_events(silent, 1)
    values = [value[:3000].strip('"') for value in HOSTILE_VALUES]
    for value in [*values, "\0", "a\0b", "\u202e", "1e9", "-1", "null"]:
        answer = api.get(EVENTS, {name: value})
        assert answer.status_code in (200, 400), (name, value, answer.content)
    assert api.get(f"{EVENTS}?{name}=%ff%00").status_code == 400
    assert len(told(api)) == 1


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("value", UNWANTED_TIMES)
def test_what_is_no_instant_is_named(api, name, value) -> None:
    assert names_field(api.get(EVENTS, {name: str(value)}), name)


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "1.5", "9" * 30])
def test_a_limit_out_of_range_is_refused(api, limit) -> None:
    assert names_field(api.get(EVENTS, {"limit": limit}), "limit")


def test_a_cursor_belongs_to_its_query_and_environment(
    api, silent, client_of, make_environment
) -> None:
    make_events(silent, 3)
    page = api.get(EVENTS, {"limit": 1, "outcome": "success"}).json()
    cursor = page["pagination"]["next_cursor"]
    other = client_of(make_environment())

    assert api.get(EVENTS, {"limit": 2, "outcome": "success", "cursor": cursor}).status_code == 200
    refused = [
        api.get(EVENTS, {"cursor": cursor}),
        api.get(EVENTS, {"cursor": cursor, "outcome": "denied"}),
        api.get(EVENTS, {"cursor": cursor[:-1] + "x", "outcome": "success"}),
        api.get(EVENTS, {"cursor": "x"}),
        other.get(EVENTS, {"cursor": cursor, "outcome": "success"}),
    ]
    for answer in refused:
        error_of(answer, 400, "cursor_invalid")


def test_three_events_cost_as_many_statements_as_thirty(api, silent) -> None:
    counts = []
    for total in (3, 30):
        make_events(silent, total)
        counts.append(statements_of(lambda: told(api, limit=200)))

    assert counts == [2, 2]


@pytest.mark.parametrize(
    ("params", "index"),
    [
        ({}, "audit_event_newest"),
        ({"resource_id": uuid4()}, "audit_event_resource"),
        ({"actor_id": uuid4()}, "audit_event_actor"),
        ({"action": "rare.act"}, "audit_event_action"),
        ({"correlation_id": "rare"}, "audit_event_correlation"),
    ],
)
def test_a_page_is_read_from_an_index(silent, params, index) -> None:
    make_events(silent, 6_000, actor_id=uuid4(), resource_id=uuid4())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE environments_auditevent")
    rows = events_of(silent).filter(**params).after(START + timedelta(minutes=500), uuid4())

    assert index in rows[:51].explain()


def test_what_an_act_of_a_key_did_is_found_by_its_request(api, environment) -> None:
    answer = api.post(
        f"{V1}/roles", {"name": "Clerk"}, format="json", headers={"X-Request-ID": "r-1"}
    )
    assert answer.status_code == 201

    [event] = api.get(EVENTS, {"correlation_id": "r-1"}).json()["items"]

    assert (event["action"], event["actor_type"], event["actor_label"]) == (
        "role.created", "api_key", "test",
    )  # fmt: skip
    assert event["resource_id"] == answer.json()["id"]
    assert Actor.system().correlation_id != "r-1"
