"""The demo account of a local service, and one-time links into it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Now

from accounts.locks import lock_opening
from accounts.models import TeamMember, TeamRole, User
from common.errors import NotFound, RuleViolation
from environments.actors import Actor
from onboarding.models import DemoLink
from onboarding.services.accounts import create_verified_user, open_account
from onboarding.services.sample import load_sample

DEMO_NAME = "Demo"
DEMO_EMAIL = "demo@trellis.example"
LIFETIME = timedelta(minutes=15)
_FILLED = "development"


@transaction.atomic
def make_demo_link(*, actor: Actor) -> str:
    """Make a link into the demo account, and first the account where there is none.

    Args:
        actor: who does it: a command.

    Returns:
        The link's token, which is nowhere kept.

    Raises:
        RuleViolation: `demo.not_local`, on a service in production.
    """
    if settings.PRODUCTION:
        raise RuleViolation("demo.not_local", "There is no demo account in production.")
    # Two commands at once make one account.
    lock_opening()
    user = User.objects.filter(email=DEMO_EMAIL).first()
    if user is None:
        user = create_verified_user(email=DEMO_EMAIL, password=None)
    owned = TeamMember.objects.filter(user=user, role=TeamRole.OWNER)
    if not owned.exists():
        account = open_account(actor=actor, user=user, name=DEMO_NAME)
        load_sample(actor=actor, environment=account.environments.get(slug=_FILLED))
    DemoLink.objects.filter(expires_at__lt=Now()).delete()
    token = secrets.token_urlsafe(32)
    DemoLink.objects.create(user=user, token_hash=_hash(token), expires_at=Now() + LIFETIME)
    return token


def is_demo_link(token: str) -> bool:
    """Whether a link would still let someone in; looking does not use it up.

    Args:
        token: what the address carried.

    Returns:
        False alike for one that is unknown, used or too old, and in production.
    """
    return not settings.PRODUCTION and _usable(token).exists()


@transaction.atomic
def use_demo_link(*, token: str) -> User:
    """Use up a link; of many who try at once one succeeds.

    Args:
        token: what the address carried.

    Returns:
        Who is signed in by it.

    Raises:
        NotFound: `demo.link_not_found`, alike for one that is unknown, used or too old.
    """
    used = 0 if settings.PRODUCTION else _usable(token).update(used_at=Now())
    link = DemoLink.objects.select_related("user").filter(token_hash=_hash(token)).first()
    if not used or link is None or not link.user.is_active:
        raise NotFound("demo.link_not_found", "This link has been used, or is too old.")
    return link.user


def _usable(token: str) -> models.QuerySet[DemoLink]:
    # Columns of its own table alone: with a join Django updates by a subquery, whose conditions
    # PostgreSQL does not look at again after waiting for another update, and one link let in two.
    return DemoLink.objects.filter(token_hash=_hash(token), used_at=None, expires_at__gt=Now())


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
