"""What an identity's status means for its invitation, and the part of a removal that concerns it."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from environments.actors import Actor
from environments.models import Environment
from environments.services import audit
from identities.models import Identity, Invitation


def pending_of(row: Identity) -> QuerySet[Invitation]:
    """The pending invitation of an identity.

    Args:
        row: the identity.

    Returns:
        A queryset of one row at most.
    """
    return Invitation.objects.filter(identity=row, status=Invitation.Status.PENDING)


def end_of_invitation(row: Identity) -> Invitation.Status:
    """What becomes of the pending invitation of an identity that is no longer invited.

    Args:
        row: the identity with its new status.

    Returns:
        Accepted when it became active, revoked otherwise.
    """
    active = row.status == Identity.Status.ACTIVE
    return Invitation.Status.ACCEPTED if active else Invitation.Status.REVOKED


def settle_invitation(row: Identity) -> list[Invitation]:
    """End the pending invitation of an identity that is no longer invited.

    Args:
        row: the identity, locked, with its new status.

    Returns:
        The invitation as it is now, none without a pending one.
    """
    ended = list(pending_of(row))
    if ended:
        end = end_of_invitation(row)
        at = "accepted_at" if end == Invitation.Status.ACCEPTED else "revoked_at"
        pending_of(row).update(status=end, version=F("version") + 1, **{at: Now()})
        for invitation in ended:
            invitation.status = end
            invitation.version += 1
    return ended


def end_invitation(
    *, actor: Actor, environment: Environment, row: Identity, batch_id: UUID | None = None
) -> int:
    """Settle the pending invitation of an identity whose status an act changed, and write it down.

    Args:
        actor: who acts.
        environment: whose identity.
        row: the identity, locked, with its new status.
        batch_id: the batch that this is part of, for the audit log.

    Returns:
        How many invitations ended: one or none.
    """
    ended = settle_invitation(row)
    entries = [
        audit.Entry(
            invitation.pk,
            str(row),
            {
                "before": {"status": Invitation.Status.PENDING},
                "after": {"status": invitation.status},
            },
            invitation.version,
        )
        for invitation in ended
    ]
    audit.record_many(
        actor=actor,
        environment=environment,
        action=f"invite.{end_of_invitation(row).value}",
        entries=entries,
        batch_id=batch_id,
    )
    return len(ended)


def mark_identity_removed(
    *,
    actor: Actor,
    environment: Environment,
    row: Identity,
    revoked_assignments: int,
    batch_id: UUID,
) -> None:
    """Remove an identity; its row stays as history and its address is free again.

    Part of a removal that also looks after assignments, under the identity's lock which that holds.

    Args:
        actor: who removes it.
        environment: whose identity.
        row: the identity, read under the lock.
        revoked_assignments: how many assignments went with it.
        batch_id: the batch that this is part of, for the audit log.
    """
    former = row.status
    row.status = Identity.Status.REMOVED
    row.version += 1
    row.updated_at = Now()
    row.save(update_fields=["status", "version", "updated_at"])
    end_invitation(actor=actor, environment=environment, row=row, batch_id=batch_id)
    audit.record(
        actor=actor,
        environment=environment,
        action="identity.removed",
        resource=row,
        before={"status": former},
        after={"status": row.status},
        version=row.version,
        batch_id=batch_id,
        revoked_assignments=revoked_assignments,
    )
