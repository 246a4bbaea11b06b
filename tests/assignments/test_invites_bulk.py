"""`/identity-invites/bulk-create`: each row stands for itself, in a fixed number of statements."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from assignments.models import Assignment
from assignments.services.invite import MOST_INVITES
from environments.models import AuditEvent, Batch, OutboxItem
from identities.models import Identity, Invitation
from tests.assignments.cast import snapshot
from tests.assignments.inviting import FIELDS, INVITES, elapse, invited, role_at_site
from tests.rituals import V1, names_field, statements_of

pytestmark = pytest.mark.django_db
BULK = f"{INVITES}/bulk-create"


def post(api: Any, rows: Any, query: str = "") -> Any:
    """Invite many over the API."""
    return api.post(f"{BULK}{query}", {"invites": rows}, format="json")


def mixed(api: Any, cast: Any) -> list[dict[str, Any]]:
    """Rows of every fate."""
    invited(api, "pending@example.org")
    elapse(invited(api, "old@example.org", first_name="Old", **role_at_site(cast))["id"])
    cast.person("idle")
    api.post(f"{V1}/identities/email:idle@example.org/deactivate")
    return [
        {"email": "new@example.org", "first_name": "New", **role_at_site(cast)},
        {"email": "pending@example.org"},
        {"email": "old@example.org", "last_name": "Timer", **role_at_site(cast)},
        {"email": "ada@example.org"},
        {"email": "idle@example.org"},
        {"email": "NEW@example.org", **role_at_site(cast)},
        {"email": "lost@example.org", "role_id": str(uuid4()), "node_id": "ext:site-1"},
        {"email": "lost@example.org"},
        {"email": "nobody"},
    ]


def fates(answer: Any) -> list[str]:
    """What became of each row: pending, or the code of its refusal."""
    rows = answer.json()["results"]
    return [row["data"]["status"] if "data" in row else row["error"]["code"] for row in rows]


EXPECTED = [
    "pending",
    "invites.pending",
    "pending",
    "invites.already_active",
    "invites.identity_inactive",
    "invites.pending",
    "assignments.role_not_found",
    "pending",
    "invalid",
]


def test_each_row_stands_for_itself(api, cast) -> None:
    rows = mixed(api, cast)
    AuditEvent.objects.all().delete()

    answer = post(api, rows)

    told = answer.json()
    assert answer.status_code == 207
    assert fates(answer) == EXPECTED
    assert told["summary"] == {"total": 9, "succeeded": 3, "failed": 6}
    batch = Batch.objects.get(pk=told["batch_id"])
    assert (batch.action, batch.counts) == (
        "invite.bulk_created",
        {"succeeded": 3, "failed": 6},
    )
    made = [row["data"] for row in told["results"] if "data" in row]
    assert [row["email"] for row in made] == [
        "new@example.org", "old@example.org", "lost@example.org",
    ]  # fmt: skip
    assert {row["name"] for row in made} == {"New", "Old Timer", "lost@example.org"}
    assert all(set(row) == FIELDS | {"accept_url"} for row in made)
    assert OutboxItem.objects.count() == 2 + 3
    rows_now = Assignment.objects.with_state().select_related("identity")
    assert sorted((row.identity.email, row.state) for row in rows_now) == [
        ("new@example.org", "active"),
        ("old@example.org", "active"),
        ("old@example.org", "revoked"),
    ]
    assert set(Assignment.objects.filter(revoked_at=None).values_list("batch")) == {(batch.pk,)}
    assert set(AuditEvent.objects.values_list("action", "batch_id").distinct()) == {
        (action, batch.pk)
        for action in (
            "identity.created", "identity.updated", "assignment.revoked", "assignment.created",
            "invite.created",
        )
    }  # fmt: skip


def test_the_plan_is_what_becomes_of_it(api, cast) -> None:
    rows = mixed(api, cast)
    before = snapshot(cast.environment)

    plan = post(api, rows, "?dry_run=true")

    assert snapshot(cast.environment) == before
    assert plan.status_code == 200
    assert fates(plan) == EXPECTED
    answer = post(api, rows)
    unwritten = dict.fromkeys(["id", "expires_at", "created_at", "accept_url"])
    for planned, done in zip(plan.json()["results"], answer.json()["results"], strict=True):
        if "data" in done:
            done["data"] |= unwritten
        assert planned == done


def test_all_or_nothing_writes_nothing_where_a_row_is_refused(api, cast) -> None:
    rows = mixed(api, cast)
    before = snapshot(cast.environment)

    answer = post(api, rows[:6], "?atomic=true")

    assert answer.status_code == 409
    assert fates(answer) == [
        "not_written", "invites.pending", "not_written", "invites.already_active",
        "invites.identity_inactive", "invites.pending",
    ]  # fmt: skip
    assert snapshot(cast.environment) == before
    assert post(api, rows[:1], "?atomic=true").status_code == 200


def test_a_role_in_any_row_needs_the_scope_to_assign(client_of, cast) -> None:
    client = client_of(cast.environment, "identity.manage")

    answer = post(
        client, [{"email": "a@example.org"}, {"email": "b@example.org", **role_at_site(cast)}]
    )

    assert answer.status_code == 403
    assert "rbac.manage_assignments" in answer.json()["error"]["message"]
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("rows", [None, [], {}, "x"])
def test_a_call_without_rows_is_refused(api, rows) -> None:
    assert names_field(post(api, rows), "invites")


def test_one_row_too_many_is_refused_before_any_is_read(api) -> None:
    assert names_field(post(api, [{}] * (MOST_INVITES + 1)), "invites")


def newcomers(total: int, first: dict[str, str]) -> list[dict[str, Any]]:
    """People whom nobody knows, half of them with a role."""
    roles = [first, {}]
    return [{"email": f"p{total}-{n}@example.org", **roles[n % 2]} for n in range(total)]


@pytest.mark.parametrize("again", [False, True], ids=["new", "expired"])
def test_thirty_rows_take_as_many_statements_as_a_thousand(api, cast, again) -> None:
    # The first call of a key writes when it was last used.
    api.get(INVITES)
    counts = []
    for total in (30, 1_000):
        rows = newcomers(total, role_at_site(cast))
        if again:
            assert post(api, rows).status_code == 200
            elapsed = Invitation.objects.filter(status="pending")
            elapsed.update(expires_at="2020-01-01T00:00:00Z")
            rows = [{**row, "first_name": "Again"} for row in rows]
        counts.append(statements_of(partial(post, api, rows)))
        assert Invitation.objects.with_state().filter(Q(state="pending")).count() >= total

    assert counts[0] == counts[1]
    assert counts[0] <= 40


def test_ten_thousand_people_are_invited_in_one_call(api, cast) -> None:
    rows = newcomers(MOST_INVITES, role_at_site(cast))

    with CaptureQueriesContext(connection) as captured:
        answer = post(api, rows)

    assert answer.status_code == 200
    assert len(captured) <= 40
    assert Identity.objects.filter(status="invited").count() == MOST_INVITES
    assert Assignment.objects.filter(invitation__isnull=False).count() == MOST_INVITES // 2
    links = {row["data"]["accept_url"] for row in answer.json()["results"]}
    assert len(links) == MOST_INVITES
