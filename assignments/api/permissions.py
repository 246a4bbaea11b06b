"""`/permissions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.role_shapes import (
    PermissionChange,
    PermissionCreate,
    PermissionList,
    PermissionRow,
    PermissionUsage,
)
from assignments.models import Permission
from assignments.queries import get_permission, permissions_of, usage_of
from assignments.services.permissions import (
    NewPermission,
    PlannedPermission,
    create_permissions,
    delete_permission,
    plan_permission_change,
    plan_permission_deletion,
    plan_permissions,
    update_permission,
)
from common.api.bulk import answer_plan, answer_plans
from common.api.endpoints import Endpoint
from common.api.serializers import WriteQuery
from common.api.versions import expected_version, versioned
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope

VIEW, MANAGE = Scope.ROLES_VIEW, Scope.ROLES_MANAGE


class PermissionViewSet(EnvironmentViewSet):
    """What can be allowed in the environment."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List permissions", answer=PermissionList),
        "create": Endpoint(
            MANAGE,
            "Define permissions, all or none",
            query=WriteQuery,
            body=PermissionCreate,
            answer=PermissionList,
            status=201,
            creates=True,
        ),
        "retrieve": Endpoint(VIEW, "Show a permission", answer=PermissionRow),
        "partial_update": Endpoint(
            MANAGE,
            "Change what a permission is called",
            query=WriteQuery,
            body=PermissionChange,
            answer=PermissionRow,
            versioned=True,
        ),
        "destroy": Endpoint(
            MANAGE,
            "Delete a permission, and take it out of every role",
            query=WriteQuery,
            status=204,
            versioned=True,
        ),
        "usage": Endpoint(
            VIEW, "Which roles carry a permission, and how many hold them", answer=PermissionUsage
        ),
    }

    def present(self, permission: Permission | PlannedPermission) -> dict[str, Any]:
        """One permission as it is shown, or would be."""
        return PermissionRow(permission).data

    def list(self, request: Request) -> Response:
        """All permissions, by key."""
        return Response({"items": PermissionRow(permissions_of(self.environment), many=True).data})

    def create(self, request: Request) -> Response:
        """New permissions."""
        actor, environment = self.actor, self.environment
        new = [NewPermission(**row) for row in self.data["permissions"]]
        if self.params["dry_run"]:
            return answer_plans(
                lambda: [self.present(row) for row in plan_permissions(actor, environment, new)],
                code=201,
                given=self.data["permissions"],
            )
        rows = create_permissions(actor=actor, environment=environment, new=new)
        return Response({"items": PermissionRow(rows, many=True).data}, status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One permission."""
        return versioned(self.present(get_permission(self.environment, pk)))

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """A permission changed."""
        change: dict[str, Any] = {
            "permission_id": pk,
            "changes": self.data,
            "expected_version": expected_version(request),
        }
        if self.params["dry_run"]:
            return answer_plan(
                lambda: self.present(
                    plan_permission_change(self.actor, self.environment, **change).permission
                ),
                code=200,
                given=request.data,
            )
        permission = update_permission(actor=self.actor, environment=self.environment, **change)
        return versioned(self.present(permission))

    def destroy(self, request: Request, pk: UUID) -> Response:
        """A permission deleted."""
        deletion: dict[str, Any] = {
            "permission_id": pk,
            "expected_version": expected_version(request),
        }
        if self.params["dry_run"]:
            return answer_plan(lambda: self._touched(deletion), code=204)
        delete_permission(actor=self.actor, environment=self.environment, **deletion)
        return Response(status=204)

    def usage(self, request: Request, pk: UUID) -> Response:
        """Where a permission is used."""
        permission = get_permission(self.environment, pk)
        return Response(PermissionUsage(usage_of(self.environment, permission)).data)

    def _touched(self, deletion: dict[str, Any]) -> dict[str, int]:
        usage = plan_permission_deletion(self.actor, self.environment, **deletion)
        return {"role_count": usage.role_count, "identity_count": usage.identity_count}
