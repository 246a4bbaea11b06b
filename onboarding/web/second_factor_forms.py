"""allauth's forms of second factors in our words."""

from __future__ import annotations

from allauth.mfa.base import forms as allauth
from allauth.mfa.totp import forms as totp

from onboarding.web.sign_in_forms import InOurWords


class AuthenticateForm(InOurWords, allauth.AuthenticateForm):
    """Signing in with a code."""


class ReauthenticateForm(InOurWords, allauth.ReauthenticateForm):
    """Showing once more who one is, with a code."""


class ActivateTOTPForm(InOurWords, totp.ActivateTOTPForm):
    """Beginning to use an authenticator app."""
