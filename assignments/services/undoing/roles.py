"""Taking back that roles were deleted, or brought back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Lower, Now

from assignments.models import Role
from assignments.services.roles import NAME_TAKEN, refuse_name, require_power_over_roles, told
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
from common.lookups import among
from common.outcomes import Outcome, accepted
from environments.models import AuditEvent, Batch
from environments.scopes import Scope
from environments.services import audit


def _rows(undoing: Undoing, events: Sequence[AuditEvent]) -> dict[UUID, Role]:
    require_power_over_roles(undoing.actor, undoing.environment)
    rows = Role.objects.filter(among("pk", ids_of(events)), environment=undoing.environment)
    return {row.pk: row for row in rows}


def _plan_deleted(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    found = _rows(undoing, events)
    live = Role.objects.in_environment(undoing.environment).alias(lower=Lower("name"))
    blocked = Role.objects.filter(Exists(live.filter(lower=Lower(OuterRef("name")))))
    taken = set(blocked.filter(among("pk", found)).values_list("pk", flat=True))

    def judge(event: AuditEvent, row: Role) -> Outcome[Step]:
        if row.pk in taken:
            return Outcome(refusal=refuse_name())
        return Outcome(Step(event, "role.restored", row.pk, row))

    outcomes = unchanged(events, found, judge)
    undoing.roles |= {step.what.pk for step in accepted(outcomes)}
    return outcomes


def _plan_restored(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    found = _rows(undoing, events)
    in_use = held(undoing, "role", found)

    def judge(event: AuditEvent, row: Role) -> Outcome[Step]:
        if row.pk in in_use:
            return Outcome(refusal=refuse_held())
        return Outcome(Step(event, "role.deleted", row.pk, row))

    return unchanged(events, found, judge)


def _restore(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    with breaking(NAME_TAKEN):
        _update(steps, deleted_at=None)
    entries = [
        audit.Entry(step.what.pk, str(step.what), {"after": told(step.what)}, step.what.version + 1)
        for step in steps
    ]
    _record(undoing, "role.restored", entries, batch)
    return steps


def _delete(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    _update(steps, deleted_at=Now())
    entries = [
        audit.Entry(
            step.what.pk, str(step.what), {"before": told(step.what)}, step.what.version + 1
        )
        for step in steps
    ]
    _record(undoing, "role.deleted", entries, batch)
    return steps


def _update(steps: Sequence[Step], **values: Any) -> None:
    rows = Role.objects.filter(among("pk", [step.what.pk for step in steps]))
    rows.update(**values, version=F("version") + 1, updated_at=Now())


def _record(undoing: Undoing, action: str, entries: Sequence[audit.Entry], batch: Batch) -> None:
    audit.record_many(
        actor=undoing.actor,
        environment=undoing.environment,
        action=action,
        entries=entries,
        batch_id=batch.pk,
    )


DELETED: Final = Kind(Scope.ROLES_MANAGE, _plan_deleted, _restore)
RESTORED: Final = Kind(Scope.ROLES_MANAGE, _plan_restored, _delete)
