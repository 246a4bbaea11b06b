"""`/roles`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.api.serializers import (
    CascadeQuery,
    KeyList,
    KeySet,
    RoleChange,
    RoleCreate,
    RoleList,
    RoleQuery,
    RoleRow,
)
from assignments.models import Role
from assignments.queries import get_role, keys_of_role, roles_of
from assignments.services.roles import (
    create_role,
    delete_role,
    set_role_permissions,
    update_role,
)
from common.api.endpoints import Endpoint
from common.api.serializers import Message
from common.api.versions import etag, expected_version, versioned
from common.text import counted
from environments.api.base import EnvironmentViewSet
from environments.scopes import Scope

VIEW, MANAGE = Scope.ROLES_VIEW, Scope.ROLES_MANAGE


class RoleViewSet(EnvironmentViewSet):
    """Bundles of permissions."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List roles", query=RoleQuery, answer=RoleList),
        "create": Endpoint(MANAGE, "Make a role", body=RoleCreate, answer=RoleRow, status=201),
        "retrieve": Endpoint(VIEW, "Show a role", answer=RoleRow),
        "partial_update": Endpoint(
            MANAGE, "Change a role", body=RoleChange, answer=RoleRow, versioned=True
        ),
        "destroy": Endpoint(
            MANAGE, "Delete a role", query=CascadeQuery, status=204, versioned=True
        ),
    }

    def present(self, role: Role) -> dict[str, Any]:
        """One role as it is shown."""
        return RoleRow(role).data

    def list(self, request: Request) -> Response:
        """All roles, by name."""
        rows = roles_of(self.environment)
        if not self.params["include_inactive"]:
            rows = rows.filter(is_active=True)
        return Response({"items": RoleRow(rows, many=True).data})

    def create(self, request: Request) -> Response:
        """A new role."""
        role = create_role(actor=self.actor, environment=self.environment, **self.data)
        return versioned(self.present(role), status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One role."""
        return versioned(self.present(get_role(self.environment, pk)))

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """A role changed."""
        role = update_role(
            actor=self.actor,
            environment=self.environment,
            role_id=pk,
            changes=self.data,
            expected_version=expected_version(request),
        )
        return versioned(self.present(role))

    def destroy(self, request: Request, pk: UUID) -> Response:
        """A role deleted."""
        delete_role(
            actor=self.actor,
            environment=self.environment,
            role_id=pk,
            cascade=self.params["cascade"],
            expected_version=expected_version(request),
        )
        return Response(status=204)


class RolePermissionsViewSet(EnvironmentViewSet):
    """What a role carries."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List what a role carries", answer=KeyList),
        "replace": Endpoint(
            MANAGE, "Set what a role carries", body=KeySet, answer=Message, versioned=True
        ),
        "add": Endpoint(
            MANAGE, "Add to what a role carries", body=KeySet, answer=Message, versioned=True
        ),
        "remove": Endpoint(
            MANAGE, "Take from what a role carries", body=KeySet, answer=Message, versioned=True
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
        return self._change(request, pk, replace=self.data["permission_keys"])

    def add(self, request: Request, pk: UUID) -> Response:
        """Further keys."""
        return self._change(request, pk, add=self.data["permission_keys"])

    def remove(self, request: Request, pk: UUID) -> Response:
        """Some keys less."""
        return self._change(request, pk, remove=self.data["permission_keys"])

    def _change(self, request: Request, pk: UUID, **keys: Sequence[str]) -> Response:
        role = set_role_permissions(
            actor=self.actor,
            environment=self.environment,
            role_id=pk,
            expected_version=expected_version(request),
            **keys,
        )
        message = f"{role.name} carries {counted(role.permission_count, 'permission')}."
        return Response({"message": message}, headers=etag(role.version))
