"""Inviting people, one or ten thousand, with their first role or without."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F

from assignments.invitations import invitations_of
from assignments.locks import lock_roles_shared
from assignments.models import Assignment
from assignments.services.assign import write_assignments
from assignments.services.invite_plan import NewInvite, PlannedInvite, plan_invites, refuse_pending
from assignments.services.revoke import revoke_rows
from common.inserts import insert_rows
from common.lookups import among
from common.outcomes import Outcome, accepted, carried_on, require_all, require_value
from common.refs import Ref
from environments.actors import Actor
from environments.models import Batch, Environment
from environments.services import audit
from environments.services.batches import open_batch
from hierarchy.locks import lock_tree_shape
from identities.links import LIFETIME, fresh_nonce
from identities.locks import lock_identities
from identities.models import Identity, Invitation
from identities.services.identities import told
from identities.services.invitations import queue_mail

MOST_INVITES = 10_000
_OWN = ("id", "identity", "intent", "nonce")

_RENAME = """
UPDATE identities_identity i
   SET first_name = named.first_name, last_name = named.last_name, version = i.version + 1,
       updated_at = statement_timestamp()
  FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS named (id, first_name, last_name)
 WHERE i.id = named.id
"""


@transaction.atomic
def invite_identity(*, actor: Actor, environment: Environment, new: NewInvite) -> Invitation:
    """Invite someone; a first role is in place at once and grants nothing until they accept.

    Args:
        actor: who invites.
        environment: to where.
        new: whom.

    Returns:
        The invitation, as `invitations_of` gives it.

    Raises:
        Conflict: `invites.pending` with the invitation, `invites.already_active`,
            `invites.identity_inactive`, or as `assign_role`.
        RuleViolation: as `assign_role`.
        NotFound: as `assign_role`.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    _lock(environment, [new])
    [planned] = plan_invites(actor, environment, [new])
    [outcome] = _write(actor, environment, [require_value(planned)])
    return require_value(outcome)


@transaction.atomic
def invite_identities(
    rows: Sequence[NewInvite],
    *,
    actor: Actor,
    environment: Environment,
    unreadable: int = 0,
    whole: bool = False,
) -> tuple[UUID | None, list[Outcome[Invitation]]]:
    """Invite many; each row stands for itself, in a fixed number of statements.

    Args:
        rows: whom.
        actor: who invites.
        environment: to where.
        unreadable: how many further rows the door refused; the batch counts them as failed.
        whole: whether all rows are refused when one is.

    Returns:
        The batch's id, none where no row succeeded, and what became of each row, in their order.

    Raises:
        NotAll: if all rows are refused because one is.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    _lock(environment, rows)
    plan = plan_invites(actor, environment, rows)
    if whole:
        require_all(plan)
    if not accepted(plan):
        return None, carried_on(plan, [])
    batch = open_batch(actor=actor, environment=environment, action="invite.bulk_created")
    outcomes = carried_on(plan, _write(actor, environment, accepted(plan), batch))
    if whole:
        # Another call may have taken an address since the plan.
        require_all(outcomes)
    made = len(accepted(outcomes))
    if not made:
        batch.delete()
        return None, outcomes
    batch.counts = {"succeeded": made, "failed": len(outcomes) - made + unreadable}
    batch.save(update_fields=["counts"])
    return batch.pk, outcomes


def _lock(environment: Environment, new: Sequence[NewInvite]) -> None:
    """See to it that nothing the plan reads changes until it is written, but for who joins."""
    lock_tree_shape(environment.pk)
    lock_identities(environment, [Ref("email", item.email) for item in new])
    lock_roles_shared(environment, {item.first.role_id for item in new if item.first})


def _write(
    actor: Actor,
    environment: Environment,
    plans: Sequence[PlannedInvite],
    batch: Batch | None = None,
) -> list[Outcome[Invitation]]:
    """Write what was planned; a row that another call overtook is refused like one of a later call."""
    batch_id = batch.pk if batch else None
    there = _join(actor, environment, [item for item in plans if item.joins], batch_id)
    kept = [item for item in plans if not item.joins or item.identity.pk in there]
    _rename(actor, environment, kept, batch_id)
    _end_former(actor, environment, kept, batch_id)
    made = _insert(actor, environment, kept, batch_id)
    given = [(item.place, made[item.new.email].pk) for item in kept if item.place]
    write_assignments(
        actor=actor,
        environment=environment,
        places=[place for place, _ in given],
        batch=batch,
        invitations=[invitation_id for _, invitation_id in given],
    )
    mailed = [made[item.new.email].pk for item in kept if item.new.send_email]
    queue_mail(environment=environment, invitation_ids=mailed)
    ids = [row.pk for row in made.values()]
    found = {
        row.identity.email: row for row in invitations_of(environment).filter(among("pk", ids))
    }
    late = [item.new for item in plans if item.new.email not in found]
    refusals = iter(plan_invites(actor, environment, late) if late else [])
    return [
        Outcome(found[item.new.email])
        if item.new.email in found
        # Whoever was in the way may have been removed by now; the row is refused all the same.
        else Outcome(refusal=next(refusals).refusal or refuse_pending(item.new.email))
        for item in plans
    ]


def _join(
    actor: Actor, environment: Environment, plans: Sequence[PlannedInvite], batch_id: UUID | None
) -> set[UUID]:
    """Make those whom nobody knew; gives the ids of those who were not made by another call meanwhile."""
    if not plans:
        return set()
    # In one order, so that two calls with the same people wait for each other and not in a circle.
    ordered = sorted(plans, key=lambda item: item.new.email)
    insert_rows(
        Identity,
        each={
            "id": [item.identity.pk for item in ordered],
            "email": [item.new.email for item in ordered],
            "first_name": [item.first_name for item in ordered],
            "last_name": [item.last_name for item in ordered],
        },
        all_alike={
            "environment": environment,
            "external_id": None,
            "metadata": {},
            "status": Identity.Status.INVITED,
            "version": 1,
        },
        skip_conflicts=True,
    )
    made = Identity.objects.filter(among("pk", [item.identity.pk for item in ordered]))
    entries = [audit.Entry(row.pk, str(row), {"after": told(row)}, row.version) for row in made]
    audit.record_many(
        actor=actor,
        environment=environment,
        action="identity.created",
        entries=entries,
        batch_id=batch_id,
    )
    return {row.pk for row in made}


def _rename(
    actor: Actor, environment: Environment, plans: Sequence[PlannedInvite], batch_id: UUID | None
) -> None:
    """Call those who were invited before as they are called now."""
    renamed = [item for item in plans if not item.joins and _before(item)]
    if not renamed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _RENAME,
            [
                [item.identity.pk for item in renamed],
                [item.first_name for item in renamed],
                [item.last_name for item in renamed],
            ],
        )
    entries = [
        audit.Entry(
            item.identity.pk,
            str(item.identity),
            {
                "before": _before(item),
                "after": {name: getattr(item, name) for name in _before(item)},
            },
            item.identity.version + 1,
        )
        for item in renamed
    ]
    audit.record_many(
        actor=actor,
        environment=environment,
        action="identity.updated",
        entries=entries,
        batch_id=batch_id,
    )


def _before(item: PlannedInvite) -> dict[str, str]:
    """The names that change, as they are."""
    names = {name: getattr(item.identity, name) for name in ("first_name", "last_name")}
    return {name: value for name, value in names.items() if value != getattr(item, name)}


def _end_former(
    actor: Actor, environment: Environment, plans: Sequence[PlannedInvite], batch_id: UUID | None
) -> None:
    """Mark the expired invitations that are replaced, and revoke what was given with earlier ones."""
    replaced = [item.replaces for item in plans if item.replaces]
    if replaced:
        expired = Invitation.objects.filter(among("pk", replaced))
        expired.update(status=Invitation.Status.EXPIRED, version=F("version") + 1)
    leaving = [row_id for item in plans for row_id in item.leaving]
    if leaving:
        rows = Assignment.objects.filter(among("pk", leaving)).live()
        revoke_rows(actor=actor, environment=environment, rows=rows, batch_id=batch_id)


def _insert(
    actor: Actor, environment: Environment, plans: Sequence[PlannedInvite], batch_id: UUID | None
) -> dict[str, Invitation]:
    """Insert the invitations with their audit events; gives them by address, without their times."""
    if not plans:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (now,) = cursor.fetchone()
    expires_at = now + LIFETIME
    rows = {
        item.new.email: Invitation(
            id=uuid4(), identity=item.identity, intent=item.new.intent, nonce=fresh_nonce()
        )
        for item in plans
    }
    each = {name: [getattr(row, name) for row in rows.values()] for name in _OWN}
    insert_rows(
        Invitation,
        each=each,
        all_alike={
            "environment": environment,
            "status": Invitation.Status.PENDING,
            "invited_by_type": actor.type,
            "invited_by_id": actor.id,
            "invited_by_label": actor.label,
            "expires_at": expires_at,
            "version": 1,
        },
    )
    entries = [
        audit.Entry(rows[item.new.email].pk, item.new.email, _told(item, expires_at), 1)
        for item in plans
    ]
    audit.record_many(
        actor=actor,
        environment=environment,
        action="invite.created",
        entries=entries,
        batch_id=batch_id,
    )
    return rows


def _told(item: PlannedInvite, expires_at: datetime) -> dict[str, Any]:
    """What the audit log keeps of a new invitation; never what its link is made of."""
    after = {
        "email": item.new.email,
        "intent": item.new.intent,
        "status": Invitation.Status.PENDING,
        "expires_at": expires_at,
    }
    return {
        "after": after,
        "identity_id": item.identity.pk,
        **({"replaces": item.replaces} if item.replaces else {}),
    }
