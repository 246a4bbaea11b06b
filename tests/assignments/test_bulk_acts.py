"""`/assignments/bulk-remove` and `/bulk-change-role`: all or none, in a fixed number of statements."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Count

from assignments.models import Assignment, Role
from assignments.services.assign import MOST_ASSIGNMENTS
from environments.models import AuditEvent, Batch
from environments.scopes import Scope
from identities.services.identities import NewIdentity, create_identities
from tests.assignments.cast import ME, Cast, make_cast, moment, snapshot, text
from tests.assignments.undos import bulk_change_role, bulk_create, bulk_remove
from tests.rituals import (
    V1,
    Route,
    assert_hostile_is_survived,
    assert_other_methods_are_refused,
    assert_scope_is_needed,
    assert_unknown_is_refused,
    error_of,
    hostile_bodies,
    names_field,
    statements_of,
)

pytestmark = pytest.mark.django_db
REMOVE, CHANGE = "assignments/bulk-remove", "assignments/bulk-change-role"


def post(api: Any, path: str, query: str = "", **body: Any) -> Any:
    """Call with ids as texts."""
    return api.post(f"{V1}/{path}{query}", body, format="json")


def ids(*rows: Assignment) -> list[str]:
    """The ids of assignments, as they are sent."""
    return [str(row.pk) for row in rows]


def give_many(api: Any, cast: Cast, total: int) -> list[str]:
    """Give many people the reader's role at the site."""
    people = [NewIdentity(f"{total}-{n}@example.org") for n in range(total)]
    create_identities(people, actor=ME, environment=cast.environment)
    batch = bulk_create(api, *(cast.body(identity_id=f"email:{one.email}") for one in people))
    rows = Assignment.objects.filter(batch__pk=batch).values_list("pk", flat=True)
    return [str(pk) for pk in rows]


@pytest.fixture
def bodies(cast: Cast) -> dict[str, dict[str, Any]]:
    """A body that each of the two takes."""
    row = cast.give()
    return {
        REMOVE: {"assignment_ids": ids(row)},
        CHANGE: {"assignment_ids": ids(row), "role_id": str(cast.writer.pk)},
    }


def test_both_are_put_through_the_ritual(api, cast, client_of, bodies) -> None:
    routes = [Route("post", path, Scope.ASSIGNMENTS_MANAGE, body) for path, body in bodies.items()]

    assert_scope_is_needed(client_of, cast.environment, routes)
    assert_other_methods_are_refused(api, routes)
    assert_unknown_is_refused(api, routes)

    assert Assignment.objects.get().version == 1


@pytest.mark.parametrize("path", [REMOVE, CHANGE])
def test_hostile_bodies_are_survived(api, cast, bodies, path) -> None:
    assert assert_hostile_is_survived(api, "post", path, hostile_bodies(bodies[path])) > 30
    assert api.get(f"{V1}/assignments").status_code == 200


@pytest.mark.parametrize("path", [REMOVE, CHANGE])
@pytest.mark.parametrize("given", [None, [], "x", ["x"], [None], [["x"]], {}, 5])
def test_ids_are_ids(api, bodies, path, given) -> None:
    assert names_field(
        post(api, path, **(bodies[path] | {"assignment_ids": given})), "assignment_ids"
    )


@pytest.mark.parametrize("path", [REMOVE, CHANGE])
def test_one_id_too_many_is_refused(api, bodies, path) -> None:
    many = [str(uuid4())] * (MOST_ASSIGNMENTS + 1)

    assert names_field(
        post(api, path, **(bodies[path] | {"assignment_ids": many})), "assignment_ids"
    )


@pytest.mark.parametrize("path", [REMOVE, CHANGE])
def test_what_is_always_whole_cannot_be_asked_to_be_less(api, bodies, path) -> None:
    assert names_field(post(api, path, "?atomic=false", **bodies[path]), "atomic")
    assert post(api, path, "?atomic=true&dry_run=true", **bodies[path]).status_code == 200


@pytest.mark.parametrize("path", [REMOVE, CHANGE])
def test_an_unknown_id_is_named_and_nothing_is_done(
    api, cast, bodies, make_environment, path
) -> None:
    other = make_cast(make_environment())
    theirs, random = other.give().pk, uuid4()
    before = snapshot(cast.environment), snapshot(other.environment)
    told = []
    for unknown in (theirs, random):
        body = bodies[path] | {"assignment_ids": [*bodies[path]["assignment_ids"], str(unknown)]}
        error = error_of(post(api, path, **body), 404, "assignments.not_found")
        assert error["details"] == [f"assignment_ids: {unknown} does not exist"]
        told.append(error["message"].replace(str(unknown), ""))
        plan = post(api, path, "?dry_run=true", **body).json()["results"][0]
        assert (plan["code"], plan["error"]["code"]) == (404, "assignments.not_found")

    assert told[0] == told[1]
    assert (snapshot(cast.environment), snapshot(other.environment)) == before


def test_many_are_revoked_as_one_batch_and_ended_ones_stay(api, cast) -> None:
    live, later = cast.give(), cast.give(cast.writer, start=moment(2))
    over = cast.give(node=cast.room, end=moment(-1))
    gone = cast.give(cast.writer, cast.room)
    bulk_remove(api, gone.pk)
    body: dict[str, Any] = {"assignment_ids": ids(live, later, over, gone, live)}
    plan = post(api, REMOVE, "?dry_run=true", **body).json()

    answer = post(api, REMOVE, **body)

    assert (answer.status_code, answer.content) == (204, b"")
    assert plan["results"] == [
        {"index": 0, "status": "success", "code": 204, "data": {"revoked_assignments": 2}}
    ]
    batch = Batch.objects.get(pk=answer["X-Batch-ID"])
    assert (batch.action, batch.counts) == ("assignment.bulk_revoked", {"assignments": 2})
    events = AuditEvent.objects.filter(batch_id=batch.pk)
    assert set(events.values_list("action", "resource_id")) == {
        ("assignment.revoked", live.pk), ("assignment.revoked", later.pk),
    }  # fmt: skip
    assert {event.metadata["version"] for event in events} == {2}
    versions = Assignment.objects.filter(pk__in=[over.pk, gone.pk]).values_list("version")
    assert sorted(versions) == [(1,), (2,)]


def test_where_all_have_ended_there_is_no_batch(api, cast) -> None:
    over = cast.give(end=moment(-1))

    answer = post(api, REMOVE, assignment_ids=ids(over))

    assert answer.status_code == 204
    assert "X-Batch-ID" not in answer
    assert not Batch.objects.exists()


def test_the_role_of_many_is_changed_and_what_they_gave_stays(api, cast) -> None:
    start, end = moment(-3), moment(4)
    one, two = cast.give(start=start, end=end), cast.give(node=cast.room, start=moment(2))
    same = cast.give(cast.writer, cast.root)
    body: dict[str, Any] = {"assignment_ids": ids(one, two, same), "role_id": str(cast.writer.pk)}
    plan = post(api, CHANGE, "?dry_run=true", **body).json()

    answer = post(api, CHANGE, **body)

    assert answer.status_code == 200
    batch = Batch.objects.get()
    assert answer.json() == {"message": "2 assignments changed.", "batch_id": str(batch.pk)}
    assert plan["results"][0]["data"] == answer.json() | {"batch_id": None}
    assert (batch.action, batch.counts) == ("assignment.bulk_role_changed", {"assignments": 2})
    changed = Assignment.objects.get(pk=one.pk)
    assert (changed.role_id, changed.effective_from, changed.effective_to, changed.version) == (
        cast.writer.pk, start, end, 2,
    )  # fmt: skip
    former = Assignment.objects.get(revoked_at__isnull=False, node=cast.site)
    assert (former.role_id, former.effective_from, former.effective_to, former.version) == (
        cast.reader.pk, start, end, 1,
    )  # fmt: skip
    assert former.revoked_at == changed.counts_from
    assert (former.counts_from, former.created_at) == (one.counts_from, one.created_at)
    assert (former.created_by_label, former.revoked_by_label) == ("test", "test")
    assert Assignment.objects.get(pk=same.pk).version == 1
    events = AuditEvent.objects.filter(batch_id=batch.pk)
    assert {(event.resource_id, event.metadata["version"]) for event in events} == {
        (one.pk, 2), (two.pk, 2),
    }  # fmt: skip
    assert events.get(resource_id=one.pk).metadata == {
        "before": {"role_id": str(cast.reader.pk)},
        "after": {"role_id": str(cast.writer.pk)},
        "former_id": str(former.pk),
        "version": 2,
    }


def test_where_all_have_the_role_there_is_no_batch(api, cast) -> None:
    row = cast.give()

    answer = post(api, CHANGE, assignment_ids=ids(row), role_id=str(cast.reader.pk))

    assert answer.json() == {"message": "0 assignments changed.", "batch_id": None}
    assert not Batch.objects.exists()
    assert Assignment.objects.get().version == 1


def test_those_in_conflict_are_named_and_none_is_changed(api, cast) -> None:
    blocked, free = cast.give(), cast.give(node=cast.room)
    cast.give(cast.writer)
    third = Role.objects.create(environment=cast.environment, name="Third")
    twin = cast.give(third, cast.room)
    over = cast.give(node=cast.root, end=moment(-1))
    before = snapshot(cast.environment)

    answers = [
        post(api, CHANGE, assignment_ids=ids(*rows), role_id=str(cast.writer.pk))
        for rows in ([free, blocked], [free, twin], [free, over])
    ]

    for answer, row, code, said in zip(
        answers,
        (blocked, twin, over),
        ("assignments.conflict", "assignments.conflict", "assignments.ended"),
        ("overlaps", "overlapping", "expired"),
        strict=True,
    ):
        error = error_of(answer, 409, code)
        assert error["data"] == {"assignment_ids": [str(row.pk)]}
        [line] = error["details"]
        assert line.startswith(f"assignment_ids: {row.pk}: ")
        assert said in line
    assert snapshot(cast.environment) == before


def test_a_role_that_cannot_be_given_refuses_all(api, cast, make_environment) -> None:
    row = cast.give()
    theirs = make_cast(make_environment()).writer.pk
    Role.objects.filter(pk=cast.writer.pk).update(is_active=False)
    before = snapshot(cast.environment)

    inactive = post(api, CHANGE, assignment_ids=ids(row), role_id=str(cast.writer.pk))
    unknown = [
        post(api, CHANGE, assignment_ids=ids(row), role_id=str(one)) for one in (theirs, uuid4())
    ]

    assert names_field(inactive, "role_id")
    for answer in unknown:
        error_of(answer, 404, "assignments.role_not_found")
    assert snapshot(cast.environment) == before


def test_thirty_rows_take_as_many_statements_as_three_thousand(api, cast) -> None:
    counts: dict[int, list[int]] = {}
    for total in (30, 3_000):
        rows = give_many(api, cast, total)
        counts[total] = [
            statements_of(partial(bulk_change_role, api, cast.writer.pk, *rows)),
            statements_of(partial(bulk_remove, api, *rows)),
        ]

    assert counts[30] == counts[3_000]
    assert max(counts[30]) <= 20


def test_ten_thousand_are_changed_and_revoked_in_one_call_each(api, cast) -> None:
    rows = give_many(api, cast, MOST_ASSIGNMENTS)

    changed = bulk_change_role(api, cast.writer.pk, *rows)
    assert Assignment.objects.filter(role=cast.writer, revoked_at=None).count() == len(rows)
    assert Assignment.objects.exclude(revoked_at=None).count() == len(rows)
    removed = bulk_remove(api, *rows)

    assert not Assignment.objects.filter(revoked_at=None).exists()
    for batch in (changed, removed):
        events = AuditEvent.objects.filter(batch_id=batch)
        assert events.aggregate(n=Count("resource_id", distinct=True))["n"] == len(rows)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"effective_to": 5}, "active"),
        ({"effective_to": -1}, "expired"),
        ({"effective_from": 2}, "scheduled"),
        ({"effective_from": 1, "effective_to": 2}, "scheduled"),
        ({"role": "writer"}, "active"),
        ({}, "active"),
    ],
)
def test_the_plan_of_a_change_is_what_then_happens(api, cast, changes, state) -> None:
    address = f"{V1}/assignments/{cast.give().pk}"
    body: dict[str, Any] = {
        name: text(moment(days)) for name, days in changes.items() if name != "role"
    }
    if "role" in changes:
        body["role_id"] = str(cast.writer.pk)
    before = snapshot(cast.environment)
    plan = api.patch(f"{address}?dry_run=true", body, format="json").json()
    assert snapshot(cast.environment) == before

    told = api.patch(address, body, format="json").json()

    [row] = plan["results"]
    assert (plan["dry_run"], row["code"], plan["batch_id"]) == (True, 200, None)
    assert row["data"]["state"] == state
    assert row["data"]["updated_at"] == (None if body else told["updated_at"])
    assert row["data"] | {"updated_at": 0} == told | {"updated_at": 0}


def test_the_plan_of_a_change_refuses_as_the_change_does(api, cast) -> None:
    row, later = cast.give(end=moment(1)), cast.give(start=moment(2))
    cases: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"effective_to": None}, {}),
        ({"effective_from": text(moment(3))}, {}),
        ({"role_id": str(uuid4())}, {}),
        ({"effective_to": text(moment(1.5))}, {"If-Match": '"7"'}),
    ]
    for body, headers in cases:
        address = f"{V1}/assignments/{row.pk}"
        plan = api.patch(f"{address}?dry_run=true", body, format="json", headers=headers)
        told = api.patch(address, body, format="json", headers=headers)
        [planned] = plan.json()["results"]
        error = told.json()["error"]
        assert (planned["code"], planned["error"]["code"], planned["error"]["message"]) == (
            told.status_code, error["code"], error["message"],
        )  # fmt: skip
        assert told.status_code >= 400
    assert {row.version for row in Assignment.objects.filter(pk__in=[row.pk, later.pk])} == {1}


@pytest.mark.parametrize(("end", "effect"), [(None, 1), (-1, 0)])
def test_the_plan_of_a_revocation_counts_what_would_end(api, cast, end, effect) -> None:
    row = cast.give(end=end and moment(end))

    plan = api.delete(f"{V1}/assignments/{row.pk}?dry_run=true").json()

    assert plan["results"] == [
        {
            "index": 0,
            "status": "success",
            "code": 204,
            "data": {"revoked_assignments": effect},
        }
    ]
    assert Assignment.objects.get().revoked_at is None
    unknown = api.delete(f"{V1}/assignments/{uuid4()}?dry_run=true").json()["results"][0]
    assert (unknown["code"], unknown["error"]["code"]) == (404, "assignments.not_found")
