"""Questions about permissions, roles and assignments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet

from assignments.models import (
    Assignment,
    AssignmentQuerySet,
    Permission,
    Role,
    RolePermission,
    RoleQuerySet,
)
from common.errors import NotFound
from common.lookups import among
from environments.models import Environment
from hierarchy.models import Node
from hierarchy.queries import ancestors_of


def permissions_of(environment: Environment) -> QuerySet[Permission]:
    """An environment's permissions, by key.

    Args:
        environment: whose permissions.

    Returns:
        A queryset.
    """
    return Permission.objects.filter(environment=environment).order_by("key")


def get_permission(environment: Environment, permission_id: UUID) -> Permission:
    """One permission.

    Args:
        environment: whose permission.
        permission_id: its id.

    Returns:
        The permission.

    Raises:
        NotFound: `permissions.not_found`, also for one of another environment.
    """
    found = permissions_of(environment).filter(pk=permission_id).first()
    if found is None:
        raise no_such_permission()
    return found


def no_such_permission() -> NotFound:
    """The refusal of a permission that is not in the caller's reach.

    Returns:
        `permissions.not_found`.
    """
    return NotFound("permissions.not_found", "There is no such permission.")


@dataclass(frozen=True, slots=True)
class Usage:
    """Where a permission is used.

    Args:
        roles: the live roles that carry it, active or not, by name, with their counts.
        identity_count: how many identities have a live assignment of any of them, each counted once.
    """

    roles: list[Role]
    identity_count: int

    @property
    def role_count(self) -> int:
        """How many roles carry it."""
        return len(self.roles)


def usage_of(environment: Environment, permission: Permission) -> Usage:
    """Where a permission is used, as far as the caller sees; two statements.

    Args:
        environment: whose permission, and `bound_to` which node the caller is.
        permission: which.

    Returns:
        The roles and the number of identities.
    """
    roles = roles_of(environment).filter(role_permissions__permission=permission)
    held = Assignment.objects.seen_in(environment).live()
    held = held.filter(role__deleted_at=None, role__role_permissions__permission=permission)
    counted = held.aggregate(count=Count("identity", distinct=True))
    return Usage(list(roles), counted["count"])


def permissions_by_key(environment: Environment, keys: Iterable[str]) -> list[Permission]:
    """Permissions by their keys; one statement.

    Args:
        environment: whose permissions.
        keys: their keys, each any number of times.

    Returns:
        The permissions, by key.

    Raises:
        NotFound: `permissions.not_found`, naming the keys that do not exist.
    """
    wanted = sorted(set(keys))
    found = list(permissions_of(environment).filter(key__in=wanted)) if wanted else []
    known = {permission.key for permission in found}
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise NotFound(
            "permissions.not_found",
            f"There is no permission {unknown[0]}.",
            details=[f"permission_keys: {key} does not exist" for key in unknown[:20]],
        )
    return found


def roles_of(environment: Environment) -> RoleQuerySet:
    """An environment's live roles with their counts, by name.

    Args:
        environment: whose roles.

    Returns:
        A queryset.
    """
    return Role.objects.in_environment(environment).with_counts(environment).order_by("name", "id")


def role_not_found(role_id: UUID) -> NotFound:
    """The refusal of a role that is not in the caller's reach.

    Args:
        role_id: the id that was given.

    Returns:
        `roles.not_found`.
    """
    return NotFound("roles.not_found", f"There is no role {role_id}.")


def get_role(environment: Environment, role_id: UUID) -> Role:
    """One live role with its counts.

    Args:
        environment: whose role.
        role_id: its id.

    Returns:
        The role.

    Raises:
        NotFound: `roles.not_found`, also for one that was deleted or is another environment's.
    """
    found = roles_of(environment).filter(pk=role_id).first()
    if found is None:
        raise role_not_found(role_id)
    return found


def keys_of_role(role: Role) -> list[str]:
    """The keys of the permissions that a role carries, sorted.

    Args:
        role: the role.

    Returns:
        The keys.
    """
    carried = RolePermission.objects.filter(role=role).order_by("permission__key")
    return list(carried.values_list("permission__key", flat=True))


def assignments_of(environment: Environment) -> AssignmentQuerySet:
    """The assignments that the caller sees, with their state.

    A caller bound to a node sees those at that node and below it.

    Args:
        environment: whose assignments, and `bound_to` which node the caller is.

    Returns:
        A queryset without an order.
    """
    return Assignment.objects.seen_in(environment).with_state()


def assignments_reaching(environment: Environment, node: Node) -> AssignmentQuerySet:
    """The assignments at a node and at its ancestors, with their state and `access_type`.

    Args:
        environment: whose assignments.
        node: the node that they reach.

    Returns:
        A queryset without an order.
    """
    lineage = [above.pk for above in ancestors_of(environment, node)]
    rows = assignments_of(environment).filter(node__in=lineage)
    return rows.with_access_type(node)


def get_assignment(environment: Environment, assignment_id: UUID) -> Assignment:
    """One assignment, whatever its state.

    Args:
        environment: whose assignment.
        assignment_id: its id.

    Returns:
        The assignment with its state.

    Raises:
        NotFound: `assignments.not_found`, also for one of another environment.
    """
    found = assignments_of(environment).filter(pk=assignment_id).first()
    if found is None:
        raise NotFound("assignments.not_found", "There is no such assignment.")
    return found


def assignments_by_id(environment: Environment, ids: Sequence[UUID]) -> list[Assignment]:
    """Assignments in the order of their ids as given; one statement.

    Args:
        environment: whose assignments.
        ids: ids of assignments that exist.

    Returns:
        The assignments with their state.
    """
    found = {row.pk: row for row in assignments_of(environment).filter(among("pk", ids))}
    return [found[assignment_id] for assignment_id in ids]


def require_assignments(environment: Environment, ids: Collection[UUID]) -> list[Assignment]:
    """Assignments by their ids, all of them; one statement.

    Args:
        environment: whose assignments.
        ids: their ids, each any number of times.

    Returns:
        The assignments with their state, each once, in the order in which they are named first.

    Raises:
        NotFound: `assignments.not_found`, naming those that are not in the caller's reach.
    """
    wanted = list(dict.fromkeys(ids))
    found = {row.pk: row for row in assignments_of(environment).filter(among("pk", wanted))}
    unknown = [one for one in wanted if one not in found]
    if unknown:
        raise NotFound(
            "assignments.not_found",
            f"There is no assignment {unknown[0]}.",
            details=[f"assignment_ids: {one} does not exist" for one in unknown[:20]],
        )
    return [found[one] for one in wanted]
