"""The addresses of permissions, roles, assignments and the decision."""

from typing import Any

from django.urls import path

from assignments.api.access import AccessViewSet
from assignments.api.assignments import AssignmentViewSet
from assignments.api.batches import BatchViewSet
from assignments.api.decisions import DecisionViewSet
from assignments.api.identities import AssignedIdentityViewSet
from assignments.api.invites import InviteViewSet
from assignments.api.keys import SendingKeyViewSet
from assignments.api.nodes import AssignedNodeViewSet
from assignments.api.permissions import PermissionViewSet
from assignments.api.roles import RolePermissionsViewSet, RoleViewSet
from common.api.routing import row, rows

_access = AccessViewSet.as_view
_decide = DecisionViewSet.as_view
_identity = AssignedIdentityViewSet.as_view
_invite = InviteViewSet.as_view
_node = AssignedNodeViewSet.as_view
_carried: dict[str, Any] = {"get": "list", "put": "replace", "post": "add", "delete": "remove"}

urlpatterns = [
    path("permissions/evaluate", _decide({"post": "evaluate"}), name="evaluate"),
    path("permissions/evaluate/bulk", _decide({"post": "bulk"}), name="evaluate-bulk"),
    path("permissions/evaluate/explain", _decide({"post": "explain"}), name="explain"),
    path("access/nodes", _access({"post": "nodes"}), name="access-nodes"),
    path("access/identities", _access({"post": "identities"}), name="access-identities"),
    path("access/permissions", _access({"post": "permissions"}), name="access-permissions"),
    path("permissions", PermissionViewSet.as_view(rows()), name="permissions"),
    path("permissions/<uuid:pk>", PermissionViewSet.as_view(row()), name="permission"),
    path(
        "permissions/<uuid:pk>/usage",
        PermissionViewSet.as_view({"get": "usage"}),
        name="permission-usage",
    ),
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
    path(
        "assignments/app-wide/summary",
        AssignmentViewSet.as_view({"get": "summary"}),
        name="assignments-summary",
    ),
    path(
        "assignments/bulk-remove",
        AssignmentViewSet.as_view({"post": "bulk_remove"}),
        name="assignments-bulk-remove",
    ),
    path(
        "assignments/bulk-change-role",
        AssignmentViewSet.as_view({"post": "bulk_change_role"}),
        name="assignments-bulk-change-role",
    ),
    path("assignments/<uuid:pk>", AssignmentViewSet.as_view(row()), name="assignment"),
    path("batches/<uuid:pk>", BatchViewSet.as_view({"get": "retrieve"}), name="batch"),
    path("batches/<uuid:pk>/undo", BatchViewSet.as_view({"post": "undo"}), name="batch-undo"),
    path("api-keys/<uuid:pk>", SendingKeyViewSet.as_view(row()), name="api-key"),
    path("nodes/<node:pk>", _node(row()), name="node"),
    path("nodes/<node:pk>/identities", _node({"get": "identities"}), name="node-identities"),
    path(
        "nodes/<node:pk>/identities/summary",
        _node({"get": "summary"}),
        name="node-identities-summary",
    ),
    path("identities", _identity(rows()), name="identities"),
    path("identities/with-roles", _identity({"get": "with_roles"}), name="identities-with-roles"),
    path("identities/summary", _identity({"get": "summary"}), name="identities-summary"),
    path("identities/<identity:pk>", _identity(row()), name="identity"),
    path("identities/<identity:pk>/grants", _identity({"get": "grants"}), name="identity-grants"),
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
    path("identity-invites", _invite(rows()), name="invites"),
    path("identity-invites/summary", _invite({"get": "summary"}), name="invites-summary"),
    path(
        "identity-invites/bulk-create",
        _invite({"post": "bulk_create"}),
        name="invites-bulk-create",
    ),
    path(
        "identity-invites/<uuid:pk>",
        _invite({"get": "retrieve", "delete": "destroy"}),
        name="invite",
    ),
    path("identity-invites/<uuid:pk>/resend", _invite({"post": "resend"}), name="invite-resend"),
]
