"""`/roles`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.role_shapes import (
    KeySet,
    RoleChange,
    RoleCreate,
    RoleList,
    RoleQuery,
    RoleRow,
)
from assignments.api.serializers import CascadeQuery, KeyList
from assignments.models import Role
from assignments.queries import get_role, keys_of_role, roles_of
from assignments.services.role_deletion import delete_role, plan_role_deletion
from assignments.services.role_permissions import plan_role_permissions, set_role_permissions
from assignments.services.roles import (
    PlannedRole,
    create_role,
    plan_role,
    plan_role_change,
    update_role,
)
from common.api.bulk import answer_plan
from common.api.endpoints import Endpoint
from common.api.serializers import Message, WriteQuery
from common.api.versions import etag, expected_version, versioned
from common.text import counted
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope

VIEW, MANAGE = Scope.ROLES_VIEW, Scope.ROLES_MANAGE


class RoleViewSet(EnvironmentViewSet):
    """Bundles of permissions."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List roles", query=RoleQuery, answer=RoleList),
        "create": Endpoint(
            MANAGE,
            "Make a role",
            query=WriteQuery,
            body=RoleCreate,
            answer=RoleRow,
            status=201,
            creates=True,
        ),
        "retrieve": Endpoint(VIEW, "Show a role", answer=RoleRow),
        "partial_update": Endpoint(
            MANAGE,
            "Change a role",
            query=WriteQuery,
            body=RoleChange,
            answer=RoleRow,
            versioned=True,
        ),
        "destroy": Endpoint(
            MANAGE, "Delete a role", query=CascadeQuery, status=204, versioned=True
        ),
    }

    def present(self, role: Role | PlannedRole) -> dict[str, Any]:
        """One role as it is shown, or would be."""
        return RoleRow(role).data

    def list(self, request: Request) -> Response:
        """All roles, by name."""
        rows = roles_of(self.environment)
        if not self.params["include_inactive"]:
            rows = rows.filter(is_active=True)
        return Response({"items": RoleRow(rows, many=True).data})

    def create(self, request: Request) -> Response:
        """A new role."""
        if self.params["dry_run"]:
            return answer_plan(
                lambda: self.present(plan_role(self.actor, self.environment, **self.data).role),
                code=201,
                given=request.data,
            )
        role = create_role(actor=self.actor, environment=self.environment, **self.data)
        return versioned(self.present(role), status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One role."""
        return versioned(self.present(get_role(self.environment, pk)))

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """A role changed."""
        change: dict[str, Any] = {
            "role_id": pk,
            "changes": self.data,
            "expected_version": expected_version(request),
        }
        if self.params["dry_run"]:
            return answer_plan(
                lambda: self.present(plan_role_change(self.actor, self.environment, **change).role),
                code=200,
                given=request.data,
            )
        role = update_role(actor=self.actor, environment=self.environment, **change)
        return versioned(self.present(role))

    def destroy(self, request: Request, pk: UUID) -> Response:
        """A role deleted."""
        deletion: dict[str, Any] = {
            "role_id": pk,
            "cascade": self.params["cascade"],
            "expected_version": expected_version(request),
        }
        if self.params["dry_run"]:
            return answer_plan(
                lambda: {
                    "revoked_assignments": plan_role_deletion(
                        self.actor, self.environment, **deletion
                    )
                },
                code=204,
            )
        batch_id = delete_role(actor=self.actor, environment=self.environment, **deletion)
        return Response(status=204, headers={"X-Batch-ID": str(batch_id)} if batch_id else {})


class RolePermissionsViewSet(EnvironmentViewSet):
    """What a role carries."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List what a role carries", answer=KeyList),
        "replace": Endpoint(
            MANAGE,
            "Set what a role carries",
            query=WriteQuery,
            body=KeySet,
            answer=Message,
            versioned=True,
        ),
        "add": Endpoint(
            MANAGE,
            "Add to what a role carries",
            query=WriteQuery,
            body=KeySet,
            answer=Message,
            versioned=True,
        ),
        "remove": Endpoint(
            MANAGE,
            "Take from what a role carries",
            query=WriteQuery,
            body=KeySet,
            answer=Message,
            versioned=True,
        ),
    }

    def present(self, role: Role) -> dict[str, Any]:
        """The role whose permissions these are."""
        return RoleRow(role).data

    def list(self, request: Request, pk: UUID) -> Response:
        """The keys, sorted."""
        role = get_role(self.environment, pk)
        return Response({"items": keys_of_role(role)}, headers=etag(role.version))

    def replace(self, request: Request, pk: UUID) -> Response:
        """All keys anew."""
        return self._change(request, pk, "replace")

    def add(self, request: Request, pk: UUID) -> Response:
        """Further keys."""
        return self._change(request, pk, "add")

    def remove(self, request: Request, pk: UUID) -> Response:
        """Some keys less."""
        return self._change(request, pk, "remove")

    def _change(self, request: Request, pk: UUID, way: str) -> Response:
        change: dict[str, Any] = {
            "role_id": pk,
            way: self.data["permission_keys"],
            "expected_version": expected_version(request),
        }
        if self.params["dry_run"]:
            return answer_plan(lambda: self._plan(change), code=200, given=request.data)
        role = set_role_permissions(actor=self.actor, environment=self.environment, **change)
        return Response({"message": _told(role)}, headers=etag(role.version))

    def _plan(self, change: dict[str, Any]) -> dict[str, Any]:
        plan = plan_role_permissions(self.actor, self.environment, **change)
        return {
            "message": _told(plan.role),
            "added": [permission.key for permission in plan.added],
            "removed": plan.removed,
            "identity_count": plan.role.member_count,
        }


def _told(role: Role | PlannedRole) -> str:
    return f"{role.name} carries {counted(role.permission_count, 'permission')}."
