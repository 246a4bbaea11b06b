"""What operators see of permissions, roles and assignments: a window only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from assignments.models import Assignment, AssignmentQuerySet, Permission, Role, RolePermission
from common.admin import operators
from environments.admin import WithinEnvironment


@admin.register(Permission, site=operators)
class PermissionAdmin(WithinEnvironment):
    """What can be allowed."""

    starts_with = ("key", "name")
    ids = ("pk", "environment")
    list_display = ("key", "name", "place", "category", "created_at")
    ordering = ("-created_at", "pk")


@admin.register(Role, site=operators)
class RoleAdmin(WithinEnvironment):
    """Named bundles of permissions."""

    starts_with = ("name",)
    ids = ("pk", "environment")
    list_display = ("name", "place", "is_active", "created_at", "deleted_at")
    list_filter = ("is_active",)
    ordering = ("-created_at", "pk")


@admin.register(RolePermission, site=operators)
class RolePermissionAdmin(WithinEnvironment):
    """Which role carries which permission."""

    starts_with = ("role__name", "permission__key")
    ids = ("pk", "environment", "role", "permission")
    list_display = ("role", "permission", "place")
    list_select_related = ["environment__account", "role", "permission"]
    list_display_links = ("role", "permission")
    ordering = ("role", "permission", "pk")


@admin.register(Assignment, site=operators)
class AssignmentAdmin(WithinEnvironment):
    """Who has which role where."""

    starts_with = ("identity__email", "role__name", "node__name")
    ids = ("pk", "environment", "identity", "role", "node", "batch")
    list_display = (
        "identity", "role", "node", "place", "state", "effective_from", "effective_to", "created_at",
    )  # fmt: skip
    list_select_related = ["environment__account", "identity", "role", "node"]
    ordering = ("-created_at", "pk")

    def get_queryset(self, request: HttpRequest) -> AssignmentQuerySet:
        """See `ModelAdmin`; each with its state."""
        return Assignment.objects.with_state()

    def get_fields(self, request: HttpRequest, obj: Assignment | None = None) -> Any:
        """See `ModelAdmin`."""
        return [*super().get_fields(request, obj), "state"]

    @admin.display(description="state")
    def state(self, row: Assignment) -> str:
        """As the database's clock has it."""
        return row.state
