"""Acts on roles, each planned by reading and written under the locks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Lower, Now

from assignments.locks import lock_permissions_shared
from assignments.models import Permission, Role, RolePermission
from assignments.queries import get_role, permissions_by_key, role_not_found
from common.constraints import breaking
from common.errors import Conflict, require_version
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree_shape

refuse_name = partial(
    Conflict,
    "roles.name_taken",
    "The environment already has a role of this name.",
    details=["name: is taken"],
)
NAME_TAKEN = {"role_name_unique": refuse_name}


@dataclass(frozen=True, slots=True)
class PlannedRole:
    """A role as it would be shown.

    Args:
        id: None for a new one.
        name: what people call it.
        description: what it is for.
        is_active: whether it grants anything.
        created_at: None for a new one.
        updated_at: None where it would be written.
        version: what it would be.
        permission_count: how many permissions it would carry.
        member_count: how many identities hold it now.
    """

    id: UUID | None
    name: str
    description: str
    is_active: bool
    created_at: datetime | None
    updated_at: datetime | None
    version: int
    permission_count: int
    member_count: int

    @classmethod
    def of(cls, role: Role) -> PlannedRole:
        """A role as it is.

        Args:
            role: read with its counts.

        Returns:
            The same, for a plan to change.
        """
        names = [field.name for field in fields(cls)]
        return cls(**{name: getattr(role, name) for name in names})


@dataclass(frozen=True, slots=True)
class NewRolePlan:
    """What a new role would be.

    Args:
        role: as it would be shown.
        permissions: what it would carry, by key.
    """

    role: PlannedRole
    permissions: Sequence[Permission]


@dataclass(frozen=True, slots=True)
class RoleChangePlan:
    """What would become of a role.

    Args:
        role: as it would be shown.
        before: the fields that would change, as they are.
        after: the same fields as they would be.
    """

    role: PlannedRole
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def told(role: Role | PlannedRole) -> dict[str, Any]:
    """What the audit log keeps of a role.

    Args:
        role: the role.

    Returns:
        Its fields as the API names them.
    """
    return {name: getattr(role, name) for name in ("name", "description", "is_active")}


def plan_role(
    actor: Actor,
    environment: Environment,
    *,
    name: str,
    description: str = "",
    permission_keys: Iterable[str] = (),
) -> NewRolePlan:
    """What a new role would be, by reading only.

    Args:
        actor: who would make it.
        environment: where.
        name: what people call it, unique among live roles in any case.
        description: what it is for.
        permission_keys: what it would carry.

    Returns:
        The role with what it would carry.

    Raises:
        DomainError: as `create_role`.
    """
    require_power_over_roles(actor, environment)
    permissions = permissions_by_key(environment, permission_keys)
    _require_free(environment, name)
    role = PlannedRole(None, name, description, True, None, None, 1, len(permissions), 0)
    return NewRolePlan(role, permissions)


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
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    keys = list(permission_keys)
    lock_permissions_shared(environment, keys)
    plan = plan_role(actor, environment, name=name, description=description, permission_keys=keys)
    with breaking(NAME_TAKEN):
        role = Role.objects.create(environment=environment, name=name, description=description)
    carry(environment, role.pk, plan.permissions)
    audit.record(
        actor=actor,
        environment=environment,
        action="role.created",
        resource=role,
        after={**told(role), "permission_keys": [row.key for row in plan.permissions]},
        version=role.version,
    )
    return get_role(environment, role.pk)


def plan_role_change(
    actor: Actor,
    environment: Environment,
    *,
    role_id: UUID,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> RoleChangePlan:
    """What would become of a role, by reading only.

    Args:
        actor: who would change it.
        environment: whose role.
        role_id: which.
        changes: new values of name, description and is_active.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The role as it would be, and what would change.

    Raises:
        DomainError: as `update_role`.
    """
    require_power_over_roles(actor, environment)
    role = get_role(environment, role_id)
    require_version(role, expected_version)
    now = told(role)
    after = {name: value for name, value in changes.items() if now[name] != value}
    if "name" in after:
        _require_free(environment, after["name"], except_id=role.pk)
    planned = PlannedRole.of(role)
    if after:
        planned = replace(planned, **after, version=role.version + 1, updated_at=None)
    return RoleChangePlan(planned, {name: now[name] for name in after}, after)


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
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    lock_role(actor, environment, role_id, confers=bool(changes.get("is_active")))
    plan = plan_role_change(
        actor,
        environment,
        role_id=role_id,
        changes=changes,
        expected_version=expected_version,
    )
    if plan.after:
        with breaking(NAME_TAKEN):
            write_role(role_id, **plan.after)
        role = get_role(environment, role_id)
        audit.record(
            actor=actor,
            environment=environment,
            action="role.updated",
            resource=role,
            before=plan.before,
            after=plan.after,
            version=role.version,
        )
        return role
    return get_role(environment, role_id)


def require_power_over_roles(actor: Actor, environment: Environment) -> None:
    """Refuse to let an actor change roles, which hold in the whole environment.

    Args:
        actor: who acts.
        environment: where.

    Raises:
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    require_power(actor, environment, Power(frozenset({Scope.ROLES_MANAGE}), None))


def lock_role(actor: Actor, environment: Environment, role_id: UUID, *, confers: bool) -> None:
    """Lock a role for a change; writers that assign it wait, since they hold it FOR SHARE.

    Args:
        actor: who changes it.
        environment: whose role.
        role_id: which.
        confers: whether the change gives power to those who hold it.

    Raises:
        NotFound: `roles.not_found`.
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.ROLES_MANAGE)
    if confers:
        lock_tree_shape(environment.pk)
    rows = Role.objects.in_environment(environment).select_for_update(no_key=True)
    if rows.filter(pk=role_id).first() is None:
        raise role_not_found(role_id)


def write_role(role_id: UUID, **values: Any) -> None:
    """Write a locked role's row, whose version counts on.

    Args:
        role_id: which.
        values: new values of its columns.
    """
    Role.objects.filter(pk=role_id).update(**values, version=F("version") + 1, updated_at=Now())


def carry(environment: Environment, role_id: UUID, permissions: Iterable[Permission]) -> None:
    """Let a role carry further permissions.

    Args:
        environment: of both.
        role_id: which role, locked or new.
        permissions: those it does not carry yet, locked.
    """
    RolePermission.objects.bulk_create(
        RolePermission(environment=environment, role_id=role_id, permission=permission)
        for permission in permissions
    )


def _require_free(environment: Environment, name: str, except_id: UUID | None = None) -> None:
    """Find the conflict by reading, so that a plan tells it too; the constraint has the last word."""
    others = Role.objects.in_environment(environment)
    if except_id is not None:
        others = others.exclude(pk=except_id)
    if others.alias(lower=Lower("name")).filter(lower=Lower(Value(name))).exists():
        raise refuse_name()
