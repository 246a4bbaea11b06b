"""`/identities/bulk-create`: each row stands for itself, ten thousand in a fixed number of statements."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments.models import AuditEvent, Batch
from identities.models import Identity
from identities.services.identities import MOST_IDENTITIES
from tests.assignments.cast import Cast, snapshot
from tests.rituals import V1, names_field, statements_of

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


def post(api: Any, rows: Any, query: str = "") -> Any:
    """Make many known over the API."""
    return api.post(f"{BULK}{query}", {"identities": rows}, format="json")


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


@pytest.mark.parametrize("query", ["", "?dry_run=true", "?atomic=true"])
def test_thirty_rows_take_as_many_statements_as_three_thousand(api, query) -> None:
    api.get(f"{V1}/roles")
    counts = []
    for total in (30, 3_000):
        rows = [person(f"t{total}-{n}", external_id=f"x{total}-{n}") for n in range(total)]
        counts.append(statements_of(partial(post, api, rows, query)))

    assert counts[0] == counts[1]


def mixed(cast: Cast) -> list[Any]:
    """Rows of every fate."""
    return [
        person("bob", external_id="b"),
        person("bob", external_id="other"),
        person("carol", external_id="b"),
        person("ada"),
        person("dan", external_id="ada-1"),
        person("fay", email="no address"),
        person("carol", external_id="c"),
        person("eve", surprise=1),
    ]


def planned(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The results without what only a written row has."""
    return [
        {**row, "data": {**row["data"], "id": None, "created_at": None}} if "data" in row else row
        for row in told["results"]
    ]


def test_the_plan_of_many_is_what_then_happens(api, cast) -> None:
    before = snapshot(cast.environment)

    plan = post(api, mixed(cast), "?dry_run=true")

    assert plan.status_code == 200
    assert snapshot(cast.environment) == before
    told = plan.json()
    assert (told["dry_run"], told["batch_id"]) == (True, None)
    done = post(api, mixed(cast)).json()
    assert told["summary"] == done["summary"] == {"total": 8, "succeeded": 2, "failed": 6}
    assert told["results"] == planned(done)


def test_a_plan_after_the_act_finds_all_of_it_taken(api, cast) -> None:
    post(api, mixed(cast))

    plan, again = post(api, mixed(cast), "?dry_run=true").json(), post(api, mixed(cast)).json()

    assert plan["summary"] == again["summary"] == {"total": 8, "succeeded": 0, "failed": 8}
    assert plan["results"] == again["results"]


def test_all_or_none_writes_none_where_one_is_refused(api, cast) -> None:
    before = snapshot(cast.environment)
    taken = [person("bob"), person("ada"), person("carol")]

    answer = post(api, taken, "?atomic=true")
    plan = post(api, taken, "?atomic=true&dry_run=true")

    assert answer.status_code == 409
    told = answer.json()
    assert told["error"]["code"] == "not_all"
    assert told["summary"] == {"total": 3, "succeeded": 0, "failed": 3}
    assert [row["error"]["code"] for row in told["results"]] == [
        "not_written", "identities.email_taken", "not_written",
    ]  # fmt: skip
    assert told["batch_id"] is None
    assert plan.status_code == 200
    assert plan.json()["results"] == told["results"]
    assert snapshot(cast.environment) == before
    assert post(api, [person("bob"), {}], "?atomic=true").status_code == 400
    assert snapshot(cast.environment) == before


def test_all_or_none_writes_all_where_none_is_refused(api, cast) -> None:
    answer = post(api, [person("bob"), person("carol")], "?atomic=true")

    assert answer.status_code == 200
    assert answer.json()["summary"] == {"total": 2, "succeeded": 2, "failed": 0}
    assert Batch.objects.get().counts == {"succeeded": 2, "failed": 0}


def test_the_same_call_with_an_idempotency_key_is_done_once(api, cast) -> None:
    rows = {"identities": [person("bob"), person("ada")]}

    answers = [
        api.post(BULK, rows, format="json", headers={"Idempotency-Key": "once"}) for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [207, 207]
    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert Batch.objects.count() == 1


def test_each_event_carries_the_version_and_the_batch(api) -> None:
    batch_id = post(api, [person("bob"), person("carol")]).json()["batch_id"]

    events = AuditEvent.objects.filter(action="identity.created")
    assert {(str(event.batch_id), event.metadata["version"]) for event in events} == {(batch_id, 1)}
