"""Forms of API keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms

from common.forms import NameField
from environments.models import ApiKey
from environments.scopes import Scope

# What a scope lets a program do, in the words of the pages.
SCOPE_TOLD: dict[Scope, str] = {
    Scope.EVALUATE: "Ask what is allowed",
    Scope.HIERARCHY_VIEW: "See the hierarchy",
    Scope.HIERARCHY_MANAGE: "Change the hierarchy",
    Scope.ROLES_VIEW: "See roles and permissions",
    Scope.ROLES_MANAGE: "Change roles and permissions",
    Scope.ASSIGNMENTS_VIEW: "See assignments",
    Scope.ASSIGNMENTS_MANAGE: "Assign and revoke roles",
    Scope.IDENTITY_VIEW: "See identities",
    Scope.IDENTITY_MANAGE: "Change identities",
    Scope.KEY_VIEW: "See API keys",
    Scope.KEY_MANAGE: "Change API keys",
    Scope.AUDIT_VIEW: "Read the audit log",
    Scope.WEBHOOK_VIEW: "See webhooks",
    Scope.WEBHOOK_MANAGE: "Change webhooks",
}
ACCESS_TOLD = [
    (ApiKey.AccessMode.FULL_ACCESS, "Full access"),
    (ApiKey.AccessMode.SCOPED, "Scoped"),
]


class ApiKeyForm(forms.Form):
    """What a new key needs; whoever makes it is offered no scope they lack.

    Args:
        scopes: those of the person.
    """

    name = NameField(
        max_length=ApiKey._meta.get_field("name").max_length,
        help_text="What uses it, such as “billing service”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    access_mode = forms.ChoiceField(
        choices=ACCESS_TOLD, widget=forms.RadioSelect, initial=ApiKey.AccessMode.FULL_ACCESS
    )
    scopes = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, scopes: Collection[Scope], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(scope.value, told) for scope, told in SCOPE_TOLD.items() if scope in scopes]
        self.fields["scopes"].choices = offered  # type: ignore[attr-defined]  # of a choice field

    def clean(self) -> dict[str, Any]:
        """See `Form`; ticks that a full-access key has no use for are left out."""
        data = super().clean() or {}
        if data.get("access_mode") != ApiKey.AccessMode.SCOPED:
            data["scopes"] = []
        elif "scopes" in data and not data["scopes"]:
            self.add_error("scopes", "Tick at least one.")
        data["scopes"] = [Scope(scope) for scope in data.get("scopes", [])]
        return data
