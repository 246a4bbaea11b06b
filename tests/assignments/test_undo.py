"""Undoing what was done to assignments: unchanged rows are reverted, the others reported."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F

from assignments.batches import UNDOABLE
from assignments.models import Assignment, Role
from assignments.services.undo import KINDS
from environments.models import AuditEvent, Batch
from environments.scopes import ALL_SCOPES, Scope
from identities.models import Identity
from identities.services.identities import NewIdentity, create_identities
from tests.assignments.cast import ME, Cast, make_cast, moment, snapshot, text
from tests.assignments.undos import (
    BATCHES,
    acts,
    assert_refused,
    bulk_change_role,
    bulk_create,
    bulk_remove,
    refused,
    undo,
    undone,
)
from tests.rituals import (
    V1,
    Route,
    assert_foreign_is_like_random,
    assert_other_methods_are_refused,
    assert_scope_is_needed,
    assert_unknown_is_refused,
    error_of,
    statements_of,
)

pytestmark = pytest.mark.django_db
CALLS = [
    lambda pk: Route("get", f"batches/{pk}", Scope.ASSIGNMENTS_VIEW),
    lambda pk: Route("post", f"batches/{pk}/undo", Scope.ASSIGNMENTS_MANAGE),
]


def live(cast: Cast) -> list[tuple[Any, ...]]:
    """What is held now: by whom, which role, where and when."""
    rows = Assignment.objects.filter(environment=cast.environment).live()
    names = ("identity", "role", "node", "effective_from", "effective_to")
    return sorted(rows.values_list(*names), key=str)


def test_every_kind_that_is_called_undoable_has_its_undo() -> None:
    assert set(KINDS) == UNDOABLE


def test_a_batch_is_shown_with_until_when_it_may_be_undone(api, cast) -> None:
    batch = bulk_create(api, cast.body(), cast.body(node_id=str(cast.room.pk)))

    told = api.get(f"{BATCHES}/{batch}").json()

    row = Batch.objects.get(pk=batch)
    assert told == {
        "id": batch,
        "action": "assignment.bulk_created",
        "created_at": text(row.created_at),
        "actor_label": "test",
        "undoable_until": text(row.created_at + timedelta(days=30)),
        "counts": {"succeeded": 2, "failed": 0},
    }


def test_batches_are_put_through_the_ritual(api, cast, client_of, make_environment) -> None:
    batch = bulk_create(api, cast.body())
    other = make_cast(make_environment())
    theirs = bulk_create(client_of(other.environment), other.body())
    before = snapshot(other.environment)
    routes = [call(batch) for call in CALLS]

    assert_scope_is_needed(client_of, cast.environment, routes)
    assert_other_methods_are_refused(api, routes)
    assert_unknown_is_refused(api, routes)
    assert_foreign_is_like_random(api, CALLS, theirs)
    for bad in ("x", "%00", "ext:a"):
        error_of(api.get(f"{BATCHES}/{bad}"), 404)
        error_of(undo(api, bad), 404)

    assert snapshot(other.environment) == before
    assert live(cast)


def test_what_was_given_is_revoked_and_an_undo_is_undone(api, cast) -> None:
    start, end = moment(1), moment(9)
    window = {"effective_from": text(start), "effective_to": text(end)}
    batch = bulk_create(api, cast.body(**window), cast.body(node_id=str(cast.room.pk)))
    given = live(cast)

    first = undone(api, batch)
    assert live(cast) == []
    second = undone(api, first)
    assert live(cast) == given
    third = undone(api, second)

    assert live(cast) == []
    undos = Batch.objects.filter(undo_of__isnull=False).order_by("created_at")
    assert [(str(row.pk), str(row.undo_of_id)) for row in undos] == [
        (first, batch), (second, first), (third, second),
    ]  # fmt: skip
    assert {row.action for row in undos} == {"batch.undone"}
    assert undos[0].counts == {"succeeded": 2, "failed": 0}
    assert undos[0].actor_label == "test"


def test_an_undo_tells_what_it_did_to_each_row(api, cast) -> None:
    batch = bulk_create(api, cast.body())
    row = Assignment.objects.get()

    first = undo(api, batch)
    second = undo(api, first.json()["batch_id"])

    named = {"resource_type": "assignment", "resource_id": str(row.pk)}
    assert first.json()["results"] == [
        {
            "index": 0,
            "status": "success",
            "code": 200,
            "data": {"id": str(row.pk), "action": "assignment.revoked", **named},
        }
    ]
    new = Assignment.objects.exclude(pk=row.pk).get()
    assert second.json()["results"][0]["data"] == {
        "id": str(new.pk), "action": "assignment.created", **named,
    }  # fmt: skip
    event = AuditEvent.objects.get(resource_id=new.pk)
    assert event.metadata["restored_from"] == str(row.pk)
    assert str(event.batch_id) == second.json()["batch_id"]


def test_what_was_undone_is_not_undone_again(api, cast) -> None:
    batch = bulk_create(api, cast.body())
    undone(api, batch)
    before = snapshot(cast.environment)

    assert_refused(api, batch, 409, "batches.nothing_left")

    assert api.get(f"{BATCHES}/{batch}").json()["undoable_until"] is None
    assert snapshot(cast.environment) == before


def test_what_was_changed_since_stays_and_is_reported(api, cast) -> None:
    batch = bulk_create(api, cast.body(), cast.body(node_id=str(cast.room.pk)))
    changed = cast.ada.assignments.get(node=cast.room)
    api.patch(f"{V1}/assignments/{changed.pk}", {"effective_to": text(moment(3))}, format="json")
    plan = undo(api, batch, "?dry_run=true").json()

    answer = undo(api, batch)

    assert refused(answer) == [(409, "batches.changed_since")]
    [row] = [row for row in answer.json()["results"] if row["status"] == "error"]
    assert row["input"] == {
        "action": "assignment.created",
        "resource_type": "assignment",
        "resource_id": str(changed.pk),
    }
    assert plan["results"] == answer.json()["results"]
    assert plan["summary"] == answer.json()["summary"] == {"total": 2, "succeeded": 1, "failed": 1}
    assert [held[2] for held in live(cast)] == [cast.room.pk]


def test_where_nothing_can_be_reverted_there_is_no_batch(api, cast) -> None:
    batch = bulk_create(api, cast.body())
    api.patch(
        f"{V1}/assignments/{cast.ada.assignments.get().pk}",
        {"effective_to": text(moment(3))},
        format="json",
    )
    before = snapshot(cast.environment)

    answer = undo(api, batch)

    assert refused(answer) == [(409, "batches.changed_since")]
    assert answer.json()["batch_id"] is None
    assert snapshot(cast.environment) == before


def test_what_ended_by_itself_is_not_revoked(api, cast) -> None:
    batch = bulk_create(api, cast.body(effective_to=text(moment(1))))
    Assignment.objects.update(effective_to=moment(-1))

    assert refused(undo(api, batch)) == [(409, "assignments.ended")]


def test_what_was_revoked_is_given_anew_for_what_is_left(api, cast) -> None:
    started = cast.give(start=moment(-5), end=moment(5))
    later = cast.give(cast.writer, start=moment(2))
    over = cast.give(node=cast.room, end=moment(3))
    batch = bulk_remove(api, started.pk, later.pk, over.pk)
    Assignment.objects.filter(pk=over.pk).update(effective_to=moment(-1))

    answer = undo(api, batch)

    assert refused(answer) == [(409, "assignments.ended")]
    assert live(cast) == sorted(
        [
            (cast.ada.pk, cast.reader.pk, cast.site.pk, None, started.effective_to),
            (cast.ada.pk, cast.writer.pk, cast.site.pk, later.effective_from, None),
        ],
        key=str,
    )
    past = Assignment.objects.filter(pk__in=[started.pk, later.pk]).values_list("revoked_at")
    assert all(revoked_at for (revoked_at,) in past)


def test_what_cannot_be_given_any_more_is_reported_row_by_row(api, cast) -> None:
    bob, off, gone = cast.person("bob"), cast.person("off"), cast.person("gone")
    rows = [cast.give(identity=who) for who in (cast.ada, bob, off, gone)]
    rows += [cast.give(cast.writer), cast.give(cast.reader, cast.room)]
    batch = bulk_remove(api, *(row.pk for row in rows))
    cast.give()
    Identity.objects.filter(pk=off.pk).update(status="inactive")
    api.delete(f"{V1}/identities/{gone.pk}")
    api.patch(f"{V1}/roles/{cast.writer.pk}", {"is_active": False}, format="json")
    api.delete(f"{V1}/nodes/{cast.room.pk}")
    plan = undo(api, batch, "?dry_run=true").json()

    answer = undo(api, batch)

    assert sorted(refused(answer)) == [
        (400, "assignments.role_inactive"),
        (404, "assignments.identity_not_found"),
        (404, "assignments.node_not_found"),
        (409, "assignments.conflict"),
        (409, "assignments.identity_inactive"),
    ]
    assert plan["summary"] == answer.json()["summary"] == {"total": 6, "succeeded": 1, "failed": 5}
    assert {held[0] for held in live(cast)} == {cast.ada.pk, bob.pk}
    Role.objects.update(is_active=True)
    assert acts(undo(api, batch)) == ["assignment.created"]


def test_a_changed_role_is_changed_back_and_forth(api, cast) -> None:
    bob = cast.person("bob")
    first = cast.give(start=moment(-3), end=moment(3))
    rows = [first, cast.give(cast.writer, cast.room), cast.give(identity=bob)]
    admin = Role.objects.create(environment=cast.environment, name="Admin")
    before = live(cast)
    batch = bulk_change_role(api, admin.pk, *(row.pk for row in rows))

    undo_id = undone(api, batch)
    assert live(cast) == before
    undone(api, undo_id)

    assert {held[1] for held in live(cast)} == {admin.pk}
    assert Assignment.objects.filter(revoked_at=None).count() == 3
    assert Assignment.objects.get(pk=first.pk).version == 4
    former = Assignment.objects.filter(identity=cast.ada, node=cast.site).order_by("counts_from")
    assert [row.role_id for row in former] == [
        cast.reader.pk, admin.pk, cast.reader.pk, admin.pk,
    ]  # fmt: skip
    assert [row.revoked_at for row in former][:3] == [row.counts_from for row in former][1:]


def test_a_role_is_not_changed_back_onto_a_live_assignment_or_a_dead_role(api, cast) -> None:
    admin = Role.objects.create(environment=cast.environment, name="Admin")
    rows = [cast.give(), cast.give(cast.writer)]
    batch = bulk_change_role(api, admin.pk, rows[0].pk)
    other = bulk_change_role(api, cast.reader.pk, rows[1].pk)
    Role.objects.filter(pk=cast.writer.pk).update(is_active=False)

    assert refused(undo(api, batch)) == [(409, "assignments.conflict")]
    assert refused(undo(api, other)) == [(400, "assignments.role_inactive")]


def test_a_batch_is_undone_within_thirty_days_by_the_clock_of_the_database(api, cast) -> None:
    batch = bulk_create(api, cast.body())
    month = timedelta(days=30)
    Batch.objects.update(created_at=F("created_at") - month + timedelta(minutes=1))
    assert undo(api, batch, "?dry_run=true").status_code == 200
    Batch.objects.update(created_at=F("created_at") - timedelta(minutes=1))

    assert_refused(api, batch, 409, "batches.too_old")

    assert api.get(f"{BATCHES}/{batch}").json()["undoable_until"] is None
    assert live(cast)


def test_what_has_no_undo_is_reported(api, cast) -> None:
    batch = bulk_create(api, cast.body(), cast.body(role_id=str(cast.writer.pk)))
    one = AuditEvent.objects.filter(batch_id=batch).order_by("pk")[:1]
    AuditEvent.objects.filter(pk__in=one).update(action="assignment.imagined")

    assert api.get(f"{BATCHES}/{batch}").json()["undoable_until"] is not None
    assert refused(undo(api, batch)) == [(409, "batches.not_undoable")]
    assert api.get(f"{BATCHES}/{batch}").json()["undoable_until"] is None
    assert_refused(api, batch, 409, "batches.nothing_left")


def test_an_undo_needs_the_right_to_each_thing_it_does(client_of, cast) -> None:
    api = client_of(cast.environment)
    person = {"email": "new@example.org", "first_name": "New", "last_name": "Example"}
    made = api.post(f"{V1}/identities/bulk-create", {"identities": [person]}, format="json")
    batch = made.json()["batch_id"]
    clerk = client_of(cast.environment, *(ALL_SCOPES - {Scope.IDENTITY_MANAGE}))
    before = snapshot(cast.environment)

    message = assert_refused(clerk, batch, 403, "scope_missing")

    assert message == "This needs the scope identity.manage."

    assert snapshot(cast.environment) == before


def test_an_undo_is_done_once_for_an_idempotency_key(api, cast) -> None:
    batch = bulk_create(api, cast.body())

    answers = [
        api.post(f"{BATCHES}/{batch}/undo", headers={"Idempotency-Key": "once"}) for _ in range(2)
    ]

    assert answers[0].json() == answers[1].json()
    assert answers[1]["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b'{"x": 1}', b"\xff", b'"\\ud800"'])
def test_hostile_bodies_undo_nothing(api, cast, body) -> None:
    batch = bulk_create(api, cast.body())

    answer = api.generic("POST", f"{BATCHES}/{batch}/undo", body, content_type="application/json")

    assert answer.status_code in (200, 400)
    assert (answer.status_code == 200) == (not live(cast))


@pytest.mark.parametrize("query", ["dry_run=", "dry_run=1", "dry_run=true&dry_run=true", "x=1"])
def test_a_mistyped_parameter_undoes_nothing(api, cast, query) -> None:
    batch = bulk_create(api, cast.body())

    error_of(undo(api, batch, f"?{query}"), 400)

    assert live(cast)


def test_ten_rows_are_undone_in_as_many_statements_as_a_thousand(api, cast) -> None:
    counts: dict[int, list[int]] = {}
    for total in (10, 1_000):
        people = [NewIdentity(f"{total}-{n}@example.org") for n in range(total)]
        create_identities(people, actor=ME, environment=cast.environment)
        given = bulk_create(api, *(cast.body(identity_id=f"email:{one.email}") for one in people))
        ids = Assignment.objects.filter(batch__pk=given).values_list("pk", flat=True)
        changed = bulk_change_role(api, cast.writer.pk, *ids)
        counts[total] = [statements_of(partial(undone, api, changed))]
        removed = bulk_remove(api, *ids)
        counts[total].append(statements_of(partial(undone, api, removed)))
        given = str(Batch.objects.get(undo_of__pk=removed).pk)
        counts[total].append(statements_of(partial(undone, api, given)))
        counts[total].append(statements_of(partial(api.get, f"{BATCHES}/{given}")))

    assert counts[10] == counts[1_000]


def test_nobody_undoes_what_is_nowhere(api) -> None:
    assert_refused(api, uuid4(), 404, "batches.not_found")
