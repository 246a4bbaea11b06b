"""People in the states that the tests need."""

from __future__ import annotations

from datetime import timedelta

from django.db.models.functions import Now

from identities.models import Identity, Invitation
from tests.rituals import V1

IDENTITIES = f"{V1}/identities"
FIELDS = {
    "id", "email", "first_name", "last_name", "name", "external_id", "avatar_url", "is_active",
    "status", "created_at", "version",
}  # fmt: skip


def invite(row: Identity) -> Invitation:
    """Give an identity a pending invitation, as if it had been invited."""
    Identity.objects.filter(pk=row.pk).update(status="invited")
    return Invitation.objects.create(
        environment_id=row.environment_id,
        identity=row,
        nonce=b"0" * 16,
        invited_by_type="system",
        invited_by_label="test",
        expires_at=Now() + timedelta(days=7),
    )
