"""What an identity's status means for its invitation, and the part of a removal that concerns it."""

from __future__ import annotations

from django.db.models import F
from django.db.models.functions import Now

from environments.actors import Actor
from environments.models import Environment
from environments.services import audit
from identities.models import Identity, Invitation


def settle_invitation(row: Identity) -> None:
    """End the pending invitation of an identity that is no longer invited.

    It counts as accepted when the identity became active, as revoked otherwise.

    Args:
        row: the identity, locked, with its new status.
    """
    pending = row.invitations.filter(status=Invitation.Status.PENDING)
    if row.status == Identity.Status.ACTIVE:
        end = {"status": Invitation.Status.ACCEPTED, "accepted_at": Now()}
    else:
        end = {"status": Invitation.Status.REVOKED, "revoked_at": Now()}
    pending.update(version=F("version") + 1, **end)


def mark_identity_removed(
    *, actor: Actor, environment: Environment, row: Identity, revoked_assignments: int
) -> None:
    """Remove an identity; its row stays as history and its address is free again.

    Part of a removal that also looks after assignments, under the identity's lock which that holds.

    Args:
        actor: who removes it.
        environment: whose identity.
        row: the identity, read under the lock.
        revoked_assignments: how many assignments went with it.
    """
    former = row.status
    row.status = Identity.Status.REMOVED
    row.save(update_fields=["status"])
    Identity.objects.filter(pk=row.pk).update(version=F("version") + 1, updated_at=Now())
    settle_invitation(row)
    audit.record(
        actor=actor,
        environment=environment,
        action="identity.removed",
        resource=row,
        before={"status": former},
        after={"status": row.status},
        revoked_assignments=revoked_assignments,
    )
