"""Acts on roles and on what they carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from assignments.models import Assignment, Permission, Role, RolePermission
from assignments.queries import get_role, keys_of_role, permissions_by_key, role_not_found
from assignments.services.revoke import revoke_rows
from common.constraints import breaking
from common.errors import Conflict, require_version
from common.text import counted
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit

_TAKEN = {
    "role_name_unique": partial(
        Conflict,
        "roles.name_taken",
        "The environment already has a role of this name.",
        details=["name: is taken"],
    )
}


def told(role: Role) -> dict[str, Any]:
    """What the audit log keeps of a role.

    Args:
        role: the role.

    Returns:
        Its fields as the API names them.
    """
    return {name: getattr(role, name) for name in ("name", "description", "is_active")}


@transaction.atomic
def create_role(
    *,
    actor: Actor,
    environment: Environment,
    name: str,
    description: str = "",
    permission_keys: Iterable[str] = (),
) -> Role:
    """Make a role.

    Args:
        actor: who makes it.
        environment: where.
        name: what people call it, unique among live roles in any case.
        description: what it is for.
        permission_keys: what it carries.

    Returns:
        The role with its counts.

    Raises:
        NotFound: `permissions.not_found`, naming the keys.
        Conflict: `roles.name_taken`.
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.ROLES_MANAGE)
    permissions = permissions_by_key(environment, permission_keys)
    with breaking(_TAKEN):
        role = Role.objects.create(environment=environment, name=name, description=description)
    _carry(role, permissions)
    audit.record(
        actor=actor,
        environment=environment,
        action="role.created",
        resource=role,
        after={**told(role), "permission_keys": [row.key for row in permissions]},
    )
    return get_role(environment, role.pk)


@transaction.atomic
def update_role(
    *,
    actor: Actor,
    environment: Environment,
    role_id: UUID,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Role:
    """Change a role's name, description, or whether it grants anything.

    Args:
        actor: who changes it.
        environment: whose role.
        role_id: which.
        changes: new values of name, description and is_active.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The role as it is now.

    Raises:
        NotFound: `roles.not_found`.
        VersionConflict: if it changed since.
        Conflict: `roles.name_taken`.
        Forbidden: `scope_missing`.
    """
    role = _lock(actor, environment, role_id, expected_version)
    before = told(role)
    changed = [name for name in changes if before[name] != changes[name]]
    if not changed:
        return get_role(environment, role.pk)
    for name in changed:
        setattr(role, name, changes[name])
    with breaking(_TAKEN):
        role.save(update_fields=changed)
    _next_version(role)
    audit.record(
        actor=actor,
        environment=environment,
        action="role.updated",
        resource=role,
        before={name: before[name] for name in changed},
        after={name: changes[name] for name in changed},
    )
    return get_role(environment, role.pk)


@transaction.atomic
def set_role_permissions(
    *,
    actor: Actor,
    environment: Environment,
    role_id: UUID,
    replace: Iterable[str] | None = None,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    expected_version: int | None = None,
) -> Role:
    """Change what a role carries; it holds for every assignment of the role at once.

    Args:
        actor: who changes it.
        environment: whose role.
        role_id: which.
        replace: the keys of all it shall carry; None starts from what it carries.
        add: keys to add.
        remove: keys to take away; those it does not carry change nothing.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The role as it is now.

    Raises:
        NotFound: `roles.not_found`, or `permissions.not_found` naming the keys.
        VersionConflict: if it changed since.
        Forbidden: `scope_missing`.
    """
    role = _lock(actor, environment, role_id, expected_version)
    named = [*(replace or ()), *add, *remove]
    by_key = {row.key: row for row in permissions_by_key(environment, named)}
    before = set(keys_of_role(role))
    after = ((before if replace is None else set(replace)) | set(add)) - set(remove)
    if after != before:
        gone = RolePermission.objects.filter(role=role, permission__key__in=before - after)
        gone.delete()
        _carry(role, [by_key[key] for key in sorted(after - before)])
        _next_version(role)
        audit.record(
            actor=actor,
            environment=environment,
            action="role.permissions_changed",
            resource=role,
            before={"permission_keys": sorted(before)},
            after={"permission_keys": sorted(after)},
        )
    return get_role(environment, role.pk)


@transaction.atomic
def delete_role(
    *,
    actor: Actor,
    environment: Environment,
    role_id: UUID,
    cascade: bool = False,
    expected_version: int | None = None,
) -> None:
    """Delete a role; its row stays as history and its name is free again.

    Args:
        actor: who deletes it.
        environment: whose role.
        role_id: which.
        cascade: whether its live assignments are revoked with it.
        expected_version: the version that the caller read, if it must still be that.

    Raises:
        NotFound: `roles.not_found`.
        VersionConflict: if it changed since.
        Conflict: `roles.in_use`, with the number of live assignments, unless cascade.
        Forbidden: `scope_missing`.
    """
    role = _lock(actor, environment, role_id, expected_version)
    live = Assignment.objects.filter(role=role).live()
    count = live.count()
    if count and not cascade:
        raise Conflict(
            "roles.in_use",
            f"This role is used by {counted(count, 'live assignment')}; cascade=true revokes them.",
            data={"assignment_count": count},
        )
    revoke_rows(actor=actor, environment=environment, rows=live)
    Role.objects.filter(pk=role.pk).update(deleted_at=Now(), version=F("version") + 1)
    audit.record(
        actor=actor,
        environment=environment,
        action="role.deleted",
        resource=role,
        before={**told(role), "permission_keys": keys_of_role(role)},
        revoked_assignments=count,
    )


def _lock(
    actor: Actor, environment: Environment, role_id: UUID, expected_version: int | None
) -> Role:
    """The role for a change; writers that assign it wait, since they hold it FOR SHARE."""
    actor.require(Scope.ROLES_MANAGE)
    rows = Role.objects.in_environment(environment).select_for_update(no_key=True)
    if rows.filter(pk=role_id).first() is None:
        raise role_not_found(role_id)
    role = get_role(environment, role_id)
    require_version(role, expected_version)
    return role


def _carry(role: Role, permissions: Iterable[Permission]) -> None:
    RolePermission.objects.bulk_create(
        RolePermission(environment_id=role.environment_id, role=role, permission=permission)
        for permission in permissions
    )


def _next_version(role: Role) -> None:
    Role.objects.filter(pk=role.pk).update(version=F("version") + 1, updated_at=Now())
