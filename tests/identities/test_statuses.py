"""What each act makes of an identity in each status: the table of the design, cell by cell."""

from __future__ import annotations

from typing import Any

import pytest

from assignments.models import Assignment
from environments.models import AuditEvent
from identities.models import Identity
from tests.assignments.cast import Cast, snapshot
from tests.identities.people import IDENTITIES, invite
from tests.rituals import error_of

pytestmark = pytest.mark.django_db

# What each act leaves behind: the status, what became of a pending invitation, whether anything changed.
TABLE = {
    ("activate", "invited"): ("active", "accepted", True),
    ("activate", "active"): ("active", None, False),
    ("activate", "inactive"): ("active", None, True),
    ("deactivate", "invited"): ("inactive", "revoked", True),
    ("deactivate", "active"): ("inactive", None, True),
    ("deactivate", "inactive"): ("inactive", None, False),
    ("remove", "invited"): ("removed", "revoked", True),
    ("remove", "active"): ("removed", None, True),
    ("remove", "inactive"): ("removed", None, True),
}
EVENTS = {
    "activate": "identity.activated",
    "deactivate": "identity.deactivated",
    "remove": "identity.removed",
}
CALLS = {
    "activate": lambda api, at: api.post(f"{at}/activate"),
    "deactivate": lambda api, at: api.post(f"{at}/deactivate"),
    "remove": lambda api, at: api.delete(at),
    "flag on": lambda api, at: api.patch(at, {"is_active": True}, format="json"),
    "flag off": lambda api, at: api.patch(at, {"is_active": False}, format="json"),
}
SAME_AS = {"flag on": "activate", "flag off": "deactivate"}
CELLS = [
    (call, status, *TABLE[SAME_AS.get(call, call), status])
    for call in CALLS
    for status in ("invited", "active", "inactive")
]


def put(cast: Cast, status: str) -> Any:
    """Give Ada a role and a status; gives her invitation where she has one."""
    cast.give()
    if status == "invited":
        return invite(cast.ada)
    Identity.objects.filter(pk=cast.ada.pk).update(status=status)
    return None


@pytest.mark.parametrize(("call", "status", "after", "invitation", "changes"), CELLS)
def test_an_act_on_someone_does_what_the_table_says(
    api, cast, call, status, after, invitation, changes
) -> None:
    pending = put(cast, status)
    known = set(AuditEvent.objects.values_list("pk", flat=True))

    answer = CALLS[call](api, f"{IDENTITIES}/{cast.ada.pk}")

    row = Identity.objects.get(pk=cast.ada.pk)
    events = {event.action: event for event in AuditEvent.objects.exclude(pk__in=known)}
    assert answer.status_code == (204 if call == "remove" else 200)
    assert (row.status, row.version) == (after, 2 if changes else 1)
    expected = {EVENTS[SAME_AS.get(call, call)]} if changes else set()
    expected |= {f"invite.{invitation}"} if invitation else set()
    expected |= {"assignment.revoked"} if call == "remove" else set()
    assert set(events) == expected
    assert all(event.metadata["version"] == 2 for event in events.values())
    held = Assignment.objects.get(identity=row)
    assert (held.revoked_at is not None) == (call == "remove")
    if pending is not None:
        pending.refresh_from_db()
        assert (pending.status, pending.version) == (invitation, 2)
        assert (pending.accepted_at is not None) == (invitation == "accepted")
        assert (pending.revoked_at is not None) == (invitation == "revoked")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("was", ["invited", "active", "inactive"])
def test_nothing_is_done_to_someone_removed(api, cast, call, was) -> None:
    put(cast, was)
    at = f"{IDENTITIES}/{cast.ada.pk}"
    api.delete(at)
    before = snapshot(cast.environment)

    answer = CALLS[call](api, at)

    error_of(answer, 404, "identities.not_found")
    assert snapshot(cast.environment) == before


def test_an_invitation_that_has_ended_stays_as_it_is(api, cast) -> None:
    ended = invite(cast.ada)
    ended.status = "expired"
    ended.save(update_fields=["status"])

    api.post(f"{IDENTITIES}/{cast.ada.pk}/activate")

    ended.refresh_from_db()
    assert (ended.status, ended.version) == ("expired", 1)


def test_someone_removed_may_come_again_as_somebody_new(api, cast) -> None:
    api.delete(f"{IDENTITIES}/{cast.ada.pk}")

    again = api.post(
        IDENTITIES,
        {
            "email": cast.ada.email,
            "first_name": "Ada",
            "last_name": "Again",
            "external_id": "ada-1",
        },
        format="json",
    )

    assert again.status_code == 201
    assert again.json()["id"] != str(cast.ada.pk)
    assert Identity.objects.get(pk=cast.ada.pk).status == "removed"


def test_removing_is_one_batch_whose_id_is_told(api, cast) -> None:
    cast.give()
    invite(cast.ada)
    known = set(AuditEvent.objects.values_list("pk", flat=True))

    answer = api.delete(f"{IDENTITIES}/{cast.ada.pk}")

    batch = cast.environment.batches.get(pk=answer["X-Batch-ID"])
    assert (batch.action, batch.counts) == ("identity.removed", {"identities": 1, "assignments": 1})
    events = AuditEvent.objects.exclude(pk__in=known)
    assert {event.batch_id for event in events} == {batch.pk}
    assert sorted(event.action for event in events) == [
        "assignment.revoked", "identity.removed", "invite.revoked",
    ]  # fmt: skip


@pytest.mark.parametrize("call", ["activate", "deactivate", "flag on", "flag off"])
def test_an_act_on_one_alone_has_no_batch(api, cast, call) -> None:
    put(cast, "invited")

    answer = CALLS[call](api, f"{IDENTITIES}/{cast.ada.pk}")

    assert "X-Batch-ID" not in answer
    assert not cast.environment.batches.exists()
