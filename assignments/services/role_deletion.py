"""Deleting a role, together with the assignments of it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from assignments.models import Assignment
from assignments.queries import get_role, keys_of_role
from assignments.services.revoke import revoke_rows
from assignments.services.roles import lock_role, require_power_over_roles, told, write_role
from common.errors import Conflict, require_version
from common.text import counted
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from environments.services.batches import open_batch


def plan_role_deletion(
    actor: Actor,
    environment: Environment,
    *,
    role_id: UUID,
    cascade: bool = False,
    expected_version: int | None = None,
) -> int:
    """What would go with a role, by reading only.

    Args:
        actor: who would delete it.
        environment: whose role.
        role_id: which.
        cascade: whether its live assignments would be revoked with it.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        How many assignments would be revoked.

    Raises:
        DomainError: as `delete_role`.
    """
    require_power_over_roles(actor, environment)
    role = get_role(environment, role_id)
    require_version(role, expected_version)
    count = Assignment.objects.filter(role=role).live().count()
    if count and not cascade:
        raise Conflict(
            "roles.in_use",
            f"This role is used by {counted(count, 'live assignment')}; cascade=true revokes them.",
            data={"assignment_count": count},
        )
    if count:
        actor.require(Scope.ASSIGNMENTS_MANAGE)
    return count


@transaction.atomic
def delete_role(
    *,
    actor: Actor,
    environment: Environment,
    role_id: UUID,
    cascade: bool = False,
    expected_version: int | None = None,
) -> UUID | None:
    """Delete a role; its row stays as history and its name is free again.

    Args:
        actor: who deletes it.
        environment: whose role.
        role_id: which.
        cascade: whether its live assignments are revoked with it, all as one batch.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The batch's id, by which undo brings all of it back; none without cascade.

    Raises:
        NotFound: `roles.not_found`.
        VersionConflict: if it changed since.
        Conflict: `roles.in_use`, with the number of live assignments, unless cascade.
        Forbidden: `scope_missing`, also where assignments would be revoked by one who may not, or
            `beyond_own_node`.
    """
    lock_role(actor, environment, role_id, confers=False)
    plan_role_deletion(
        actor, environment, role_id=role_id, cascade=cascade, expected_version=expected_version
    )
    role = get_role(environment, role_id)
    batch = None
    revoked = 0
    if cascade:
        batch = open_batch(actor=actor, environment=environment, action="role.deleted")
        live = Assignment.objects.filter(role=role).live()
        revoked = revoke_rows(actor=actor, environment=environment, rows=live, batch_id=batch.pk)
        batch.counts = {"roles": 1, "assignments": revoked}
        batch.save(update_fields=["counts"])
    write_role(role.pk, deleted_at=Now())
    audit.record(
        actor=actor,
        environment=environment,
        action="role.deleted",
        resource=role,
        before={**told(role), "permission_keys": keys_of_role(role)},
        version=role.version + 1,
        batch_id=batch.pk if batch else None,
        revoked_assignments=revoked,
    )
    return batch.pk if batch else None
