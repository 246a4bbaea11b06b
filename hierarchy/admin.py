"""What operators see of environments with their trees and keys, and what they may put right.

Nodes are a window only: treebeard's own admin would write past the tree lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from common.admin import ReadOnlyAdmin, ServiceAdmin, chosen, confirmed, each, operators
from environments.admin import WithinEnvironment, actor_of, by_environment, named
from environments.models import ApiKey, Environment
from hierarchy.models import Node
from hierarchy.queries import find_problems
from hierarchy.services.keys import set_api_key_active

_PROBLEMS_SHOWN = 20


def tell_whether_whole(
    model_admin: ReadOnlyAdmin, request: HttpRequest, environments: Iterable[Environment]
) -> None:
    """Compare trees' index with their parent pointers; nothing is changed.

    Args:
        model_admin: whose list asks.
        request: the form of the list.
        environments: each with its account.
    """
    for environment in environments:
        name, found = named(environment), find_problems(environment)
        if not found:
            model_admin.message_user(request, f"{name}: the tree is whole.", messages.SUCCESS)
            continue
        told = "; ".join(f"{one.node_id}: {one.problem}" for one in found[:_PROBLEMS_SHOWN])
        model_admin.message_user(request, f"{name}: {len(found)} problems. {told}", messages.ERROR)


@admin.register(Environment, site=operators)
class EnvironmentAdmin(ReadOnlyAdmin):
    """Sealed workspaces."""

    starts_with = ("name", "slug", "account__name", "account__slug")
    ids = ("pk", "account")
    list_display = ("name", "account", "slug", "created_at", "nodes")
    list_select_related = ("account",)
    ordering = ("account__name", "account", "name", "pk")
    actions = ("check_tree",)

    @admin.display(description="tree")
    def nodes(self, row: Environment) -> str:
        """A link to the environment's nodes."""
        query = urlencode({"environment": str(row.pk)})
        return format_html(
            '<a href="{}?{}">nodes</a>', reverse("admin:hierarchy_node_changelist"), query
        )

    @admin.action(description="Check the trees of the chosen environments", permissions=["view"])
    def check_tree(self, request: HttpRequest, queryset: QuerySet[Environment]) -> None:
        """See `tell_whether_whole`."""
        tell_whether_whole(self, request, chosen(self, request, queryset))


@admin.register(ApiKey, site=operators)
class ApiKeyAdmin(WithinEnvironment, ServiceAdmin):
    """Programs' keys; never what they are checked with."""

    starts_with = ("name", "key_preview")
    ids = ("pk", "environment", "node_id")
    list_display = (
        "name", "is_active", "place", "key_preview", "access_mode", "last_used_at", "expires_at",
        "deleted_at",
    )  # fmt: skip
    list_filter = ("is_active", "access_mode")
    ordering = ("-created_at", "-pk")
    actions = ("disable",)

    @confirmed(
        description="Disable the chosen keys",
        warning="Programs that use them are refused from their next request on.",
    )
    def disable(self, request: HttpRequest, rows: list[ApiKey]) -> None:
        """Let keys open nothing any more."""
        actor = actor_of(request)

        def act(key: ApiKey) -> bool:
            if not key.is_active:
                return False
            set_api_key_active(
                actor=actor, environment=key.environment, key_id=key.pk, is_active=False
            )
            return True

        each(self, request, rows, act, "disabled")


@admin.register(Node, site=operators)
class NodeAdmin(WithinEnvironment):
    """Places in trees."""

    starts_with = ("name", "slug", "external_id")
    ids = ("pk", "environment", "parent", "deletion_id")
    # How treebeard keeps the tree is nobody's business but its own.
    hidden = frozenset({"path", "numchild"})
    list_display = (
        "name", "status", "place", "node_type", "external_id", "level", "created_at", "deleted_at",
    )  # fmt: skip
    list_filter = ("status",)
    ordering = ("-created_at", "pk")
    actions = ("check_tree",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """See `ModelAdmin`; the newest first, where treebeard's order is by path."""
        return Node.objects.order_by("-created_at", "pk")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See `ModelAdmin`."""
        shown = super().get_fields(request, obj)
        return ["level" if name == "depth" else name for name in shown]

    @admin.action(description="Check the trees that the chosen nodes are in", permissions=["view"])
    def check_tree(self, request: HttpRequest, queryset: QuerySet[Node]) -> None:
        """See `tell_whether_whole`; each tree once."""
        rows = by_environment(chosen(self, request, queryset))
        tell_whether_whole(self, request, (environment for environment, _ in rows))

    @admin.display(description="depth")
    def level(self, row: Node) -> int:
        """The depth as the API shows it: the root is at 0."""
        return row.depth - 1
