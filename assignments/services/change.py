"""Changing what an assignment gives, or when, without rewriting what it gave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from assignments.locks import lock_roles_shared
from assignments.models import Assignment, Role
from assignments.overlaps import Place, find_overlaps
from assignments.queries import assignments_of, get_assignment
from assignments.services.assign import refuse_conflict, refuse_role, refuse_window
from assignments.services.revoke import told
from common.errors import Conflict, require_version
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.locks import lock_tree_shape
from identities.locks import lock_identities

ENDED = (Assignment.State.EXPIRED, Assignment.State.REVOKED)


@transaction.atomic
def change_assignment(
    *,
    actor: Actor,
    environment: Environment,
    assignment_id: UUID,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Assignment:
    """Change an assignment's role or window; what it gave until now stays as a revoked row.

    Args:
        actor: who changes it.
        environment: whose assignment.
        assignment_id: which.
        changes: new values of role_id, effective_from and effective_to; None clears an end of the window.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The assignment as it is now.

    Raises:
        NotFound: `assignments.not_found` or `assignments.role_not_found`.
        VersionConflict: if it changed since.
        RuleViolation: `assignments.window_empty` or `assignments.role_inactive`.
        Conflict: `assignments.ended`, or `assignments.conflict` with the live assignment that it
            would overlap.
        Forbidden: `scope_missing`.
    """
    row = _lock(actor, environment, assignment_id, changes)
    require_version(row, expected_version)
    if row.state in ENDED:
        raise Conflict(
            "assignments.ended", f"The assignment is {row.state}; assign anew instead.", data=row
        )
    before = told(row)
    changed = {name: value for name, value in changes.items() if before[name] != value}
    if not changed:
        return row
    after = before | changed
    now = _require_possible(environment, row, after)
    metadata: dict[str, Any] = {}
    started = row.state == Assignment.State.ACTIVE
    if started or "role_id" in changed:
        metadata["former_id"] = _keep_former(actor, row, now)
    starts_now = after["effective_from"] is None or after["effective_from"] <= now
    if started or starts_now or "role_id" in changed:
        changed["counts_from"] = now
    Assignment.objects.filter(pk=row.pk).update(
        **changed, version=F("version") + 1, updated_at=Now()
    )
    changed.pop("counts_from", None)
    audit.record(
        actor=actor,
        environment=environment,
        action="assignment.updated",
        resource=row,
        before={name: before[name] for name in changed},
        after=changed,
        **metadata,
    )
    return get_assignment(environment, assignment_id)


def _lock(
    actor: Actor, environment: Environment, assignment_id: UUID, changes: Mapping[str, Any]
) -> Assignment:
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    lock_tree_shape(environment.pk)
    seen = get_assignment(environment, assignment_id)
    lock_identities(environment, [Ref.of(seen.identity_id)])
    if "role_id" in changes:
        lock_roles_shared({changes["role_id"]})
    rows = assignments_of(environment).select_for_update(no_key=True, of=("self",))
    return rows.get(pk=assignment_id)


def _require_possible(
    environment: Environment, row: Assignment, after: Mapping[str, Any]
) -> datetime:
    """Refuse a window or a role that cannot be; tells the database's time."""
    start, end = after["effective_from"], after["effective_to"]
    if start is not None and end is not None and end <= start:
        raise refuse_window()
    if after["role_id"] != row.role_id:
        role = Role.objects.in_environment(environment).filter(pk=after["role_id"]).first()
        refusal = refuse_role(after["role_id"], role)
        if refusal is not None:
            raise refusal
    place = Place(row.identity_id, after["role_id"], row.node_id, start, end)
    now, overlapped = find_overlaps([place], leaving=[row.pk])
    if overlapped:
        raise refuse_conflict(get_assignment(environment, overlapped[0]))
    return now


def _keep_former(actor: Actor, row: Assignment, now: datetime) -> UUID:
    """The old form as a revoked row, so that questions about the past are answered as they were."""
    former = Assignment.objects.create(
        environment_id=row.environment_id,
        identity_id=row.identity_id,
        node_id=row.node_id,
        role_id=row.role_id,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        counts_from=row.counts_from,
        created_by_id=row.created_by_id,
        created_by_label=row.created_by_label,
        created_at=row.created_at,
        revoked_at=now,
        revoked_by_id=actor.id,
        revoked_by_label=actor.label,
        version=row.version,
    )
    return former.pk
