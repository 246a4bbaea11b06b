"""The plan of each act on an invitation is what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from environments.models import OutboxItem
from tests.assignments.cast import snapshot
from tests.assignments.inviting import (
    INVITES,
    bob,
    invite,
    invited,
    resend,
    rest,
    role_at_site,
)

pytestmark = pytest.mark.django_db


def plan_of(answer: Any) -> dict[str, Any]:
    """The one row of a plan."""
    told = answer.json()
    assert answer.status_code == 200, told
    assert told["dry_run"] is True
    [row] = told["results"]
    return dict(row)


@pytest.mark.parametrize("first", [True, False])
def test_the_plan_of_inviting_is_what_becomes_of_it(api, cast, first) -> None:
    body = {"email": "bob@example.org", "first_name": "B", **(role_at_site(cast) if first else {})}
    before = snapshot(cast.environment)

    row = plan_of(api.post(f"{INVITES}?dry_run=true", body, format="json"))

    assert snapshot(cast.environment) == before
    assert not OutboxItem.objects.exists()
    told = invited(api, **body)
    unwritten = {"id", "expires_at", "created_at", "accept_url"}
    assert row["code"] == 201
    assert row["data"] == {**told, **dict.fromkeys(unwritten)}


def test_the_plan_tells_the_refusal_of_the_act(api, cast) -> None:
    invited(api)

    for email in ("bob@example.org", "ada@example.org"):
        body = {"email": email}
        row = plan_of(api.post(f"{INVITES}?dry_run=true", body, format="json"))
        error = invite(api, email).json()["error"]
        assert (row["code"], row["error"]["code"]) == (409, error["code"])


def test_the_plan_of_resending_is_what_becomes_of_it(api, cast) -> None:
    told = invited(api)
    planned = f"{INVITES}/{told['id']}/resend?dry_run=true"
    assert plan_of(api.post(planned, {}, format="json"))["error"]["code"] == "invites.cool_down"
    rest(told["id"])
    before = snapshot(cast.environment)

    row = plan_of(api.post(planned, {}, format="json"))

    assert snapshot(cast.environment) == before
    assert row["data"] == {**resend(api, told["id"]).json(), "accept_url": None}


@pytest.mark.parametrize("kept", [True, False])
def test_the_plan_of_revoking_is_what_becomes_of_it(api, cast, kept) -> None:
    told = invited(api, **role_at_site(cast))
    if kept:
        cast.give(role=cast.writer, identity=bob())
    before = snapshot(cast.environment)

    row = plan_of(api.delete(f"{INVITES}/{told['id']}?dry_run=true"))

    assert snapshot(cast.environment) == before
    assert row["data"] == {"revoked_assignments": 1, "identity_removed": not kept}
    api.delete(f"{INVITES}/{told['id']}")
    assert (bob().status == "removed") is not kept
