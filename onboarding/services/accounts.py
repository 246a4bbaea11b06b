"""Opening an account: its owner and its first environments, whole or not at all."""

from __future__ import annotations

from itertools import count

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.text import slugify

from accounts.actors import TeamActor
from accounts.locks import lock_opening
from accounts.models import Account, TeamRole, User
from accounts.services.team import add_team_member
from common.constraints import breaking
from common.errors import Conflict
from environments.actors import Actor
from hierarchy.services.environments import create_environment

FIRST_ENVIRONMENTS = ("Development", "Production")
LONGEST_SLUG = 60


@transaction.atomic
def open_account(*, actor: Actor, user: User, name: str) -> Account:
    """Open an account with its owner and the environments Development and Production.

    Args:
        actor: who opens it: the person, or a command in their name.
        user: who owns it.
        name: what people call it; need not be unique.

    Returns:
        The saved account, whose slug is unique.
    """
    lock_opening()
    account = Account.objects.create(name=name, slug=_free_slug(name))
    # Whoever opens an account is in no team yet that could bind them.
    founder = TeamActor(actor.type, actor.id, actor.label, actor.correlation_id, is_bound=False)
    add_team_member(actor=founder, account=account, user=user, role=TeamRole.OWNER)
    for environment_name in FIRST_ENVIRONMENTS:
        create_environment(actor=actor, account=account, name=environment_name)
    return account


@transaction.atomic
def create_verified_user(*, email: str, password: str | None) -> User:
    """Make a person whose address needs no code: a command vouches for it.

    Args:
        email: the address that is the login.
        password: None for someone who will set one by a reset code.

    Returns:
        The saved user.

    Raises:
        Conflict: `users.email_taken`.
    """
    taken = Conflict("users.email_taken", "Someone already signs in with this address.")
    with breaking({"accounts_user_email_key": lambda: taken}):
        user = User.objects.create_user(email, password)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def _free_slug(name: str) -> str:
    """The slug the name suggests, or the same with the first free number; under the opening lock."""
    wanted = slugify(name)[:LONGEST_SLUG].strip("-") or "account"
    alike = Account.objects.filter(slug__startswith=wanted[: LONGEST_SLUG - 10])
    taken = set(alike.values_list("slug", flat=True))
    numbered = (wanted[: LONGEST_SLUG - len(f"-{n}")] + f"-{n}" for n in count(2))
    return wanted if wanted not in taken else next(slug for slug in numbered if slug not in taken)
