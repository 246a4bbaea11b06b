"""`/permissions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.serializers import (
    PermissionChange,
    PermissionCreate,
    PermissionList,
    PermissionRow,
)
from assignments.models import Permission
from assignments.queries import get_permission, permissions_of
from assignments.services.permissions import (
    NewPermission,
    create_permissions,
    delete_permission,
    update_permission,
)
from common.api.endpoints import Endpoint
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
            body=PermissionCreate,
            answer=PermissionList,
            status=201,
        ),
        "retrieve": Endpoint(VIEW, "Show a permission", answer=PermissionRow),
        "partial_update": Endpoint(
            MANAGE,
            "Change what a permission is called",
            body=PermissionChange,
            answer=PermissionRow,
            versioned=True,
        ),
        "destroy": Endpoint(
            MANAGE,
            "Delete a permission, and take it out of every role",
            status=204,
            versioned=True,
        ),
    }

    def present(self, permission: Permission) -> dict[str, Any]:
        """One permission as it is shown."""
        return PermissionRow(permission).data

    def list(self, request: Request) -> Response:
        """All permissions, by key."""
        return Response({"items": PermissionRow(permissions_of(self.environment), many=True).data})

    def create(self, request: Request) -> Response:
        """New permissions."""
        new = [NewPermission(**row) for row in self.data["permissions"]]
        rows = create_permissions(actor=self.actor, environment=self.environment, new=new)
        return Response({"items": PermissionRow(rows, many=True).data}, status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One permission."""
        return versioned(self.present(get_permission(self.environment, pk)))

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """A permission changed."""
        permission = update_permission(
            actor=self.actor,
            environment=self.environment,
            permission_id=pk,
            changes=self.data,
            expected_version=expected_version(request),
        )
        return versioned(self.present(permission))

    def destroy(self, request: Request, pk: UUID) -> Response:
        """A permission deleted."""
        delete_permission(
            actor=self.actor,
            environment=self.environment,
            permission_id=pk,
            expected_version=expected_version(request),
        )
        return Response(status=204)
