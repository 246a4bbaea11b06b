"""What an identity's status means for its invitation, and the part of a removal that concerns identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from common.lookups import among
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


def end_invitations(
    *,
    actor: Actor,
    environment: Environment,
    rows: Sequence[Identity],
    batch_id: UUID | None = None,
) -> int:
    """End the pending invitations of identities whose status an act changed; a few statements for any number.

    Args:
        actor: who acts.
        environment: whose identities.
        rows: the identities, locked, with their new status.
        batch_id: the batch that this is part of, for the audit log.

    Returns:
        How many invitations ended.
    """
    by_id = {row.pk: row for row in rows}
    pending = list(
        Invitation.objects.filter(
            among("identity", by_id), status=Invitation.Status.PENDING
        ).select_related("identity")
    )
    for end in (Invitation.Status.ACCEPTED, Invitation.Status.REVOKED):
        ended = [row for row in pending if end_of_invitation(by_id[row.identity_id]) == end]
        end_pending(actor=actor, environment=environment, rows=ended, end=end, batch_id=batch_id)
    return len(pending)


def end_pending(
    *,
    actor: Actor,
    environment: Environment,
    rows: Sequence[Invitation],
    end: Invitation.Status,
    batch_id: UUID | None = None,
) -> None:
    """Give pending invitations their end, and write it down.

    Args:
        actor: who acts.
        environment: whose invitations.
        rows: pending ones with their identities, which are locked.
        end: accepted or revoked.
        batch_id: the batch that this is part of, for the audit log.
    """
    if not rows:
        return
    at = "accepted_at" if end == Invitation.Status.ACCEPTED else "revoked_at"
    Invitation.objects.filter(among("pk", [row.pk for row in rows])).update(
        status=end, version=F("version") + 1, **{at: Now()}
    )
    metadata = {"before": {"status": Invitation.Status.PENDING}, "after": {"status": end}}
    audit.record_many(
        actor=actor,
        environment=environment,
        action=f"invite.{end.value}",
        entries=[audit.Entry(row.pk, str(row.identity), metadata, row.version + 1) for row in rows],
        batch_id=batch_id,
    )


def mark_identities_removed(
    *,
    actor: Actor,
    environment: Environment,
    rows: Sequence[Identity],
    batch_id: UUID,
    revoked: Mapping[UUID, int],
) -> None:
    """Remove identities; their rows stay as history and their addresses are free again.

    Part of an act that also looks after assignments, under the identities' locks which that holds.

    Args:
        actor: who removes them.
        environment: whose identities.
        rows: the identities, read under the lock.
        batch_id: the batch that this is part of, for the audit log.
        revoked: how many assignments went with each, by its id.
    """
    if not rows:
        return
    former = {row.pk: row.status for row in rows}
    Identity.objects.filter(among("pk", former)).update(
        status=Identity.Status.REMOVED, version=F("version") + 1, updated_at=Now()
    )
    for row in rows:
        row.status = Identity.Status.REMOVED
        row.version += 1
    end_invitations(actor=actor, environment=environment, rows=rows, batch_id=batch_id)
    audit.record_many(
        actor=actor,
        environment=environment,
        action="identity.removed",
        entries=[
            audit.Entry(
                row.pk,
                str(row),
                {
                    "before": {"status": former[row.pk]},
                    "after": {"status": row.status},
                    "revoked_assignments": revoked.get(row.pk, 0),
                },
                row.version,
            )
            for row in rows
        ],
        batch_id=batch_id,
    )
