"""Taking back that identities were made, removed, activated or deactivated, and that people were invited."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models import Q

from assignments.services.undoing.kinds import (
    Kind,
    Step,
    Undoing,
    held,
    ids_of,
    refuse_held,
    unchanged,
)
from common.constraints import breaking
from common.errors import Conflict
from common.lookups import among
from common.outcomes import Outcome, accepted
from environments.models import AuditEvent, Batch
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from identities.models import Identity, Invitation
from identities.services.identities import TAKEN
from identities.services.statuses import end_invitations, end_pending

_POWER: Final = Power(frozenset({Scope.IDENTITY_MANAGE}), None)
_STATUSES = """
UPDATE identities_identity i
   SET status = s.status, version = i.version + 1, updated_at = statement_timestamp()
  FROM unnest(%s::uuid[], %s::varchar[]) AS s (id, status)
 WHERE i.id = s.id
"""


@dataclass(frozen=True, slots=True)
class _Turn:
    """An identity as it is, and as it would be."""

    row: Identity
    after: Identity


def _plan(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    require_power(undoing.actor, undoing.environment, _POWER)
    ids = ids_of(events)
    rows = Identity.objects.filter(among("pk", ids), environment=undoing.environment)
    found = {row.pk: row for row in rows}
    taken = _taken(undoing, [row for row in found.values() if _is_removed(row)])
    in_use = held(undoing, "identity", ids)

    def judge(event: AuditEvent, row: Identity) -> Outcome[Step]:
        former = event.metadata.get("before", {}).get("status", Identity.Status.REMOVED)
        refusal: Conflict | None = None
        if former == Identity.Status.INVITED:
            refusal = Conflict("batches.not_undoable", "Its link is dead; invite it again.")
        elif former == Identity.Status.REMOVED and row.pk in in_use:
            refusal = refuse_held()
        elif _is_removed(row) and former != Identity.Status.REMOVED:
            refusal = _refuse_taken(row, taken)
        if refusal is not None:
            return Outcome(refusal=refusal)
        after = copy(row)
        after.status = former
        return Outcome(Step(event, _act(row, after), row.pk, _Turn(row, after)))

    outcomes = unchanged(events, found, judge)
    undoing.identities |= {step.what.row.pk: step.what.after for step in accepted(outcomes)}
    return outcomes


def _act(row: Identity, after: Identity) -> str:
    if _is_removed(after):
        return "identity.removed"
    if _is_removed(row):
        return "identity.restored"
    active = after.status == Identity.Status.ACTIVE
    return "identity.activated" if active else "identity.deactivated"


def _is_removed(row: Identity) -> bool:
    return row.status == Identity.Status.REMOVED


def _taken(undoing: Undoing, rows: Sequence[Identity]) -> list[tuple[str, str | None]]:
    """The addresses and external ids of live identities that have what removed ones had."""
    if not rows:
        return []
    external_ids = [row.external_id for row in rows if row.external_id is not None]
    same: Q = among("email", [row.email for row in rows]) | among("external_id", external_ids)
    live = Identity.objects.in_environment(undoing.environment).filter(same)
    return list(live.values_list("email", "external_id"))


def _refuse_taken(row: Identity, taken: Sequence[tuple[str, str | None]]) -> Conflict | None:
    if any(email == row.email for email, _ in taken):
        return TAKEN["identity_email_unique"]()
    if row.external_id is not None and any(one == row.external_id for _, one in taken):
        return TAKEN["identity_external_id_unique"]()
    return None


def _write(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    after = [step.what.after for step in steps]
    with breaking(TAKEN), connection.cursor() as cursor:
        cursor.execute(_STATUSES, [[row.pk for row in after], [row.status for row in after]])
    end_invitations(
        actor=undoing.actor, environment=undoing.environment, rows=after, batch_id=batch.pk
    )
    for action in sorted({step.action for step in steps}):
        audit.record_many(
            actor=undoing.actor,
            environment=undoing.environment,
            action=action,
            entries=[_entry(step.what) for step in steps if step.action == action],
            batch_id=batch.pk,
        )
    return steps


def _entry(turn: _Turn) -> audit.Entry:
    metadata = {"before": {"status": turn.row.status}, "after": {"status": turn.after.status}}
    return audit.Entry(turn.row.pk, str(turn.row), metadata, turn.row.version + 1)


def _plan_invited(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    require_power(undoing.actor, undoing.environment, _POWER)
    rows = Invitation.objects.filter(
        among("pk", ids_of(events)), environment=undoing.environment
    ).select_related("identity")

    def judge(event: AuditEvent, row: Invitation) -> Outcome[Step]:
        if row.status != Invitation.Status.PENDING:
            return Outcome(
                refusal=Conflict("invites.not_pending", f"The invitation is {row.status}.")
            )
        return Outcome(Step(event, "invite.revoked", row.pk, row))

    return unchanged(events, {row.pk: row for row in rows}, judge)


def _revoke(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    end_pending(
        actor=undoing.actor,
        environment=undoing.environment,
        rows=[step.what for step in steps],
        end=Invitation.Status.REVOKED,
        batch_id=batch.pk,
    )
    return steps


STATUS: Final = Kind(Scope.IDENTITY_MANAGE, _plan, _write)
INVITED: Final = Kind(Scope.IDENTITY_MANAGE, _plan_invited, _revoke)
