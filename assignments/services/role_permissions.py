"""What a role carries: changed at once for every assignment of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from assignments.locks import lock_permissions_shared
from assignments.models import Permission, Role, RolePermission
from assignments.queries import get_role, keys_of_role, permissions_by_key
from assignments.services.roles import (
    PlannedRole,
    carry,
    lock_role,
    require_power_over_roles,
    write_role,
)
from common.errors import require_version
from environments.actors import Actor
from environments.models import Environment
from environments.services import audit


@dataclasses.dataclass(frozen=True, slots=True)
class CarriedPlan:
    """What would become of what a role carries.

    Args:
        role: as it would be shown.
        before: the keys that it carries, sorted.
        after: the keys that it would carry, sorted.
        added: the permissions that it does not carry yet.
    """

    role: PlannedRole
    before: Sequence[str]
    after: Sequence[str]
    added: Sequence[Permission]

    @property
    def removed(self) -> list[str]:
        """The keys that it would carry no more, sorted."""
        return sorted(set(self.before) - set(self.after))


def plan_role_permissions(
    actor: Actor,
    environment: Environment,
    *,
    role_id: UUID,
    replace: Sequence[str] | None = None,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    expected_version: int | None = None,
) -> CarriedPlan:
    """What a role would carry, by reading only.

    Args:
        actor: who would change it.
        environment: whose role.
        role_id: which.
        replace: the keys of all it would carry; None starts from what it carries.
        add: keys to add.
        remove: keys to take away; those it does not carry change nothing.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The role as it would be, and what would change.

    Raises:
        DomainError: as `set_role_permissions`.
    """
    require_power_over_roles(actor, environment)
    role = get_role(environment, role_id)
    require_version(role, expected_version)
    named = permissions_by_key(environment, [*(replace or ()), *add, *remove])
    before = set(keys_of_role(role))
    after = ((before if replace is None else set(replace)) | set(add)) - set(remove)
    planned = PlannedRole.of(role)
    if after != before:
        planned = dataclasses.replace(
            planned, permission_count=len(after), version=role.version + 1, updated_at=None
        )
    added = [row for row in named if row.key in after - before]
    return CarriedPlan(planned, sorted(before), sorted(after), added)


@transaction.atomic
def set_role_permissions(
    *,
    actor: Actor,
    environment: Environment,
    role_id: UUID,
    replace: Sequence[str] | None = None,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
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
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    gained = [*(replace or ()), *add]
    lock_role(actor, environment, role_id, confers=bool(gained))
    lock_permissions_shared(environment, gained)
    plan = plan_role_permissions(
        actor,
        environment,
        role_id=role_id,
        replace=replace,
        add=add,
        remove=remove,
        expected_version=expected_version,
    )
    if plan.added or plan.removed:
        gone = RolePermission.objects.filter(role=role_id, permission__key__in=plan.removed)
        gone.delete()
        carry(environment, role_id, plan.added)
        write_role(role_id)
    role = get_role(environment, role_id)
    if plan.added or plan.removed:
        audit.record(
            actor=actor,
            environment=environment,
            action="role.permissions_changed",
            resource=role,
            before={"permission_keys": plan.before},
            after={"permission_keys": plan.after},
            version=role.version,
        )
    return role
