"""allauth's forms in our words: a label that stays, no placeholder that repeats it."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth
from django import forms

PASSWORD_RULE = "At least 10 characters, and not one of the common ones."
_LABELS = {
    "login": "E-mail address",
    "email": "E-mail address",
    "password": "Password",
    "remember": "Keep me signed in",
    "oldpassword": "Current password",
    "password2": "The same again",
}


class InOurWords(forms.Form):
    """Gives the fields of a form of allauth's our labels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = _LABELS.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            if name == "password1":
                field.label = str(field.label).capitalize()
                field.help_text = PASSWORD_RULE


class LoginForm(InOurWords, allauth.LoginForm):
    """Signing in."""


class AddEmailForm(InOurWords, allauth.AddEmailForm):
    """Changing one's address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "New e-mail address"


class ChangePasswordForm(InOurWords, allauth.ChangePasswordForm):
    """Changing one's password."""


class SetPasswordForm(InOurWords, allauth.SetPasswordForm):
    """Setting a password where there is none."""


class ResetPasswordForm(InOurWords, allauth.ResetPasswordForm):
    """Asking for a code to set a new password."""


class ResetPasswordKeyForm(InOurWords, allauth.ResetPasswordKeyForm):
    """Setting a new password after the code."""


class ReauthenticateForm(InOurWords, allauth.ReauthenticateForm):
    """Showing once more who one is."""


class EmailCodeForm(InOurWords, allauth.ConfirmEmailVerificationCodeForm):
    """Entering the code that was sent to an address."""


class PasswordCodeForm(InOurWords, allauth.ConfirmPasswordResetCodeForm):
    """Entering the code that lets one set a new password."""


class ChangeEmailForm(InOurWords, allauth.ChangeEmailForm):
    """Correcting the address that a code was sent to."""
