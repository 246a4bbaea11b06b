"""allauth's forms of second factors in our words."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base import forms as allauth
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn

from onboarding.web.sign_in_forms import InOurWords


class AuthenticateForm(InOurWords, allauth.AuthenticateForm):
    """Signing in with a code."""


class ReauthenticateForm(InOurWords, allauth.ReauthenticateForm):
    """Showing once more who one is, with a code."""


class ActivateTOTPForm(InOurWords, totp.ActivateTOTPForm):
    """Beginning to use an authenticator app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code that the app shows"


class AddPasskeyForm(InOurWords, webauthn.AddWebAuthnForm):
    """Adding a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        alone = self.fields["passwordless"]
        alone.label = "Sign in with this passkey alone"
        alone.help_text = (
            "No password is asked for then; the passkey asks for a finger, a face or a PIN itself."
        )
