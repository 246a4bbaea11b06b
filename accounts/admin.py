"""What operators see of people, accounts and teams, and what they may put right."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.actors import TeamActor
from accounts.models import Account, AccountEvent, TeamInvitation, User
from accounts.services.accounts import rename_account
from accounts.services.users import set_staff, set_user_active
from common.admin import ReadOnlyAdmin, ServiceAdmin, confirmed, each, operators
from common.forms import NameField
from common.middleware import request_id_of


def actor_of(request: HttpRequest) -> TeamActor:
    """The operator who uses the admin.

    Args:
        request: of someone whom the admin let in.

    Returns:
        An actor that no team role binds.
    """
    assert isinstance(request.user, User)
    return TeamActor.of_operator(request.user, request_id_of(request))


class RightChoice(forms.ModelMultipleChoiceField):
    """Django's rights, by what they let someone do in this admin."""

    def label_from_instance(self, right: Any) -> str:
        """See `ModelChoiceField`."""
        verb = "See" if right.codename.startswith("view_") else "See and act on"
        kind = right.content_type.model_class()
        return f"{verb} {kind._meta.verbose_name_plural}"


def rights() -> QuerySet[Permission]:
    """What someone who is staff can be let do: see each kind of row, and act on some.

    Returns:
        Django's rights, in a fixed order.
    """
    offered = Q(pk__in=[])
    for model, model_admin in operators._registry.items():
        verbs = ["view", "change"] if isinstance(model_admin, ServiceAdmin) else ["view"]
        names = [f"{verb}_{model._meta.model_name}" for verb in verbs]
        offered |= Q(content_type__app_label=model._meta.app_label, codename__in=names)
    # Whoever changes people could give themselves everything: only superusers do.
    offered &= ~Q(codename="change_user")
    rows = Permission.objects.filter(offered).select_related("content_type")
    return rows.order_by("content_type__app_label", "content_type__model", "-codename")


class UserForm(forms.ModelForm):
    """Whether someone may sign in, and what they may in the admin."""

    user_permissions = RightChoice(
        Permission.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Rights",
        help_text="What someone sees and does in this admin; superusers may everything.",
    )

    class Meta:
        model = User
        fields = ("is_active", "is_staff", "user_permissions")
        help_texts = {
            "is_active": "Whether they may sign in; whoever may not is out with their next request.",
            "is_staff": "Whether they may enter this admin.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("user_permissions")
        if isinstance(field, RightChoice):
            field.queryset = rights()


@admin.register(User, site=operators)
class UserAdmin(ServiceAdmin):
    """People who sign in."""

    form = UserForm
    hidden = frozenset({"password"})
    starts_with = ("email", "first_name", "last_name")
    list_display = ("email", "is_active", "is_staff", "first_name", "last_name", "created_at")
    list_filter = ("is_active", "is_staff", "is_superuser")
    ordering = ("email",)
    actions = ("deactivate",)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """See `ReadOnlyAdmin`; whoever changes people could give themselves everything."""
        return request.user.is_active and request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`."""
        return self.has_act_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See `ModelAdmin`."""
        return [*super().get_fields(request, obj), "user_permissions"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See `ModelAdmin`."""
        return [name for name in self.get_fields(request, obj) if name not in UserForm.Meta.fields]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """See `ModelAdmin`."""
        actor, given = actor_of(request), form.cleaned_data
        set_user_active(actor=actor, user_id=obj.pk, is_active=given["is_active"])
        set_staff(
            actor=actor,
            user_id=obj.pk,
            is_staff=given["is_staff"],
            rights=given["user_permissions"],
        )

    @confirmed(
        description="Deactivate the chosen people",
        warning="They are signed out with their next request and can no longer sign in.",
    )
    def deactivate(self, request: HttpRequest, rows: list[User]) -> None:
        """Let people no longer sign in."""
        actor = actor_of(request)

        def act(user: User) -> bool:
            if not user.is_active:
                return False
            set_user_active(actor=actor, user_id=user.pk, is_active=False)
            return True

        each(self, request, rows, act, "deactivated")


class AccountForm(forms.ModelForm):
    """The name of an account."""

    class Meta:
        model = Account
        fields = ("name",)
        field_classes: ClassVar = {"name": NameField}


@admin.register(Account, site=operators)
class AccountAdmin(ServiceAdmin):
    """Customers."""

    form = AccountForm
    starts_with = ("name", "slug")
    list_display = ("name", "slug", "created_at")
    ordering = ("name", "pk")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `ModelAdmin`."""
        return self.has_act_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See `ModelAdmin`."""
        return [name for name in self.get_fields(request, obj) if name != "name"]

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """See `ModelAdmin`."""
        name = form.cleaned_data["name"]
        rename_account(actor=actor_of(request), account_id=obj.pk, name=name)


@admin.register(TeamInvitation, site=operators)
class TeamInvitationAdmin(ReadOnlyAdmin):
    """Who is invited to which team."""

    starts_with = ("email", "account__name")
    ids = ("pk", "account")
    list_display = ("email", "status", "account", "role", "invited_by", "expires_at", "created_at")
    list_select_related = ("account", "invited_by")
    list_filter = ("status", "role")
    ordering = ("-created_at", "pk")


@admin.register(AccountEvent, site=operators)
class AccountEventAdmin(ReadOnlyAdmin):
    """What was done to people, accounts and teams."""

    starts_with = ("actor_label", "resource_label", "action", "correlation_id")
    ids = ("pk", "account", "actor_id", "resource_id")
    list_display = ("created_at", "actor_label", "action", "resource_label", "account")
    list_select_related = ("account",)
    list_filter = ("resource_type", "actor_type")
    ordering = ("-created_at", "-pk")


@admin.register(EmailAddress, site=operators)
class EmailAddressAdmin(ReadOnlyAdmin):
    """Addresses of people, and whether they are verified."""

    starts_with = ("email",)
    ids = ("user",)
    list_display = ("email", "user", "primary", "verified")
    list_select_related = ("user",)
    list_filter = ("verified",)
    ordering = ("email", "pk")


@admin.register(Authenticator, site=operators)
class AuthenticatorAdmin(ReadOnlyAdmin):
    """Who has which second factor; never what it is checked with."""

    hidden = frozenset({"data"})
    starts_with = ("user__email",)
    ids = ("user",)
    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = ("type",)
    ordering = ("-created_at", "pk")


@admin.register(LogEntry, site=operators)
class LogEntryAdmin(ReadOnlyAdmin):
    """What operators saved by the forms of this admin."""

    starts_with = ("user__email", "object_repr")
    ids = ("user", "object_id")
    list_display = ("action_time", "user", "content_type", "object_repr", "action_flag")
    list_select_related = ("user", "content_type")
    list_filter = ("action_flag",)
    ordering = ("-action_time", "-pk")
