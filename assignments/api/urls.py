"""The addresses of permissions, roles, assignments and the decision."""

from typing import Any

from django.urls import path

from assignments.api.assignments import AssignmentViewSet
from assignments.api.decisions import DecisionViewSet
from assignments.api.identities import AssignedIdentityViewSet
from assignments.api.nodes import AssignedNodeViewSet
from assignments.api.permissions import PermissionViewSet
from assignments.api.roles import RolePermissionsViewSet, RoleViewSet
from common.api.routing import row, rows

_decide = DecisionViewSet.as_view
_identity = AssignedIdentityViewSet.as_view
_node = AssignedNodeViewSet.as_view
_carried: dict[str, Any] = {"get": "list", "put": "replace", "post": "add", "delete": "remove"}

urlpatterns = [
    path("permissions/evaluate", _decide({"post": "evaluate"}), name="evaluate"),
    path("permissions/evaluate/bulk", _decide({"post": "bulk"}), name="evaluate-bulk"),
    path("permissions/evaluate/explain", _decide({"post": "explain"}), name="explain"),
    path("permissions", PermissionViewSet.as_view(rows()), name="permissions"),
    path("permissions/<uuid:pk>", PermissionViewSet.as_view(row()), name="permission"),
    path("roles", RoleViewSet.as_view(rows()), name="roles"),
    path("roles/<uuid:pk>", RoleViewSet.as_view(row()), name="role"),
    path(
        "roles/<uuid:pk>/permissions",
        RolePermissionsViewSet.as_view(_carried),
        name="role-permissions",
    ),
    path("assignments", AssignmentViewSet.as_view(rows()), name="assignments"),
    path(
        "assignments/app-wide",
        AssignmentViewSet.as_view({"get": "list"}),
        name="assignments-app-wide",
    ),
    path(
        "assignments/bulk-create",
        AssignmentViewSet.as_view({"post": "bulk_create"}),
        name="assignments-bulk-create",
    ),
    path("assignments/<uuid:pk>", AssignmentViewSet.as_view(row()), name="assignment"),
    path("nodes/<node:pk>", _node(row()), name="node"),
    path("nodes/<node:pk>/identities", _node({"get": "identities"}), name="node-identities"),
    path("identities", _identity(rows()), name="identities"),
    path("identities/<identity:pk>", _identity(row()), name="identity"),
    path("identities/<identity:pk>/detail", _identity({"get": "describe"}), name="identity-detail"),
    path(
        "identities/<identity:pk>/assignments",
        _identity({"get": "assignments"}),
        name="identity-assignments",
    ),
    path(
        "identities/<identity:pk>/permissions",
        _identity({"get": "permissions"}),
        name="identity-permissions",
    ),
]
