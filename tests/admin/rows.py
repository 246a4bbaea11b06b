"""Rows of every kind that the admin shows, each set in an account and an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import uuid4

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.db.models.functions import Now

from accounts.actors import TeamActor
from accounts.models import TeamInvitation, TeamMember, TeamRole, User
from accounts.services.accounts import rename_account
from config.admin import operators
from environments.actors import Actor
from environments.models import ApiKey, Batch, Heartbeat, IdempotencyRecord, OutboxItem, RateWindow
from hierarchy.services.environments import create_environment
from identities.models import Invitation
from onboarding.models import DemoLink
from tests.assignments.cast import make_cast
from tests.factories import AccountFactory, TeamMemberFactory, UserFactory, make_key

ME = Actor.system("test")
SECRET = b"never to be seen"
_numbers = count()


def add_rows() -> User:
    """One more row of every kind, or several; gives the owner of the new account."""
    number = next(_numbers)
    account = AccountFactory.create()
    user = UserFactory.create(first_name="Grace", password="argon2$never-to-be-seen")
    TeamMemberFactory.create(account=account, user=user)
    TeamMemberFactory.create(account=account, role=TeamRole.MEMBER)
    rename_account(actor=TeamActor.system(), account_id=account.pk, name=f"Renamed {number}")
    environment = create_environment(actor=ME, account=account, name="Development")
    cast = make_cast(environment)
    cast.give()
    make_key(environment)
    key = ApiKey.objects.get(environment=environment)
    times: dict[str, Any] = {"expires_at": Now()}
    TeamInvitation.objects.create(
        account=account, email="x@example.org", role=TeamRole.VIEWER, nonce=SECRET, **times
    )
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    Authenticator.objects.create(
        user=user, type=Authenticator.Type.TOTP, data={"secret": SECRET.decode()}
    )
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(user.pk),
        object_repr=user.email,
        action_flag=CHANGE,
    )
    Invitation.objects.create(
        environment=environment,
        identity=cast.ada,
        nonce=SECRET,
        invited_by_type="system",
        invited_by_label="test",
        **times,
    )
    Batch.objects.create(
        environment=environment, action="x.y", actor_type="system", actor_label="t"
    )
    IdempotencyRecord.objects.create(
        environment=environment,
        api_key=key,
        method="POST",
        path="/api/v1/roles",
        idempotency_key=f"key-{number}",
        body_hash=SECRET,
        status_code=201,
        response="{}",
    )
    OutboxItem.objects.create(
        environment=environment, kind="mail", subject_id=uuid4(), state=OutboxItem.State.DEAD
    )
    RateWindow.objects.create(name=f"key {number}", started_at=Now(), used=1)
    Heartbeat.objects.create(name=f"process {number}")
    DemoLink.objects.create(user=user, token_hash=number.to_bytes(2) + SECRET, **times)
    return user


def registered() -> Iterator[tuple[type[Model], Any]]:
    """Every kind of row that the admin shows, with its pages."""
    yield from operators._registry.items()


def row_of(model: type[Model]) -> Any:
    """Any row of a kind; of people one who is no operator, of team members one who is no owner."""
    chosen: dict[type[Model], dict[str, Any]] = {
        User: {"is_superuser": False},
        TeamMember: {"role": TeamRole.MEMBER},
    }
    row = model._default_manager.filter(**chosen.get(model, {})).order_by("pk").first()
    assert row is not None, model
    return row


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row that the admin shows, as the database has it."""
    return {
        model.__name__: list(model._base_manager.order_by("pk").values())
        for model, _ in registered()
    }
