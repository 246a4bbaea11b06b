"""An account that is ready for programs: owner, environments and a key to each, in one act."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from accounts.models import Account
from environments.actors import Actor
from environments.models import ApiKey, Environment
from hierarchy.services.keys import create_api_key
from onboarding.services.accounts import create_verified_user, open_account

KEY_NAME = "provisioned"


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A new account and what opens it.

    Args:
        account: the account.
        environments: its environments, each with the text of its full-access key.
    """

    account: Account
    environments: list[tuple[Environment, str]]


@transaction.atomic
def provision_account(*, actor: Actor, email: str, name: str, password: str | None) -> Provisioned:
    """Make an owner, their account and one full-access key to each of its environments.

    Args:
        actor: who does it: a command.
        email: the owner's address, taken as verified.
        name: what people call the account.
        password: None for an owner who will set one by a reset code.

    Returns:
        The account with the texts of its keys, which are nowhere kept.

    Raises:
        Conflict: `users.email_taken`.
    """
    user = create_verified_user(email=email, password=password)
    account = open_account(actor=actor, user=user, name=name)
    return Provisioned(
        account,
        [
            (
                environment,
                create_api_key(
                    actor=actor,
                    environment=environment,
                    name=KEY_NAME,
                    access_mode=ApiKey.AccessMode.FULL_ACCESS,
                )[1],
            )
            for environment in account.environments.order_by("name")
        ],
    )
