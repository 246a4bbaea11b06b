"""Renewing and revoking an invitation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from uuid import UUID

from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from assignments.invitations import get_invitation, invitations_of
from assignments.models import Assignment, AssignmentQuerySet
from assignments.services.revoke import revoke_rows
from common.errors import Conflict, TooSoon
from common.lookups import among
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from environments.services.batches import open_batch
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree_shape
from identities.links import LIFETIME, fresh_nonce
from identities.locks import lock_identities
from identities.models import Identity, Invitation
from identities.services.invitations import queue_mail
from identities.services.statuses import end_pending, mark_identities_removed

COOL_DOWN = timedelta(minutes=5)
_OPEN = (Invitation.Status.PENDING, Invitation.Status.EXPIRED)


@dataclass(frozen=True, slots=True)
class Revocation:
    """What revoking an invitation would take with it.

    Args:
        invitation: the invitation as it is.
        assignments: how many live assignments were made with it.
        removes: whether the identity goes too, because nothing else was given to it.
    """

    invitation: Invitation
    assignments: int
    removes: bool


@transaction.atomic
def resend_invitation(
    *, actor: Actor, environment: Environment, invitation_id: UUID, send_email: bool = True
) -> Invitation:
    """Give an invitation a new link, good for as long as a first one; the old link is dead.

    Args:
        actor: who renews it.
        environment: whose invitation.
        invitation_id: which; it may have expired.
        send_email: whether we send the link; the caller has it in any case.

    Returns:
        The invitation as it is now.

    Raises:
        NotFound: `invites.not_found`.
        Conflict: `invites.not_pending`.
        TooSoon: `invites.cool_down`, within five minutes of the last link.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    lock_tree_shape(environment.pk)
    _lock_identity_of(actor, environment, invitation_id)
    row = plan_resend(actor, environment, invitation_id)
    former = {"status": row.state, "expires_at": row.expires_at}
    Invitation.objects.filter(pk=row.pk).update(
        nonce=fresh_nonce(),
        status=Invitation.Status.PENDING,
        expires_at=Now() + LIFETIME,
        renewed_at=Now(),
        sent_at=None,
        version=F("version") + 1,
    )
    renewed = get_invitation(environment, invitation_id)
    audit.record_many(
        actor=actor,
        environment=environment,
        action="invite.resent",
        entries=[
            audit.Entry(
                renewed.pk,
                renewed.identity.email,
                {
                    "before": former,
                    "after": {"status": renewed.state, "expires_at": renewed.expires_at},
                },
                renewed.version,
            )
        ],
    )
    if send_email:
        queue_mail(environment=environment, invitation_ids=[renewed.pk])
    return renewed


def plan_resend(actor: Actor, environment: Environment, invitation_id: UUID) -> Invitation:
    """Whether an invitation can be given a new link, by reading only.

    Args:
        actor: who would renew it.
        environment: whose invitation.
        invitation_id: which.

    Returns:
        The invitation as it is.

    Raises:
        DomainError: why it cannot, as `resend_invitation`.
    """
    require_power(actor, environment, Power(frozenset({Scope.IDENTITY_MANAGE}), None))
    row = get_invitation(environment, invitation_id)
    places = set(_given_with(row).values_list("node", flat=True))
    if places:
        # Whoever holds the link may accept, and then holds these roles.
        require_power(actor, environment, Power(frozenset({Scope.ASSIGNMENTS_MANAGE}), places))
    later = Invitation.objects.filter(identity=row.identity_id, created_at__gt=row.created_at)
    invited = row.identity.status == Identity.Status.INVITED
    if not invited or row.state not in _OPEN or later.exists():
        raise _not_pending(row)
    rest = _rest_of(row)
    if rest > timedelta():
        raise TooSoon(
            "invites.cool_down",
            "The last link was made less than 5 minutes ago; wait and try again.",
            seconds=ceil(rest.total_seconds()),
        )
    return row


@transaction.atomic
def revoke_invitation(*, actor: Actor, environment: Environment, invitation_id: UUID) -> UUID:
    """Revoke a pending invitation with what was assigned with it; the rows stay as history.

    The invited identity is removed, unless something else was given to it.

    Args:
        actor: who revokes it.
        environment: whose invitation.
        invitation_id: which.

    Returns:
        The batch's id.

    Raises:
        NotFound: `invites.not_found`.
        Conflict: `invites.not_pending`.
        Forbidden: `scope_missing`.
    """
    _lock_identity_of(actor, environment, invitation_id)
    plan = plan_revocation(actor, environment, invitation_id)
    return _revoke(actor, environment, [plan.invitation])


def revoke_sent(
    *, actor: Actor, environment: Environment, invitation_ids: Collection[UUID]
) -> list[UUID]:
    """Revoke invitations that whoever sent them could no longer send, as one batch.

    Part of an act that takes away a place in a team, or a key; what ended meanwhile stays as it is.

    Args:
        actor: who acts.
        environment: whose invitations.
        invitation_ids: which.

    Returns:
        Those that were revoked.
    """
    seen = invitations_of(environment).filter(among("pk", invitation_ids))
    lock_identities(environment, [Ref.of(row.identity_id) for row in seen])
    pending = [row for row in seen.all() if row.state == Invitation.Status.PENDING]
    if pending:
        _revoke(actor, environment, pending)
    return [row.pk for row in pending]


def _revoke(actor: Actor, environment: Environment, rows: Sequence[Invitation]) -> UUID:
    """Revoke pending invitations under their identities' locks; a few statements for any number."""
    batch = open_batch(actor=actor, environment=environment, action="invite.revoked")
    given = Assignment.objects.filter(among("invitation", [row.pk for row in rows])).live()
    by_identity = Counter(given.values_list("identity", flat=True))
    revoked = revoke_rows(actor=actor, environment=environment, rows=given, batch_id=batch.pk)
    end_pending(
        actor=actor,
        environment=environment,
        rows=rows,
        end=Invitation.Status.REVOKED,
        batch_id=batch.pk,
    )
    invited = [row.identity for row in rows if row.identity.status == Identity.Status.INVITED]
    held = Assignment.objects.filter(among("identity", [row.pk for row in invited])).live()
    holders = set(held.values_list("identity", flat=True))
    leaving = [row for row in invited if row.pk not in holders]
    mark_identities_removed(
        actor=actor,
        environment=environment,
        rows=leaving,
        batch_id=batch.pk,
        revoked=by_identity,
    )
    batch.counts = {
        "invitations": len(rows),
        "assignments": revoked,
        "identities": len(leaving),
    }
    batch.save(update_fields=["counts"])
    return batch.pk


def plan_revocation(actor: Actor, environment: Environment, invitation_id: UUID) -> Revocation:
    """What revoking an invitation would do, by reading only.

    Args:
        actor: who would revoke it.
        environment: whose invitation.
        invitation_id: which.

    Returns:
        The invitation, with what would go with it.

    Raises:
        DomainError: why it cannot, as `revoke_invitation`.
    """
    actor.require(Scope.IDENTITY_MANAGE)
    row = get_invitation(environment, invitation_id)
    if row.state != Invitation.Status.PENDING:
        raise _not_pending(row)
    held = Assignment.objects.filter(identity=row.identity_id).live()
    invited = row.identity.status == Identity.Status.INVITED
    kept = held.exclude(invitation=row.pk).exists()
    return Revocation(row, _given_with(row).count(), invited and not kept)


def _lock_identity_of(actor: Actor, environment: Environment, invitation_id: UUID) -> None:
    """An invitation changes only under the lock of its identity."""
    actor.require(Scope.IDENTITY_MANAGE)
    seen = get_invitation(environment, invitation_id)
    lock_identities(environment, [Ref.of(seen.identity_id)])


def _given_with(row: Invitation) -> AssignmentQuerySet:
    return Assignment.objects.filter(invitation=row).live()


def _rest_of(row: Invitation) -> timedelta:
    """How long the next link has to wait, by the database's clock."""
    rest = ExpressionWrapper(F("renewed_at") + COOL_DOWN - Now(), output_field=DurationField())
    value: timedelta = Invitation.objects.values_list(rest, flat=True).get(pk=row.pk)
    return value


def _not_pending(row: Invitation) -> Conflict:
    accepted = row.state == Invitation.Status.ACCEPTED
    instead = "deactivate or remove the identity" if accepted else "invite anew"
    return Conflict(
        "invites.not_pending", f"The invitation is {row.state}; {instead} instead.", data=row
    )
