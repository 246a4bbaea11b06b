"""What operators see of identities and invitations, and what they may put right."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from common.admin import ServiceAdmin, confirmed, each, operators
from common.refs import Ref
from environments.admin import WithinEnvironment, actor_of
from identities.models import Identity, Invitation
from identities.services.change import update_identity


@admin.register(Identity, site=operators)
class IdentityAdmin(WithinEnvironment, ServiceAdmin):
    """End users of customers' applications."""

    starts_with = ("email", "external_id", "first_name", "last_name")
    ids = ("pk", "environment")
    list_display = (
        "email",
        "status",
        "place",
        "first_name",
        "last_name",
        "external_id",
        "created_at",
    )
    list_filter = ("status",)
    ordering = ("-created_at", "pk")
    actions = ("deactivate",)

    @confirmed(
        description="Deactivate the chosen identities",
        warning="They are allowed nothing from now on; pending invitations are revoked.",
    )
    def deactivate(self, request: HttpRequest, rows: list[Identity]) -> None:
        """Let identities be allowed nothing any more."""
        actor = actor_of(request)

        def act(identity: Identity) -> bool:
            if identity.status == Identity.Status.INACTIVE:
                return False
            update_identity(
                actor=actor,
                environment=identity.environment,
                identity=Ref.of(identity.pk),
                changes={"status": Identity.Status.INACTIVE},
            )
            return True

        each(self, request, rows, act, "deactivated")


@admin.register(Invitation, site=operators)
class InvitationAdmin(WithinEnvironment):
    """Links that turn invited identities active; never what their tokens are made of."""

    starts_with = ("identity__email", "invited_by_label")
    ids = ("pk", "environment", "identity", "invited_by_id")
    list_display = (
        "identity", "status", "place", "invited_by_label", "sent_at", "expires_at", "created_at",
    )  # fmt: skip
    list_select_related = ["environment__account", "identity"]
    list_filter = ("status", "intent")
    ordering = ("-created_at", "pk")
