"""Opening an account at one's own wish, as far as this installation lets people."""

from __future__ import annotations

from django.db import transaction

from accounts.locks import lock_opening
from accounts.models import Account, User
from common.errors import Forbidden
from environments.actors import Actor
from onboarding.queries import Opening, opening
from onboarding.services.accounts import open_account


class OpeningClosed(Forbidden):
    """No account may be opened here, or none any more."""

    def __init__(self) -> None:
        super().__init__(
            "accounts.opening_closed",
            "No account can be opened here; ask someone who has one for an invitation.",
        )


@transaction.atomic
def open_account_by_sign_up(*, actor: Actor, user: User, name: str) -> Account:
    """Open an account for someone who asked for it, if that is still possible.

    Where only the first account may be opened, one of many who try at once succeeds; whether they know
    the setup code is for the form to ask.

    Args:
        actor: the person.
        user: the same person, who will own it.
        name: what people call it.

    Returns:
        The saved account.

    Raises:
        OpeningClosed: if no account may be opened, or another was faster.
    """
    lock_opening()
    if opening() is Opening.CLOSED:
        raise OpeningClosed
    return open_account(actor=actor, user=user, name=name)
