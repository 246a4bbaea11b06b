"""Every act of the services with what it writes down and what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assignments.services.assign import NewAssignment, assign_role, assign_roles
from assignments.services.bulk import change_roles, revoke_assignments
from assignments.services.change import change_assignment
from assignments.services.people import FirstRole, create_assigned_identity
from assignments.services.permissions import (
    NewPermission,
    create_permissions,
    delete_permission,
    update_permission,
)
from assignments.services.removal import remove_identity
from assignments.services.revoke import revoke_assignment
from assignments.services.role_deletion import delete_role
from assignments.services.role_permissions import set_role_permissions
from assignments.services.roles import create_role, update_role
from common.refs import Ref
from environments.scopes import Scope
from identities.services.change import update_identity
from identities.services.identities import NewIdentity, create_identities, create_identity
from tests.assignments.cast import Cast


@dataclass(frozen=True)
class Act:
    """One act on the cast, in which Ada is reader at the site.

    Args:
        name: of the service.
        do: does it.
        scopes: what it needs.
        told: the action and metadata of each event it writes, but for ids made on the way.
    """

    name: str
    do: Callable[[Cast, dict[str, Any]], Any]
    scopes: tuple[Scope, ...]
    told: Callable[[Cast], list[tuple[str, dict[str, Any]]]]


def ada(cast: Cast) -> Ref:
    """The reference to Ada."""
    return Ref.of(cast.ada.pk)


def given(cast: Cast, role: str = "reader") -> dict[str, Any]:
    """What the audit log keeps of Ada's role at the site."""
    return cast.body(role_id=str(getattr(cast, role).pk)) | {
        "effective_from": None, "effective_to": None,
    }  # fmt: skip


def person(first: str) -> dict[str, Any]:
    """What the audit log keeps of a new identity."""
    return {
        "email": f"{first}@example.org",
        "first_name": first,
        "last_name": "",
        "external_id": None,
        "metadata": {},
        "status": "active",
    }


def permission(key: str) -> dict[str, Any]:
    """What the audit log keeps of a permission of the cast."""
    resource, action = key.split(".")
    name = f"{action.title()} {resource}"
    return {"key": key, "name": name, "description": "", "category": resource}


def new_at_the_site(cast: Cast) -> NewAssignment:
    """Ada as writer at the site."""
    return NewAssignment(ada(cast), cast.writer.pk, Ref.of(cast.site.pk))


def bob() -> NewIdentity:
    """Someone new."""
    return NewIdentity("bob@example.org", "bob")


READER = {"name": "Reader", "description": "", "is_active": True}


ROLES = (Scope.ROLES_MANAGE,)


PEOPLE = (Scope.IDENTITY_MANAGE,)


ASSIGN = (Scope.ASSIGNMENTS_MANAGE,)


def assignment_of(cast: Cast) -> Any:
    """The id of Ada's one assignment, also when it was changed or revoked."""
    return cast.ada.assignments.latest("counts_from").pk


ACTS = [
    Act(
        "create_permissions",
        lambda cast, to: create_permissions(**to, new=[NewPermission("report.export")]),
        ROLES,
        lambda cast: [("permission.created", {"after": permission("report.export")})],
    ),
    Act(
        "update_permission",
        lambda cast, to: update_permission(
            **to, permission_id=cast.read.pk, changes={"name": "Look", "category": "invoice"}
        ),
        ROLES,
        lambda cast: [
            ("permission.updated", {"before": {"name": "Read invoice"}, "after": {"name": "Look"}})
        ],
    ),
    Act(
        "delete_permission",
        lambda cast, to: delete_permission(**to, permission_id=cast.write.pk),
        ROLES,
        lambda cast: [
            (
                "permission.deleted",
                {"before": {**permission("invoice.write"), "role_ids": [str(cast.writer.pk)]}},
            )
        ],
    ),
    Act(
        "create_role",
        lambda cast, to: create_role(**to, name="Clerk", permission_keys=["invoice.read"]),
        ROLES,
        lambda cast: [
            (
                "role.created",
                {"after": {**READER, "name": "Clerk", "permission_keys": ["invoice.read"]}},
            )
        ],
    ),
    Act(
        "update_role",
        lambda cast, to: update_role(
            **to, role_id=cast.reader.pk, changes={"is_active": False, "name": "Reader"}
        ),
        ROLES,
        lambda cast: [
            ("role.updated", {"before": {"is_active": True}, "after": {"is_active": False}})
        ],
    ),
    Act(
        "set_role_permissions",
        lambda cast, to: set_role_permissions(
            **to, role_id=cast.reader.pk, add=["invoice.write"], remove=["invoice.read"]
        ),
        ROLES,
        lambda cast: [
            (
                "role.permissions_changed",
                {
                    "before": {"permission_keys": ["invoice.read"]},
                    "after": {"permission_keys": ["invoice.write"]},
                },
            )
        ],
    ),
    Act(
        "delete_role",
        lambda cast, to: delete_role(**to, role_id=cast.reader.pk, cascade=True),
        (*ROLES, *ASSIGN),
        lambda cast: [
            ("assignment.revoked", {"before": given(cast)}),
            (
                "role.deleted",
                {
                    "before": {**READER, "permission_keys": ["invoice.read"]},
                    "revoked_assignments": 1,
                },
            ),
        ],
    ),
    Act(
        "assign_role",
        lambda cast, to: assign_role(**to, new=new_at_the_site(cast)),
        ASSIGN,
        lambda cast: [("assignment.created", {"after": given(cast, "writer")})],
    ),
    Act(
        "assign_roles",
        lambda cast, to: assign_roles([new_at_the_site(cast)], **to),
        ASSIGN,
        lambda cast: [("assignment.created", {"after": given(cast, "writer")})],
    ),
    Act(
        "change_assignment",
        lambda cast, to: change_assignment(
            **to, assignment_id=assignment_of(cast), changes={"role_id": cast.writer.pk}
        ),
        ASSIGN,
        lambda cast: [
            (
                "assignment.updated",
                {
                    "before": {"role_id": str(cast.reader.pk)},
                    "after": {"role_id": str(cast.writer.pk)},
                    "former_id": "<made>",
                },
            )
        ],
    ),
    Act(
        "revoke_assignment",
        lambda cast, to: revoke_assignment(**to, assignment_id=assignment_of(cast)),
        ASSIGN,
        lambda cast: [("assignment.revoked", {"before": given(cast)})],
    ),
    Act(
        "revoke_assignments",
        lambda cast, to: revoke_assignments(**to, assignment_ids=[assignment_of(cast)]),
        ASSIGN,
        lambda cast: [("assignment.revoked", {"before": given(cast)})],
    ),
    Act(
        "change_roles",
        lambda cast, to: change_roles(
            **to, assignment_ids=[assignment_of(cast)], role_id=cast.writer.pk
        ),
        ASSIGN,
        lambda cast: [
            (
                "assignment.updated",
                {
                    "before": {"role_id": str(cast.reader.pk)},
                    "after": {"role_id": str(cast.writer.pk)},
                    "former_id": "<made>",
                },
            )
        ],
    ),
    Act(
        "create_identity",
        lambda cast, to: create_identity(**to, new=bob()),
        PEOPLE,
        lambda cast: [("identity.created", {"after": person("bob")})],
    ),
    Act(
        "create_identities",
        lambda cast, to: create_identities([bob()], **to),
        PEOPLE,
        lambda cast: [("identity.created", {"after": person("bob")})],
    ),
    Act(
        "create_assigned_identity",
        lambda cast, to: create_assigned_identity(
            **to, new=bob(), first=FirstRole(cast.reader.pk, Ref.of(cast.site.pk))
        ),
        PEOPLE + ASSIGN,
        lambda cast: [
            ("assignment.created", {"after": {**given(cast), "identity_id": "<made>"}}),
            ("identity.created", {"after": person("bob")}),
        ],
    ),
    Act(
        "update_identity",
        lambda cast, to: update_identity(
            **to, identity=ada(cast), changes={"first_name": "Augusta", "last_name": "Lovelace"}
        ),
        PEOPLE,
        lambda cast: [
            (
                "identity.updated",
                {"before": {"first_name": "Ada"}, "after": {"first_name": "Augusta"}},
            )
        ],
    ),
    Act(
        "deactivate",
        lambda cast, to: update_identity(**to, identity=ada(cast), changes={"status": "inactive"}),
        PEOPLE,
        lambda cast: [
            (
                "identity.deactivated",
                {"before": {"status": "active"}, "after": {"status": "inactive"}},
            )
        ],
    ),
    Act(
        "remove_identity",
        lambda cast, to: remove_identity(**to, identity=ada(cast)),
        PEOPLE,
        lambda cast: [
            ("assignment.revoked", {"before": given(cast)}),
            (
                "identity.removed",
                {
                    "before": {"status": "active"},
                    "after": {"status": "removed"},
                    "revoked_assignments": 1,
                },
            ),
        ],
    ),
]
