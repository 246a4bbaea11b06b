"""Acts on permissions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from assignments.models import Permission, RolePermission
from assignments.permissions import category_of, readable
from assignments.queries import permissions_of
from common.constraints import breaking
from common.errors import Conflict, NotFound, RuleViolation, require_version
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


def told(permission: Permission) -> dict[str, Any]:
    """What the audit log keeps of a permission.

    Args:
        permission: the permission.

    Returns:
        Its fields as the API names them.
    """
    names = ("key", "name", "description", "category")
    return {name: getattr(permission, name) for name in names}


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
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.ROLES_MANAGE)
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
    permissions = [
        Permission(
            environment=environment,
            key=item.key,
            name=item.name or readable(item.key),
            description=item.description,
            category=item.category or category_of(item.key),
        )
        for item in new
    ]
    with breaking({"permission_key_unique": lambda: _taken([])}):
        Permission.objects.bulk_create(permissions)
    audit.record_many(
        actor=actor,
        environment=environment,
        action="permission.created",
        entries=[audit.Entry(row.pk, row.key, {"after": told(row)}) for row in permissions],
    )
    rows = {row.pk: row for row in permissions_of(environment).filter(key__in=keys)}
    return [rows[permission.pk] for permission in permissions]


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
        Forbidden: `scope_missing`.
    """
    permission = _lock(actor, environment, permission_id, expected_version)
    before = told(permission)
    changed = [name for name in changes if getattr(permission, name) != changes[name]]
    if not changed:
        return permission
    for name in changed:
        setattr(permission, name, changes[name])
    permission.version += 1
    permission.save(update_fields=[*changed, "version"])
    audit.record(
        actor=actor,
        environment=environment,
        action="permission.updated",
        resource=permission,
        before={name: before[name] for name in changed},
        after={name: changes[name] for name in changed},
    )
    return permission


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
        Forbidden: `scope_missing`.
    """
    permission = _lock(actor, environment, permission_id, expected_version)
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


def _lock(
    actor: Actor, environment: Environment, permission_id: UUID, expected_version: int | None
) -> Permission:
    actor.require(Scope.ROLES_MANAGE)
    rows = Permission.objects.select_for_update().filter(environment=environment)
    permission = rows.filter(pk=permission_id).first()
    if permission is None:
        raise NotFound("permissions.not_found", "There is no such permission.")
    require_version(permission, expected_version)
    return permission


def _taken(keys: list[str]) -> Conflict:
    return Conflict(
        "permissions.key_taken",
        "The environment already has such a permission.",
        details=[f"permissions: {key} exists" for key in keys[:20]],
    )
