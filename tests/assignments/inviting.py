"""Inviting people over the API, and letting time pass for their links."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from identities.models import Identity, Invitation
from tests.assignments.cast import Cast
from tests.rituals import V1

INVITES = f"{V1}/identity-invites"
FIELDS = {
    "id", "email", "intent", "first_name", "last_name", "name", "role_id", "node_id",
    "environment_id", "environment_name", "has_initial_assignment", "status", "expires_at",
    "invited_by", "created_at", "version",
}  # fmt: skip


def invite(api: Any, email: str = "bob@example.org", **others: Any) -> Any:
    """Invite someone; the answer."""
    return api.post(INVITES, {"email": email, **others}, format="json")


def invited(api: Any, email: str = "bob@example.org", **others: Any) -> dict[str, Any]:
    """Invite someone, which succeeds; the invitation with its link."""
    answer = invite(api, email, **others)
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def resend(api: Any, invitation_id: object, **body: Any) -> Any:
    """Ask for a new link; the answer."""
    return api.post(f"{INVITES}/{invitation_id}/resend", body, format="json")


def shown(api: Any, invitation_id: object) -> dict[str, Any]:
    """An invitation as it is now."""
    told: dict[str, Any] = api.get(f"{INVITES}/{invitation_id}").json()
    return told


def elapse(invitation_id: str) -> None:
    """Let the invitation's time be over; nothing marks the row."""
    Invitation.objects.filter(pk=invitation_id).update(expires_at=Now())


def rest(invitation_id: str) -> None:
    """Let the five minutes after the last link be over."""
    rows = Invitation.objects.filter(pk=invitation_id)
    rows.update(renewed_at=F("renewed_at") - timedelta(minutes=5))


def path_of(link: str) -> str:
    """The address of a link on any host."""
    return "/" + link.split("/", 3)[3]


def role_at_site(cast: Cast) -> dict[str, str]:
    """The reader's role at the site, as a first role."""
    return {"role_id": str(cast.reader.pk), "node_id": "ext:site-1"}


def bob() -> Identity:
    """The newest identity of Bob's address."""
    return Identity.objects.filter(email="bob@example.org").latest("created_at")
