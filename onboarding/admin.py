"""What operators see of beginnings."""

from django.contrib import admin

from common.admin import ReadOnlyAdmin, operators
from onboarding.models import DemoLink


@admin.register(DemoLink, site=operators)
class DemoLinkAdmin(ReadOnlyAdmin):
    """One-time links into the demo account; never what they are checked with."""

    starts_with = ("user__email",)
    ids = ("pk", "user")
    list_display = ("user", "expires_at", "used_at", "created_at")
    list_select_related = ("user",)
    ordering = ("-created_at", "pk")
