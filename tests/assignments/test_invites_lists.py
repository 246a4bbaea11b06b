"""Lists and counts of invitations, what a caller bound to a node sees of them, and hostile values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from environments.models import ApiKey, Environment
from environments.scopes import Scope
from identities.models import Invitation
from tests.assignments.cast import Cast
from tests.assignments.inviting import FIELDS, INVITES, elapse, invited, role_at_site, shown
from tests.rituals import (
    V1,
    Route,
    assert_foreign_is_like_random,
    assert_hostile_is_survived,
    error_of,
    hostile_bodies,
    names_field,
    statements_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def invites(api: APIClient, cast: Cast) -> dict[str, dict[str, Any]]:
    """An invitation in each state, by its state; `marked` is expired and marked so."""
    made = {
        "pending": invited(api, "a@example.org", first_name="Zoe", **role_at_site(cast)),
        "accepted": invited(api, "b@example.org"),
        "expired": invited(api, "c@example.org"),
        "marked": invited(api, "d@example.org", **role_at_site(cast)),
        "revoked": invited(api, "e@example.org"),
        "plain": invited(api, "f@example.org"),
    }
    api.post(f"{V1}/identities/email:b@example.org/activate")
    elapse(made["expired"]["id"])
    elapse(made["marked"]["id"])
    Invitation.objects.filter(pk=made["marked"]["id"]).update(status="expired")
    api.delete(f"{INVITES}/{made['revoked']['id']}")
    return made


def listed(api: APIClient, query: str = "") -> list[str]:
    """The first letters of the addresses of a page."""
    answer = api.get(f"{INVITES}{query}")
    assert answer.status_code == 200, answer.content
    return [row["email"][0] for row in answer.json()["items"]]


def test_a_list_shows_the_newest_first_with_their_state(api, invites) -> None:
    page = api.get(INVITES).json()

    assert [row["email"][0] for row in page["items"]] == ["f", "e", "d", "c", "b", "a"]
    assert all(set(row) == FIELDS for row in page["items"])
    assert [row["status"] for row in page["items"]] == [
        "pending", "revoked", "expired", "expired", "accepted", "pending",
    ]  # fmt: skip
    assert page["items"] == [shown(api, row["id"]) for row in page["items"]]
    assert page["pagination"]["item_count"] == 6


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=pending", ["f", "a"]),
        ("?status=expired", ["d", "c"]),
        ("?status=accepted", ["b"]),
        ("?status=revoked", ["e"]),
        ("?q=ZOE", ["a"]),
        ("?q=c@", ["c"]),
        ("?sort_by=email&take=2", ["a", "b"]),
        ("?sort_by=email&order=desc&take=2&page=2", ["d", "c"]),
        ("?sort_by=name&order=desc&take=1", ["a"]),
        ("?sort_by=expires_at&order=desc&take=1", ["f"]),
        ("?status=pending&q=nobody", []),
    ],
)
def test_a_list_is_narrowed_and_ordered(api, invites, query, found) -> None:
    assert listed(api, query) == found


@pytest.mark.parametrize(
    "query", ["status=gone", "status=", "take=0", "sort_by=nonce", "dry_run=true"]
)
def test_a_query_that_cannot_be_is_refused(api, query) -> None:
    assert names_field(api.get(f"{INVITES}?{query}"), query.partition("=")[0])


def test_the_summary_counts_by_state(api, invites) -> None:
    assert api.get(f"{INVITES}/summary").json() == {
        "total_invites": 6,
        "pending_count": 2,
        "pending_with_role_count": 1,
        "accepted_count": 1,
        "expired_count": 2,
        "revoked_count": 1,
    }


def test_lists_take_the_same_statements_however_many(api, cast) -> None:
    counts = []
    for total in (3, 30):
        while Invitation.objects.count() < total:
            invited(api, f"p{Invitation.objects.count()}@example.org", **role_at_site(cast))
        counts.append(
            [
                statements_of(lambda: api.get(f"{INVITES}?take=100")),
                statements_of(lambda: api.get(f"{INVITES}/summary")),
            ]
        )

    # The key, the count and the page; the key and the counts.
    assert counts == [[3, 2], [3, 2]]


def test_another_environments_invitation_is_like_one_that_nobody_has(
    api: APIClient,
    cast: Cast,
    make_environment: Callable[[], Environment],
    client_of: Callable[..., APIClient],
) -> None:
    theirs = invited(client_of(make_environment()))["id"]

    assert_foreign_is_like_random(
        api,
        [
            lambda pk: Route("get", f"identity-invites/{pk}", Scope.IDENTITY_VIEW),
            lambda pk: Route("delete", f"identity-invites/{pk}", Scope.IDENTITY_MANAGE),
            lambda pk: Route("post", f"identity-invites/{pk}/resend", Scope.IDENTITY_MANAGE, {}),
        ],
        theirs,
    )
    assert listed(api) == []
    assert invited(api)["id"] != theirs


def bound_client(client: APIClient, node_id: UUID) -> APIClient:
    """The same key bound to a node, as its row says."""
    scopes = [Scope.IDENTITY_VIEW, Scope.ASSIGNMENTS_MANAGE]
    ApiKey.objects.filter(access_mode="scoped").update(node_id=node_id, scopes=scopes)
    return client


def test_a_bound_caller_sees_invitations_of_those_it_sees_without_what_lies_above(
    api, cast, client_of
) -> None:
    above = invited(api, "a@example.org", role_id=str(cast.reader.pk), node_id=str(cast.root.pk))
    within = invited(api, "w@example.org", **role_at_site(cast))
    both = invited(api, "b@example.org", role_id=str(cast.reader.pk), node_id=str(cast.root.pk))
    api.post(
        f"{V1}/assignments",
        cast.body(identity_id="email:b@example.org", node_id=str(cast.room.pk)),
        format="json",
    )

    client = bound_client(client_of(cast.environment, Scope.IDENTITY_VIEW), cast.site.pk)

    assert listed(client) == ["b", "w"]
    assert shown(client, within["id"])["node_id"] == str(cast.site.pk)
    seen = shown(client, both["id"])
    assert (seen["role_id"], seen["node_id"]) == (None, None)
    assert seen["has_initial_assignment"] is False
    error_of(client.get(f"{INVITES}/{above['id']}"), 404, "invites.not_found")
    summary = client.get(f"{INVITES}/summary").json()
    assert (summary["total_invites"], summary["pending_with_role_count"]) == (2, 1)
    answer = client.post(INVITES, {"email": "n@example.org"}, format="json")
    error_of(answer, 403, "scope_missing")


def test_hostile_values_are_survived(api, cast) -> None:
    body = {"email": "bob@example.org", **role_at_site(cast)}
    others = ["first_name", "last_name", "intent", "client_id", "send_email", "effective_from"]

    bodies = hostile_bodies(body, others)
    sent = assert_hostile_is_survived(api, "post", "identity-invites", bodies)

    assert sent > 200
    assert api.get(INVITES).status_code == 200
