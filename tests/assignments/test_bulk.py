"""`/assignments/bulk-create`: each row stands for itself, ten thousand in a fixed number of statements."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from assignments.models import Assignment
from assignments.services.assign import MOST_ASSIGNMENTS
from environments.models import AuditEvent, Batch
from identities.models import Identity
from identities.services.identities import NewIdentity, create_identities
from tests.assignments.cast import ME, Cast, make_cast, moment, text
from tests.rituals import V1, error_of, names_field

pytestmark = pytest.mark.django_db
BULK = f"{V1}/assignments/bulk-create"


def post(api: Any, rows: Any) -> Any:
    """Assign many over the API."""
    return api.post(BULK, {"assignments": rows}, format="json")


def brief(answer: Any) -> list[tuple[int, str]]:
    """The status of each row, with the code of its refusal."""
    return [
        (row["code"], row["error"]["code"] if row["status"] == "error" else "")
        for row in answer.json()["results"]
    ]


def test_all_rows_that_succeed_are_200_in_input_order(api, cast: Cast) -> None:
    rows = [
        cast.body(),
        cast.body(node_id="ext:site-1", role_id=str(cast.writer.pk)),
        cast.body(node_id=str(cast.room.pk), identity_id="email:ada@example.org"),
    ]

    answer = post(api, rows)
    told = answer.json()

    assert answer.status_code == 200
    assert set(told) == {"summary", "results", "batch_id"}
    assert told["summary"] == {"total": 3, "succeeded": 3, "failed": 0}
    for index, row in enumerate(told["results"]):
        address = f"{V1}/assignments/{row['data']['id']}"
        assert row == {
            "index": index,
            "status": "success",
            "code": 201,
            "data": api.get(address).json(),
        }
    assert [row["data"]["node_id"] for row in told["results"]] == [
        str(cast.site.pk), str(cast.site.pk), str(cast.room.pk),
    ]  # fmt: skip
    batch = Batch.objects.get()
    assert (str(batch.pk), batch.action, batch.counts) == (
        told["batch_id"], "assignment.bulk_created", {"succeeded": 3, "failed": 0},
    )  # fmt: skip
    assert Assignment.objects.filter(batch=batch).count() == 3


def test_some_rows_that_fail_are_207_and_do_not_hinder_the_others(
    api, cast, make_environment
) -> None:
    other = make_cast(make_environment())
    Identity.objects.filter(pk=cast.person("off").pk).update(status="inactive")
    cast.give(cast.writer)
    late, early = text(moment(2)), text(moment(1))
    rows: list[Any] = [
        cast.body(),
        cast.body(identity_id=str(other.ada.pk)),
        cast.body(node_id=str(other.site.pk)),
        cast.body(role_id=str(other.reader.pk)),
        cast.body(identity_id="email:off@example.org"),
        cast.body(effective_from=late, effective_to=early),
        cast.body(effective_from="2026-01-01"),
        cast.body(role_id=str(cast.writer.pk)),
        cast.body(surprise=1),
        {},
        None,
        "row",
        cast.body(node_id=str(cast.room.pk)),
    ]

    answer = post(api, rows)
    told = answer.json()

    assert answer.status_code == 207
    assert told["summary"] == {"total": 13, "succeeded": 2, "failed": 11}
    assert brief(answer) == [
        (201, ""),
        (404, "assignments.identity_not_found"),
        (404, "assignments.node_not_found"),
        (404, "assignments.role_not_found"),
        (409, "assignments.identity_inactive"),
        (400, "assignments.window_empty"),
        (400, "invalid"),
        (409, "assignments.conflict"),
        (400, "invalid"),
        (400, "invalid"),
        (400, "invalid"),
        (400, "invalid"),
        (201, ""),
    ]
    assert [row["index"] for row in told["results"]] == list(range(13))
    for row, given in zip(told["results"], rows, strict=True):
        if row["status"] == "error":
            assert set(row) == {"index", "status", "code", "input", "error"}
            assert row["input"] == given
            assert {"code", "message"} <= set(row["error"]) <= {"code", "message", "details"}
    assert told["results"][6]["error"]["details"][0].startswith("effective_from: ")
    assert told["results"][8]["error"]["details"] == ["surprise: unknown field"]
    assert Assignment.objects.filter(batch=told["batch_id"]).count() == 2
    assert Batch.objects.get().counts == {"succeeded": 2, "failed": 11}


def test_where_no_row_succeeds_there_is_no_batch(api, cast) -> None:
    answer = post(api, [cast.body(role_id=str(uuid4())), {}])

    assert answer.status_code == 207
    assert answer.json()["batch_id"] is None
    assert answer.json()["summary"] == {"total": 2, "succeeded": 0, "failed": 2}
    assert not Batch.objects.exists()


def test_rows_of_one_call_may_not_overlap_each_other(api, cast) -> None:
    start, middle, end = moment(1), moment(2), moment(3)
    rows = [
        cast.body(effective_from=text(start), effective_to=text(middle)),
        cast.body(effective_from=text(start), effective_to=text(middle)),
        cast.body(effective_from=text(middle), effective_to=text(end)),
        cast.body(identity_id="ext:ada-1", effective_from=text(end - timedelta(hours=1))),
        cast.body(effective_to=text(start)),
        cast.body(),
        cast.body(role_id=str(cast.writer.pk)),
        cast.body(effective_from=text(end)),
    ]

    answer = post(api, rows)

    clash = (409, "assignments.conflict")
    assert brief(answer) == [
        (201, ""), clash, (201, ""), clash, (201, ""), clash, (201, ""), (201, ""),
    ]  # fmt: skip


def test_a_row_that_is_refused_stands_in_nobodys_way(api, cast) -> None:
    blocking = cast.give(end=moment(2))
    later = text(moment(1))

    answer = post(api, [cast.body(), cast.body(effective_from=text(moment(3)))])

    assert brief(answer) == [(409, "assignments.conflict"), (201, "")]
    assert Assignment.objects.filter(effective_from__gt=later).count() == 1
    assert Assignment.objects.get(pk=blocking.pk).revoked_at is None


def test_windows_that_are_over_never_clash(api, cast) -> None:
    over = {"effective_from": text(moment(-2)), "effective_to": text(moment(-1))}

    answer = post(api, [cast.body(**over), cast.body(**over), cast.body()])

    assert answer.status_code == 200
    states = [row["data"]["state"] for row in answer.json()["results"]]
    assert states == ["expired", "expired", "active"]


def test_hostile_text_is_told_back_as_it_was_sent(api, cast) -> None:
    body = '{"assignments": [{"identity_id": "\\ud800\\u0000", "\\udfff": "\\u202e"}]}'

    answer = api.generic("POST", BULK, body, content_type="application/json")

    assert answer.status_code == 207
    assert answer.json()["results"][0]["input"] == {
        "identity_id": "\ud800\0", "\udfff": "\u202e",
    }  # fmt: skip


@pytest.mark.parametrize("rows", [None, [], {}, "x", 5])
def test_a_call_without_rows_is_refused(api, rows) -> None:
    assert names_field(post(api, rows), "assignments")


def test_one_row_too_many_is_refused_before_any_is_read(api, cast) -> None:
    assert names_field(post(api, [{}] * (MOST_ASSIGNMENTS + 1)), "assignments")


def test_a_body_of_more_than_20_megabytes_is_refused(api) -> None:
    body = '{"assignments": ["' + "x" * (20 * 1024 * 1024) + '"]}'

    error_of(api.generic("POST", BULK, body, content_type="application/json"), 413, "too_large")


def test_ten_thousand_rows_are_written_in_a_fixed_number_of_statements(api, cast) -> None:
    people = [NewIdentity(f"p{n}@example.org") for n in range(MOST_ASSIGNMENTS)]
    create_identities(people, actor=ME, environment=cast.environment)
    rows = [cast.body(identity_id=f"email:{one.email}") for one in people]
    api.get(f"{V1}/roles")
    AuditEvent.objects.all().delete()
    Batch.objects.all().delete()

    with CaptureQueriesContext(connection) as captured:
        answer = post(api, rows)

    assert answer.status_code == 200
    assert answer.json()["summary"]["succeeded"] == MOST_ASSIGNMENTS
    assert len(captured) <= 25, [query["sql"][:80] for query in captured]
    [batch] = Batch.objects.all()
    events = AuditEvent.objects.filter(action="assignment.created", batch_id=batch.pk)
    assert events.aggregate(n=Count("resource_id", distinct=True))["n"] == MOST_ASSIGNMENTS
    assert Assignment.objects.filter(batch=batch, revoked_at=None).count() == MOST_ASSIGNMENTS
    ids = [row["data"]["identity_id"] for row in answer.json()["results"]]
    by_email = dict(Identity.objects.values_list("email", "pk"))
    assert ids == [str(by_email[one.email]) for one in people]


def test_ten_rows_take_as_many_statements_as_a_thousand(api, cast) -> None:
    api.get(f"{V1}/roles")
    counts = []
    for total in (10, 1_000):
        people = [NewIdentity(f"{total}-{n}@example.org") for n in range(total)]
        create_identities(people, actor=ME, environment=cast.environment)
        with CaptureQueriesContext(connection) as captured:
            post(api, [cast.body(identity_id=f"email:{one.email}") for one in people])
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_ten_thousand_windows_of_one_holder_go_in_one_call(api, cast) -> None:
    start = moment(1)
    hour = timedelta(hours=1)
    rows = [
        cast.body(effective_from=text(start + n * hour), effective_to=text(start + (n + 1) * hour))
        for n in range(MOST_ASSIGNMENTS)
    ]

    answer = post(api, [*rows[:-1], rows[0]])

    assert answer.json()["summary"] == {"total": 10_000, "succeeded": 9_999, "failed": 1}
