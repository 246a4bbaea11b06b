"""Revoking: at once, and the row stays as history."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from assignments.models import Assignment, AssignmentQuerySet
from assignments.queries import get_assignment
from common.lookups import among
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree_shape


def told(row: Assignment) -> dict[str, Any]:
    """What the audit log keeps of an assignment.

    Args:
        row: the assignment.

    Returns:
        Its fields as the API names them.
    """
    return {
        "identity_id": row.identity_id,
        "node_id": row.node_id,
        "role_id": row.role_id,
        "effective_from": row.effective_from,
        "effective_to": row.effective_to,
    }


@transaction.atomic
def revoke_assignment(*, actor: Actor, environment: Environment, assignment_id: UUID) -> None:
    """Revoke one assignment; on one that is revoked or expired nothing changes.

    Args:
        actor: who revokes it.
        environment: whose assignment.
        assignment_id: which.

    Raises:
        NotFound: `assignments.not_found`.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    lock_tree_shape(environment.pk)
    row = plan_revocation(actor, environment, assignment_id)
    live = Assignment.objects.filter(pk=row.pk).live()
    revoke_rows(actor=actor, environment=environment, rows=live)


def plan_revocation(actor: Actor, environment: Environment, assignment_id: UUID) -> Assignment:
    """What would be revoked, by reading only.

    Args:
        actor: who would revoke it.
        environment: whose assignment.
        assignment_id: which.

    Returns:
        The assignment with its state; only a live one would change.

    Raises:
        DomainError: why it cannot, as `revoke_assignment`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    row = get_assignment(environment, assignment_id)
    require_power(actor, environment, Power(frozenset({Scope.ASSIGNMENTS_MANAGE}), {row.node_id}))
    return row


def revoke_rows(
    *,
    actor: Actor,
    environment: Environment,
    rows: AssignmentQuerySet,
    batch_id: UUID | None = None,
) -> int:
    """Revoke assignments, in the transaction of the act that asks for it.

    Args:
        actor: who revokes them.
        environment: whose assignments.
        rows: live assignments of that environment.
        batch_id: the batch that this is part of, for the audit log.

    Returns:
        How many were revoked.
    """
    locked = list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk"))
    Assignment.objects.filter(among("pk", [row.pk for row in locked])).update(
        revoked_at=Now(),
        revoked_by_id=actor.id,
        revoked_by_label=actor.label,
        version=F("version") + 1,
        updated_at=Now(),
    )
    audit.record_many(
        actor=actor,
        environment=environment,
        action="assignment.revoked",
        entries=[
            audit.Entry(row.pk, str(row), {"before": told(row)}, row.version + 1) for row in locked
        ],
        batch_id=batch_id,
    )
    return len(locked)
