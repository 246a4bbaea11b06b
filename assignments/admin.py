"""What operators see of permissions, roles and assignments, a window only; and who is in which team."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import actor_of as team_actor_of
from accounts.models import TeamMember
from accounts.services.team import add_team_member
from assignments.models import Assignment, AssignmentQuerySet, Permission, Role, RolePermission
from assignments.services.team import change_place, plan_place_change
from common.admin import ServiceAdmin, operators
from common.errors import DomainError
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
    list_display = ("name", "is_active", "place", "created_at", "deleted_at")
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
        "identity", "state", "role", "node", "place", "effective_from", "effective_to", "created_at",
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


@admin.register(TeamMember, site=operators)
class TeamMemberAdmin(ServiceAdmin):
    """Who is in which team. Here, because whoever leaves takes invitations with assignments along."""

    starts_with = ("user__email", "account__name", "account__slug")
    ids = ("pk", "user", "account")
    list_display = ("user", "account", "role", "created_at")
    list_select_related = ("user", "account")
    list_filter = ("role",)
    ordering = ("account__name", "account", "created_at", "pk")
    raw_id_fields = ("user", "account")

    def get_queryset(self, request: HttpRequest) -> QuerySet[TeamMember]:
        """See `ModelAdmin`; each with its names, also on the pages about one."""
        return super().get_queryset(request).select_related("user", "account")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`."""
        return self.has_act_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`."""
        return self.has_act_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`."""
        return self.has_act_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See `ModelAdmin`."""
        return ["account", "user", "role", *(["id", "created_at"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See `ModelAdmin`."""
        return ["account", "user", "id", "created_at"] if obj else []

    def save_model(self, request: HttpRequest, obj: TeamMember, form: Any, change: bool) -> None:
        """See `ModelAdmin`."""
        actor, role = team_actor_of(request), form.cleaned_data["role"]
        if change:
            self._change(request, obj, role)
        else:
            made = add_team_member(actor=actor, account=obj.account, user=obj.user, role=role)
            obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: TeamMember) -> None:
        """See `ModelAdmin`."""
        self._change(request, obj, None)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """See `ModelAdmin`; tells what leaving takes along, or why it cannot be."""
        told, refused = [], []
        for member in objs:
            try:
                plan = plan_place_change(
                    actor=team_actor_of(request),
                    account=member.account,
                    member_id=member.pk,
                    role=None,
                )
            except DomainError as refusal:
                refused.append(f"{member}: {refusal.message}")
                continue
            told.append(str(member))
            told.extend(f"Invitation of {row.email} to the team" for row in plan.change.revoked)
            told.extend(
                f"Invitation of {row.identity.email} to {row.environment}"
                for row in plan.invitations
            )
        return told, {}, set(), refused

    def _change(self, request: HttpRequest, member: TeamMember, role: str | None) -> None:
        done = change_place(
            actor=team_actor_of(request), account=member.account, member_id=member.pk, role=role
        )
        revoked = len(done.change.revoked) + len(done.invitations)
        if revoked:
            self.message_user(request, f"{revoked} of their pending invitations were revoked.")
