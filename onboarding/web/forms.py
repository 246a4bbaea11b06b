"""Forms of beginning."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import SignupForm
from django import forms
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from accounts.models import Account, User
from common.constraints import constraint_of
from common.forms import NameField
from onboarding.adapter import remember_wish
from onboarding.queries import Opening, opening
from onboarding.setup_code import announce_setup_code, is_setup_code
from onboarding.web.sign_in_forms import InOurWords


class AccountForm(forms.Form):
    """What an account needs: a name, and the setup code where it is an installation's first."""

    account_name = NameField(
        label="Account name",
        max_length=Account._meta.get_field("name").max_length,
        help_text="Your company or team.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    setup_code = forms.CharField(
        label="Setup code",
        max_length=60,
        help_text="It stands in the server's log, because this is the first account here.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if opening() is Opening.WITH_CODE:
            announce_setup_code()
        else:
            del self.fields["setup_code"]

    def clean_setup_code(self) -> str:
        """See `Form`."""
        text: str = self.cleaned_data["setup_code"]
        if not is_setup_code(text):
            raise forms.ValidationError("This is not the setup code.")
        return text


class SignUpForm(AccountForm, InOurWords, SignupForm):
    """Signing up: an account's name beside address and password."""

    field_order = ("account_name", "email", "password1", "setup_code")

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """See `SignupForm`; two sign-ups of one address at once end like one after the other."""
        try:
            return super().try_save(request)
        except IntegrityError as error:
            if constraint_of(error) != "accounts_user_email_key":
                raise
            self.account_already_exists = True
            return super().try_save(request)

    def save(self, request: HttpRequest) -> User:
        """See `SignupForm`; the person and their address, or neither."""
        with transaction.atomic():
            return super().save(request)

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """See `SignupForm`."""
        super().custom_signup(request, user)
        remember_wish(request, user.pk, self.cleaned_data["account_name"])
