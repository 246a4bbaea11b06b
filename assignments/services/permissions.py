"""Acts on permissions, each planned by reading and written under the locks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from assignments.models import Permission, RolePermission
from assignments.permissions import category_of, readable
from assignments.queries import (
    Usage,
    get_permission,
    no_such_permission,
    permissions_of,
    usage_of,
)
from assignments.services.roles import require_power_over_roles
from common.constraints import breaking
from common.errors import Conflict, RuleViolation, require_version
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit


@dataclass(frozen=True, slots=True)
class NewPermission:
    """A permission to define.

    Args:
        key: lowercase dotted words, at least two; never changed.
        name: what people call it; made from the key when None.
        description: what it allows.
        category: what it is listed under; the key's first word when None.
    """

    key: str
    name: str | None = None
    description: str = ""
    category: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedPermission:
    """A permission as it would be shown.

    Args:
        id: None for a new one.
        key: what it is asked by.
        name: what people call it.
        description: what it allows.
        category: what it is listed under.
        created_at: None for a new one.
        version: what it would be.
    """

    id: UUID | None
    key: str
    name: str
    description: str
    category: str
    created_at: datetime | None
    version: int

    @classmethod
    def of(cls, permission: Permission) -> PlannedPermission:
        """A permission as it is.

        Args:
            permission: the row.

        Returns:
            The same, for a plan to change.
        """
        names = [field.name for field in fields(cls)]
        return cls(**{name: getattr(permission, name) for name in names})


@dataclass(frozen=True, slots=True)
class PermissionChangePlan:
    """What would become of a permission.

    Args:
        permission: as it would be shown.
        before: the fields that would change, as they are.
        after: the same fields as they would be.
    """

    permission: PlannedPermission
    before: Mapping[str, str]
    after: Mapping[str, str]


def told(permission: Permission | PlannedPermission) -> dict[str, Any]:
    """What the audit log keeps of a permission.

    Args:
        permission: the permission.

    Returns:
        Its fields as the API names them.
    """
    names = ("key", "name", "description", "category")
    return {name: getattr(permission, name) for name in names}


def plan_permissions(
    actor: Actor, environment: Environment, new: Sequence[NewPermission]
) -> list[PlannedPermission]:
    """What new permissions would be, by reading only.

    Args:
        actor: who would define them.
        environment: where.
        new: what to define.

    Returns:
        The permissions, in the order given.

    Raises:
        DomainError: as `create_permissions`.
    """
    require_power_over_roles(actor, environment)
    keys = [item.key for item in new]
    repeated = [key for key, times in Counter(keys).items() if times > 1]
    if repeated:
        raise RuleViolation(
            "permissions.key_repeated",
            "A key stands more than once.",
            details=[f"permissions: {key} stands more than once" for key in repeated[:20]],
        )
    taken = permissions_of(environment).filter(key__in=keys).values_list("key", flat=True)
    if taken:
        raise _taken(list(taken))
    return [
        PlannedPermission(
            id=None,
            key=item.key,
            name=item.name or readable(item.key),
            description=item.description,
            category=item.category or category_of(item.key),
            created_at=None,
            version=1,
        )
        for item in new
    ]


@transaction.atomic
def create_permissions(
    *, actor: Actor, environment: Environment, new: Sequence[NewPermission]
) -> list[Permission]:
    """Define permissions, all or none.

    Args:
        actor: who defines them.
        environment: where.
        new: what to define.

    Returns:
        The permissions, in the order given.

    Raises:
        RuleViolation: `permissions.key_repeated`.
        Conflict: `permissions.key_taken`, naming the keys that exist.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    plan = plan_permissions(actor, environment, new)
    permissions = [Permission(environment=environment, **told(planned)) for planned in plan]
    with breaking({"permission_key_unique": lambda: _taken([])}):
        # In one order, so that two calls with the same keys wait for each other and not in a circle.
        Permission.objects.bulk_create(sorted(permissions, key=lambda row: row.key))
    audit.record_many(
        actor=actor,
        environment=environment,
        action="permission.created",
        entries=[
            audit.Entry(row.pk, row.key, {"after": told(row)}, row.version) for row in permissions
        ],
    )
    keys = [row.key for row in permissions]
    rows = {row.pk: row for row in permissions_of(environment).filter(key__in=keys)}
    return [rows[permission.pk] for permission in permissions]


def plan_permission_change(
    actor: Actor,
    environment: Environment,
    *,
    permission_id: UUID,
    changes: Mapping[str, str],
    expected_version: int | None = None,
) -> PermissionChangePlan:
    """What would become of a permission, by reading only.

    Args:
        actor: who would change it.
        environment: whose permission.
        permission_id: which.
        changes: new values of name, description and category.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The permission as it would be, and what would change.

    Raises:
        DomainError: as `update_permission`.
    """
    require_power_over_roles(actor, environment)
    permission = get_permission(environment, permission_id)
    require_version(permission, expected_version)
    now = told(permission)
    after = {name: value for name, value in changes.items() if now[name] != value}
    planned = PlannedPermission.of(permission)
    if after:
        planned = replace(planned, **after, version=permission.version + 1)  # type: ignore[arg-type]  # names of texts
    return PermissionChangePlan(planned, {name: now[name] for name in after}, after)


@transaction.atomic
def update_permission(
    *,
    actor: Actor,
    environment: Environment,
    permission_id: UUID,
    changes: Mapping[str, str],
    expected_version: int | None = None,
) -> Permission:
    """Change what a permission is called; its key stays.

    Args:
        actor: who changes it.
        environment: whose permission.
        permission_id: which.
        changes: new values of name, description and category.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The permission as it is now.

    Raises:
        NotFound: `permissions.not_found`.
        VersionConflict: if it changed since.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    _lock(actor, environment, permission_id)
    plan = plan_permission_change(
        actor,
        environment,
        permission_id=permission_id,
        changes=changes,
        expected_version=expected_version,
    )
    if plan.after:
        version = plan.permission.version
        Permission.objects.filter(pk=permission_id).update(**plan.after, version=version)
        audit.record(
            actor=actor,
            environment=environment,
            action="permission.updated",
            resource=get_permission(environment, permission_id),
            before=plan.before,
            after=plan.after,
            version=version,
        )
    return get_permission(environment, permission_id)


def plan_permission_deletion(
    actor: Actor,
    environment: Environment,
    *,
    permission_id: UUID,
    expected_version: int | None = None,
) -> Usage:
    """What a permission's deletion would touch, by reading only.

    Args:
        actor: who would delete it.
        environment: whose permission.
        permission_id: which.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The roles that carry it, and how many identities hold one of them.

    Raises:
        DomainError: as `delete_permission`.
    """
    require_power_over_roles(actor, environment)
    permission = get_permission(environment, permission_id)
    require_version(permission, expected_version)
    return usage_of(environment, permission)


@transaction.atomic
def delete_permission(
    *,
    actor: Actor,
    environment: Environment,
    permission_id: UUID,
    expected_version: int | None = None,
) -> None:
    """Delete a permission, and take it out of every role.

    Args:
        actor: who deletes it.
        environment: whose permission.
        permission_id: which.
        expected_version: the version that the caller read, if it must still be that.

    Raises:
        NotFound: `permissions.not_found`.
        VersionConflict: if it changed since.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    permission = _lock(actor, environment, permission_id)
    plan_permission_deletion(
        actor, environment, permission_id=permission_id, expected_version=expected_version
    )
    carrying = RolePermission.objects.filter(permission=permission)
    role_ids = sorted(carrying.values_list("role", flat=True))
    carrying.delete()
    audit.record(
        actor=actor,
        environment=environment,
        action="permission.deleted",
        resource=permission,
        before={**told(permission), "role_ids": role_ids},
    )
    permission.delete()


def _lock(actor: Actor, environment: Environment, permission_id: UUID) -> Permission:
    actor.require(Scope.ROLES_MANAGE)
    rows = Permission.objects.select_for_update().filter(environment=environment)
    permission = rows.filter(pk=permission_id).first()
    if permission is None:
        raise no_such_permission()
    return permission


def _taken(keys: list[str]) -> Conflict:
    return Conflict(
        "permissions.key_taken",
        "The environment already has such a permission.",
        details=[f"permissions: {key} exists" for key in keys[:20]],
    )
