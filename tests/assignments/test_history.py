"""Questions about the past: history is not rewritten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F

from assignments.models import Assignment
from identities.models import Identity
from tests.assignments.asking import anywhere, ask, here, why
from tests.assignments.cast import DAY, Cast, moment, text
from tests.rituals import (
    V1,
)


def allowed_at(api: Any, cast: Cast, at: datetime, permission: str = "invoice.read") -> bool:
    """Whether Ada was allowed at an instant, in every form of the question, which must agree."""
    told = {"at": text(at), "permission": permission}
    answers = [
        ask(api, here(cast, **told))["allowed"],
        ask(api, anywhere(cast, **told))["allowed"],
        ask(api, {"checks": [here(cast, **told)]}, "/bulk")["items"][0]["allowed"],
        ask(api, why(cast, **told), "/explain")["allowed"],
    ]
    assert len(set(answers)) == 1, answers
    return bool(answers[0])


def test_the_past_begins_with_the_assignment_and_ends_with_its_revocation(api, cast) -> None:
    row = cast.give(start=moment(-30))
    Assignment.objects.update(counts_from=moment(-10))
    assert [allowed_at(api, cast, moment(days)) for days in (-11, -9, 0, 5)] == [
        False, True, True, True,
    ]  # fmt: skip

    api.delete(f"{V1}/assignments/{row.pk}")
    assert allowed_at(api, cast, moment(-9))
    assert not allowed_at(api, cast, moment(1))
    Assignment.objects.update(revoked_at=moment(-2))

    assert [allowed_at(api, cast, moment(days)) for days in (-11, -9, -3, -1, 1)] == [
        False, True, True, False, False,
    ]  # fmt: skip


def test_the_past_is_as_it_was_before_the_role_was_changed(api, cast) -> None:
    row = cast.give(cast.writer)
    Assignment.objects.update(counts_from=moment(-10))

    answer = api.patch(
        f"{V1}/assignments/{row.pk}", {"role_id": str(cast.reader.pk)}, format="json"
    )

    assert answer.status_code == 200
    later = moment(1)
    assert [allowed_at(api, cast, at, "invoice.write") for at in (moment(-5), later)] == [
        True, False,
    ]  # fmt: skip
    assert [allowed_at(api, cast, at) for at in (moment(-11), moment(-5), later)] == [
        False, True, True,
    ]  # fmt: skip
    former = Assignment.objects.get(revoked_at__isnull=False)
    assert former.role_id == cast.writer.pk
    assert former.revoked_at == Assignment.objects.get(pk=row.pk).counts_from


def test_the_past_is_as_it_was_before_the_window_was_changed(api, cast) -> None:
    start = moment(-10)
    row = cast.give(start=start)
    Assignment.objects.update(counts_from=start)
    address = f"{V1}/assignments/{row.pk}"

    wider = api.patch(address, {"effective_from": text(moment(-20))}, format="json")
    assert wider.status_code == 200
    assert [allowed_at(api, cast, moment(days)) for days in (-15, -5, 1)] == [False, True, True]

    shorter = api.patch(address, {"effective_to": text(moment(-3))}, format="json")
    assert shorter.json()["state"] == "expired"
    assert [allowed_at(api, cast, moment(days)) for days in (-15, -5, -2, 1)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_scheduled_window_brought_forward_does_not_change_the_past(api, cast) -> None:
    row = cast.give(start=moment(5))
    Assignment.objects.update(counts_from=moment(-10), created_at=F("created_at") - 10 * DAY)

    api.patch(f"{V1}/assignments/{row.pk}", {"effective_from": text(moment(-5))}, format="json")

    assert [allowed_at(api, cast, moment(days)) for days in (-3, 1)] == [False, True]
    assert Assignment.objects.count() == 1


def test_a_window_that_starts_later_leaves_no_trace_of_the_first_plan(api, cast) -> None:
    row = cast.give(start=moment(2))

    api.patch(f"{V1}/assignments/{row.pk}", {"effective_from": text(moment(4))}, format="json")

    assert [allowed_at(api, cast, moment(days)) for days in (3, 5)] == [False, True]
    assert Assignment.objects.count() == 1


def test_the_status_of_today_counts_for_the_past(api, cast) -> None:
    cast.give()
    Assignment.objects.update(counts_from=moment(-10))
    Identity.objects.update(status="inactive")

    answer = ask(api, here(cast, at=text(moment(-5))))

    assert answer["denial_reason"] == "identity_inactive"
