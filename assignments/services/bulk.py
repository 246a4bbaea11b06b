"""Revoking many assignments and changing the role of many: all of them or none."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction

from assignments.models import Assignment
from assignments.queries import require_assignments
from assignments.services.change import (
    ENDED,
    Change,
    lock_for_changing,
    plan_changes,
    write_changes,
)
from assignments.services.revoke import revoke_rows
from common.errors import Conflict, DomainError
from common.lookups import among
from common.outcomes import Outcome, accepted
from common.text import counted
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services.batches import open_batch
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree_shape

MOST_NAMED = 20


@transaction.atomic
def revoke_assignments(
    *, actor: Actor, environment: Environment, assignment_ids: Collection[UUID]
) -> UUID | None:
    """Revoke many assignments in a fixed number of statements; those that have ended stay as they are.

    Args:
        actor: who revokes them.
        environment: whose assignments.
        assignment_ids: which, each any number of times.

    Returns:
        The batch's id, none where nothing was live.

    Raises:
        NotFound: `assignments.not_found`, naming those that do not exist; nothing is revoked.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    lock_tree_shape(environment.pk)
    plan = plan_revocations(actor, environment, assignment_ids)
    if not plan:
        return None
    batch = open_batch(actor=actor, environment=environment, action="assignment.bulk_revoked")
    live = Assignment.objects.filter(among("pk", [row.pk for row in plan])).live()
    revoked = revoke_rows(actor=actor, environment=environment, rows=live, batch_id=batch.pk)
    batch.counts = {"assignments": revoked}
    batch.save(update_fields=["counts"])
    return batch.pk


def plan_revocations(
    actor: Actor, environment: Environment, assignment_ids: Collection[UUID]
) -> list[Assignment]:
    """What would be revoked, by reading only.

    Args:
        actor: who would revoke them.
        environment: whose assignments.
        assignment_ids: which.

    Returns:
        The live ones among them.

    Raises:
        DomainError: why it cannot, as `revoke_assignments`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    rows = require_assignments(environment, assignment_ids)
    places = {row.node_id for row in rows}
    require_power(actor, environment, Power(frozenset({Scope.ASSIGNMENTS_MANAGE}), places))
    return [row for row in rows if row.state not in ENDED]


@transaction.atomic
def change_roles(
    *, actor: Actor, environment: Environment, assignment_ids: Collection[UUID], role_id: UUID
) -> tuple[UUID | None, int]:
    """Change the role of many assignments in a fixed number of statements; each keeps its window.

    What each gave until now stays as a revoked row, as when one is changed.

    Args:
        actor: who changes them.
        environment: whose assignments.
        assignment_ids: which, each any number of times.
        role_id: the role that they shall give.

    Returns:
        The batch's id, none where all had the role, and how many changed.

    Raises:
        NotFound: `assignments.not_found`, naming those that do not exist, or `assignments.role_not_found`.
        RuleViolation: `assignments.role_inactive`.
        Conflict: `assignments.ended` or `assignments.conflict`, naming all that cannot be changed.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    lock_for_changing(environment, assignment_ids, {role_id})
    plan = plan_role_changes(actor, environment, assignment_ids, role_id)
    if not plan:
        return None, 0
    batch = open_batch(
        actor=actor,
        environment=environment,
        action="assignment.bulk_role_changed",
        counts={"assignments": len(plan)},
    )
    write_changes(actor=actor, environment=environment, plan=plan, batch_id=batch.pk)
    return batch.pk, len(plan)


def plan_role_changes(
    actor: Actor, environment: Environment, assignment_ids: Collection[UUID], role_id: UUID
) -> list[Change]:
    """What would be changed, by reading only.

    Args:
        actor: who would change them.
        environment: whose assignments.
        assignment_ids: which.
        role_id: the role that they would give.

    Returns:
        The changes of those that do not have the role already.

    Raises:
        DomainError: why it cannot, as `change_roles`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    rows = require_assignments(environment, assignment_ids)
    outcomes = plan_changes(actor, environment, [(row, {"role_id": role_id}) for row in rows])
    _require_none_refused(rows, outcomes)
    return [change for change in accepted(outcomes) if change.changed]


def _require_none_refused(rows: list[Assignment], outcomes: list[Outcome[Change]]) -> None:
    refused = [
        (row.pk, outcome.refusal)
        for row, outcome in zip(rows, outcomes, strict=True)
        if outcome.refusal is not None
    ]
    conflicts = [(pk, refusal) for pk, refusal in refused if isinstance(refusal, Conflict)]
    if len(conflicts) < len(refused):
        # The role itself cannot be given, which is no single assignment's fault.
        raise next(refusal for _, refusal in refused if not isinstance(refusal, Conflict))
    if refused:
        raise _refuse_all(refused)


def _refuse_all(refused: list[tuple[UUID, DomainError]]) -> Conflict:
    return Conflict(
        refused[0][1].code,
        f"{counted(len(refused), 'assignment')} cannot be changed so, and none was.",
        details=[
            f"assignment_ids: {pk}: {refusal.message}" for pk, refusal in refused[:MOST_NAMED]
        ],
        data={"assignment_ids": [str(pk) for pk, _ in refused]},
    )
