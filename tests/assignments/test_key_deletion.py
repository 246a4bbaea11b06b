"""A key that is deleted takes along the invitations that it has sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from assignments.models import Assignment
from environments.keys import hash_key
from environments.models import ApiKey, AuditEvent
from identities.models import Identity, Invitation
from tests.assignments.cast import Cast
from tests.factories import make_key
from tests.rituals import V1, statements_of
from tests.web.people import browser_in_team, place

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(cast: Cast) -> tuple[ApiKey, APIClient]:
    """A key that may invite, and a client with it."""
    text = make_key(cast.environment)
    client = APIClient(headers={"X-API-Key": text})
    return ApiKey.objects.get(key_hash=hash_key(text)), client


def invite(client: APIClient, *names: str, **others: str) -> None:
    rows = [{"email": f"{name}@example.org", **others} for name in names]
    answer = client.post(f"{V1}/identity-invites/bulk-create", {"invites": rows}, format="json")
    assert answer.status_code == 200, answer.content


def test_what_a_deleted_key_has_sent_is_revoked_and_nothing_else(
    api: APIClient, cast: Cast, sender: tuple[ApiKey, APIClient]
) -> None:
    key, client = sender
    invite(client, "bob", "eve", role_id=str(cast.reader.pk), node_id=str(cast.site.pk))
    invite(client, "mia")
    invite(api, "others")
    cast.give(identity=Identity.objects.get(email="mia@example.org"))

    assert api.delete(f"{V1}/api-keys/{key.pk}").status_code == 204

    states = dict(Invitation.objects.values_list("identity__email", "status"))
    assert states == {
        "bob@example.org": "revoked",
        "eve@example.org": "revoked",
        "mia@example.org": "revoked",
        "others@example.org": "pending",
    }
    people = dict(Identity.objects.values_list("email", "status"))
    assert people["bob@example.org"] == people["eve@example.org"] == "removed"
    assert people["mia@example.org"] == "invited", "something else was given to her"
    assert Assignment.objects.live().count() == 1
    told = AuditEvent.objects.filter(action="identity.removed")
    assert {event.metadata["revoked_assignments"] for event in told} == {1}


def test_a_key_that_is_rotated_or_disabled_leaves_them(
    api: APIClient, sender: tuple[ApiKey, APIClient]
) -> None:
    key, client = sender
    invite(client, "bob")

    api.post(f"{V1}/api-keys/{key.pk}/rotate-secret", {}, format="json")
    api.patch(f"{V1}/api-keys/{key.pk}", {"is_active": False}, format="json")

    assert Invitation.objects.get().status == "pending"


def test_it_takes_as_many_statements_for_thirty_as_for_three(
    api: APIClient, cast: Cast, client_of: Callable[..., APIClient]
) -> None:
    counts = []
    for number in (3, 30):
        text = make_key(cast.environment)
        names = [f"{number}-{n}" for n in range(number)]
        held = {"role_id": str(cast.reader.pk), "node_id": str(cast.site.pk)}
        invite(APIClient(headers={"X-API-Key": text}), *names, **held)
        key = ApiKey.objects.get(key_hash=hash_key(text))
        counts.append(statements_of(lambda key=key: api.delete(f"{V1}/api-keys/{key.pk}")))  # type: ignore[misc]  # bound now

    assert counts[0] == counts[1]


def test_the_page_tells_what_goes_with_it(cast: Cast, sender: tuple[ApiKey, APIClient]) -> None:
    key, client = sender
    invite(client, "bob", "eve")
    browser = browser_in_team(cast.environment)
    path = f"{place(cast.environment)}api-keys/{key.pk}/delete"

    assert "2 pending invitations that it has sent" in browser.get(path).content.decode()
    told = browser.post(path, follow=True).content.decode()

    assert "2 pending invitations revoked" in told
    assert not Invitation.objects.filter(status="pending").exists()
