"""`/identities/bulk-create`: each row stands for itself, ten thousand in a fixed number of statements."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments.models import AuditEvent, Batch
from identities.models import Identity
from identities.services.identities import MOST_IDENTITIES
from tests.assignments.cast import Cast
from tests.rituals import V1, names_field

pytestmark = pytest.mark.django_db
BULK = f"{V1}/identities/bulk-create"


def person(name: str, **others: Any) -> dict[str, Any]:
    """A new identity by first name."""
    return {
        "email": f"{name}@example.org",
        "first_name": name.title(),
        "last_name": "Example",
        **others,
    }


def post(api: Any, rows: Any) -> Any:
    """Make many known over the API."""
    return api.post(BULK, {"identities": rows}, format="json")


def test_all_rows_that_succeed_are_200_in_input_order(api) -> None:
    rows = [person("zoe", external_id="z"), person("al", metadata={"a": [1, "x", None]})]

    answer = post(api, rows)
    told = answer.json()

    assert answer.status_code == 200
    assert set(told) == {"summary", "results", "batch_id"}
    assert told["summary"] == {"total": 2, "succeeded": 2, "failed": 0}
    for index, row in enumerate(told["results"]):
        data = api.get(f"{V1}/identities/{row['data']['id']}").json()
        assert row == {"index": index, "status": "success", "code": 201, "data": data}
        assert data["email"] == rows[index]["email"]
    assert Identity.objects.get(email="al@example.org").metadata == {"a": [1, "x", None]}
    batch = Batch.objects.get()
    assert (str(batch.pk), batch.action, batch.counts) == (
        told["batch_id"], "identity.bulk_created", {"succeeded": 2, "failed": 0},
    )  # fmt: skip


def test_some_rows_that_fail_are_207_and_do_not_hinder_the_others(api, cast: Cast) -> None:
    rows: list[Any] = [
        person("bob", external_id="b"),
        person("BOB"),
        person("carol", external_id="b"),
        person("ada"),
        person("dan", external_id="ada-1"),
        person("eve", role_id=str(cast.reader.pk)),
        person("fay", email="no address"),
        {},
        None,
        person("carol", external_id="c"),
    ]

    answer = post(api, rows)
    told = answer.json()

    assert answer.status_code == 207
    assert told["summary"] == {"total": 10, "succeeded": 2, "failed": 8}
    assert [row.get("error", {}).get("code") for row in told["results"]] == [
        None,
        "identities.email_taken",
        # The first of two rows that want the same has it.
        "identities.external_id_taken",
        "identities.email_taken",
        "identities.external_id_taken",
        "invalid",
        "invalid",
        "invalid",
        "invalid",
        None,
    ]
    assert [row["code"] for row in told["results"]] == [201, *[409] * 4, *[400] * 4, 201]
    for row, given in zip(told["results"], rows, strict=True):
        if row["status"] == "error":
            assert set(row) == {"index", "status", "code", "input", "error"}
            assert row["input"] == given
    assert told["results"][5]["error"]["details"] == ["role_id: unknown field"]
    assert told["results"][6]["error"]["details"][0].startswith("email: ")
    assert Batch.objects.get().counts == {"succeeded": 2, "failed": 8}
    assert Identity.objects.count() == 3


def test_where_no_row_succeeds_there_is_no_batch(api, cast) -> None:
    answer = post(api, [person("ada"), {}])

    assert answer.status_code == 207
    assert answer.json()["batch_id"] is None
    assert not Batch.objects.exists()


@pytest.mark.parametrize("rows", [None, [], {}, "x"])
def test_a_call_without_rows_is_refused(api, rows) -> None:
    assert names_field(post(api, rows), "identities")


def test_one_row_too_many_is_refused_before_any_is_read(api) -> None:
    assert names_field(post(api, [{}] * (MOST_IDENTITIES + 1)), "identities")


def test_ten_thousand_rows_are_written_in_a_fixed_number_of_statements(api) -> None:
    rows = [person(f"p{n}", external_id=f"x{n}") for n in range(MOST_IDENTITIES)]
    rows[7] = person("p6")
    api.get(f"{V1}/roles")
    AuditEvent.objects.all().delete()

    with CaptureQueriesContext(connection) as captured:
        answer = post(api, rows)

    assert answer.status_code == 207
    assert answer.json()["summary"]["succeeded"] == MOST_IDENTITIES - 1
    assert len(captured) <= 25, [query["sql"][:80] for query in captured]
    [batch] = Batch.objects.all()
    events = AuditEvent.objects.filter(action="identity.created", batch_id=batch.pk)
    assert events.count() == events.values("resource_id").distinct().count() == MOST_IDENTITIES - 1
    made = [row["data"]["email"] for row in answer.json()["results"] if row["code"] == 201]
    assert made == [row["email"] for row in rows if row is not rows[7]]


def test_ten_rows_take_as_many_statements_as_a_thousand(api) -> None:
    api.get(f"{V1}/roles")
    counts = []
    for total in (10, 1_000):
        with CaptureQueriesContext(connection) as captured:
            post(api, [person(f"t{total}-{n}") for n in range(total)])
        counts.append(len(captured))

    assert counts[0] == counts[1]
