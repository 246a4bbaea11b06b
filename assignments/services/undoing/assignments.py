"""Taking back what was done to assignments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from assignments.models import Assignment, Role
from assignments.overlaps import Place
from assignments.services.assign import Known, NewAssignment, plan_known, write_assignments
from assignments.services.change import ENDED, Change, plan_changes, write_changes
from assignments.services.revoke import revoke_rows
from assignments.services.undoing.kinds import Kind, Step, Undoing, ids_of, unchanged
from common.errors import Conflict
from common.lookups import among
from common.outcomes import Outcome, accepted, carried_on
from common.refs import Ref
from environments.models import AuditEvent, Batch
from environments.scopes import Scope
from hierarchy.guard import Power, require_power
from hierarchy.models import Node
from identities.models import Identity

_SCOPES: Final = frozenset({Scope.ASSIGNMENTS_MANAGE})


@dataclass(frozen=True, slots=True)
class _Return:
    """A revoked assignment and what would be given anew for it."""

    former: Assignment
    place: Place


def _rows(undoing: Undoing, events: Sequence[AuditEvent]) -> dict[UUID, Assignment]:
    rows = Assignment.objects.filter(environment=undoing.environment).with_state()
    return {row.pk: row for row in rows.filter(among("pk", ids_of(events)))}


def _plan_created(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    def judge(event: AuditEvent, row: Assignment) -> Outcome[Step]:
        if row.state in ENDED:
            return Outcome(refusal=_refuse_ended())
        return Outcome(Step(event, "assignment.revoked", row.pk, row))

    outcomes = unchanged(events, _rows(undoing, events), judge)
    steps = accepted(outcomes)
    places = {step.what.node_id for step in steps}
    require_power(undoing.actor, undoing.environment, Power(_SCOPES, places))
    undoing.leaving |= {step.what.pk for step in steps}
    return outcomes


def _revoke(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    rows = Assignment.objects.filter(among("pk", [step.what.pk for step in steps])).live()
    revoke_rows(actor=undoing.actor, environment=undoing.environment, rows=rows, batch_id=batch.pk)
    return steps


def _plan_updated(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    outcomes = unchanged(
        events,
        _rows(undoing, events),
        lambda event, row: Outcome(Step(event, "assignment.updated", row.pk, row)),
    )
    wanted = [(step.what, _read(step.event.metadata["before"])) for step in accepted(outcomes)]
    changes = plan_changes(undoing.actor, undoing.environment, wanted)
    return [_with(*pair) for pair in zip(outcomes, carried_on(outcomes, changes), strict=True)]


def _with(outcome: Outcome[Step], change: Outcome[Change]) -> Outcome[Step]:
    if outcome.value is None or change.value is None:
        return Outcome(refusal=change.refusal)
    return Outcome(replace(outcome.value, what=change.value))


def _read(told: Mapping[str, str | None]) -> dict[str, Any]:
    """Values as the audit log keeps them, as `plan_changes` takes them."""
    return {
        name: value and (UUID(value) if name == "role_id" else datetime.fromisoformat(value))
        for name, value in told.items()
    }


def _change(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    write_changes(
        actor=undoing.actor,
        environment=undoing.environment,
        plan=[step.what for step in steps],
        batch_id=batch.pk,
    )
    return steps


def _plan_revoked(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    outcomes = unchanged(
        events,
        _rows(undoing, events),
        lambda event, row: Outcome(Step(event, "assignment.created", None, row)),
    )
    steps = accepted(outcomes)
    rows = [step.what for step in steps]
    new = [
        NewAssignment(
            Ref.of(row.identity_id),
            row.role_id,
            Ref.of(row.node_id),
            row.effective_from,
            row.effective_to,
        )
        for row in rows
    ]
    placed = plan_known(
        undoing.actor, undoing.environment, new, _known(undoing, rows), leaving=undoing.leaving
    )
    left = [_left(*pair) for pair in zip(steps, placed, strict=True)]
    return carried_on(outcomes, left)


def _known(undoing: Undoing, rows: Sequence[Assignment]) -> Known:
    """What revoked assignments name, as it will be when this undo has brought back the rest."""
    here = {"environment": undoing.environment}
    identities = {
        row.pk: row
        for row in Identity.objects.filter(among("pk", {row.identity_id for row in rows}), **here)
    } | undoing.identities
    nodes = Node.objects.filter(among("pk", {row.node_id for row in rows}), **here)
    roles = Role.objects.filter(among("pk", {row.role_id for row in rows}), **here)
    return Known(
        {
            Ref.of(pk): row
            for pk, row in identities.items()
            if row.status != Identity.Status.REMOVED
        },
        {Ref.of(row.pk): row for row in nodes if row.deleted_at is None or row.pk in undoing.nodes},
        {row.pk: row for row in roles if row.deleted_at is None or row.pk in undoing.roles},
    )


def _left(step: Step, outcome: Outcome[Place]) -> Outcome[Step]:
    """What is left of the window of a revoked assignment."""
    place = outcome.value
    if place is None:
        return Outcome(refusal=outcome.refusal)
    if place.state == Assignment.State.EXPIRED:
        return Outcome(refusal=_refuse_ended())
    if place.state == Assignment.State.ACTIVE:
        place = replace(place, start=None)
    return Outcome(replace(step, what=_Return(step.what, place)))


def _give_back(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    written = write_assignments(
        actor=undoing.actor,
        environment=undoing.environment,
        places=[step.what.place for step in steps],
        batch=batch,
        invitations=[step.what.former.invitation_id for step in steps],
        restored_from=[step.what.former.pk for step in steps],
    )
    return [replace(step, row_id=row.pk) for step, row in zip(steps, written, strict=True)]


def _refuse_ended() -> Conflict:
    return Conflict("assignments.ended", "Its window is over.")


CREATED: Final = Kind(Scope.ASSIGNMENTS_MANAGE, _plan_created, _revoke)
UPDATED: Final = Kind(Scope.ASSIGNMENTS_MANAGE, _plan_updated, _change)
REVOKED: Final = Kind(Scope.ASSIGNMENTS_MANAGE, _plan_revoked, _give_back)
