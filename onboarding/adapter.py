"""How allauth's sign-up becomes an account of ours.

The account is opened when the address is verified, not before: until then a stranger has neither an
account's name nor the one place of an installation's first account. What they wished for waits in their
session; whoever loses that is asked for a name again after signing in.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest

from accounts.models import TeamRole, User
from common.middleware import request_id_of
from environments.actors import Actor
from onboarding.queries import Opening, opening
from onboarding.services.sign_up import OpeningClosed, open_account_by_sign_up

_WISH = "account_to_open"

_WAYS = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}


def remember_wish(request: HttpRequest, user_id: UUID, name: str) -> None:
    """Keep what someone wants to call their account until their address is verified.

    Args:
        request: whose session keeps it.
        user_id: who wants it.
        name: what they typed.
    """
    request.session[_WISH] = {"user": str(user_id), "name": name}


class SignUpAdapter(DefaultAccountAdapter):
    """Asks us whether someone may sign up, and opens their account once they are who they say."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """See `DefaultAccountAdapter`."""
        return opening() is not Opening.CLOSED

    @transaction.atomic
    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """See `DefaultAccountAdapter`; address and account become real together."""
        confirmed: bool = super().confirm_email(request, email_address)
        if confirmed:
            self._fulfil_wish(request, cast(User, email_address.user))
        return confirmed

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """See `DefaultAccountAdapter`; in our words."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [{**one, "description": _WAYS[one["id"]]} for one in methods]

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """See `DefaultAccountAdapter`; links stand on our own address, never on the Host header."""
        super().send_mail(template_prefix, email, {**context, "base_url": settings.BASE_URL})

    def _fulfil_wish(self, request: HttpRequest, user: User) -> None:
        wish = request.session.pop(_WISH, None)
        if wish is None or wish["user"] != str(user.pk):
            return
        actor = Actor.of_user(user, TeamRole.OWNER, request_id_of(request))
        try:
            open_account_by_sign_up(actor=actor, user=user, name=wish["name"])
        except OpeningClosed as refusal:
            messages.warning(request, refusal.message)
