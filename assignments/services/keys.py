"""Deleting an API key, together with the invitations that only it could have made."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from assignments.services.invitations import revoke_sent
from environments.actors import Actor
from environments.models import ActorType, ApiKey, Environment
from environments.scopes import ALL_SCOPES
from hierarchy.services.keys import delete_api_key
from identities.models import Invitation, InvitationQuerySet


def invitations_sent_by(key: ApiKey) -> InvitationQuerySet:
    """The pending invitations that a key has sent, and that end with it.

    Args:
        key: which.

    Returns:
        A queryset without an order.
    """
    return Invitation.objects.filter(
        environment=key.environment_id,
        status=Invitation.Status.PENDING,
        expires_at__gt=Now(),
        invited_by_type=ActorType.API_KEY,
        invited_by_id=key.pk,
    )


@transaction.atomic
def delete_key(*, actor: Actor, environment: Environment, key_id: UUID) -> int:
    """Delete a key for good, and revoke the pending invitations that it has sent; its row stays as history.

    Args:
        actor: who does it.
        environment: whose key.
        key_id: which key.

    Returns:
        How many invitations were revoked.

    Raises:
        NotFound: `api_keys.not_found`.
        Forbidden: if the key may do more, elsewhere, or longer, than the actor.
    """
    key = delete_api_key(actor=actor, environment=environment, key_id=key_id)
    sent = list(invitations_sent_by(key).values_list("pk", flat=True))
    # It follows from the deletion, whatever else the one who deletes may do.
    within = replace(actor, scopes=ALL_SCOPES)
    return len(revoke_sent(actor=within, environment=environment, invitation_ids=sent))
