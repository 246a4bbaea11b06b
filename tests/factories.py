"""Rows for tests that do not care how they came about; the acts themselves are tested through services."""

import factory
from factory.django import DjangoModelFactory

from accounts.models import Account, TeamMember, TeamRole, User
from environments.actors import Actor
from environments.models import ApiKey, Environment
from environments.scopes import Scope
from environments.services.keys import create_api_key


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"person{n}@example.org")


class AccountFactory(DjangoModelFactory):
    class Meta:
        model = Account

    name = factory.Sequence(lambda n: f"Account {n}")
    slug = factory.Sequence(lambda n: f"account-{n}")


class TeamMemberFactory(DjangoModelFactory):
    class Meta:
        model = TeamMember

    account = factory.SubFactory(AccountFactory)
    user = factory.SubFactory(UserFactory)
    role = TeamRole.OWNER


class EnvironmentFactory(DjangoModelFactory):
    """An environment without its root; `make_environment` in conftest gives one with it."""

    class Meta:
        model = Environment

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Environment {n}")
    slug = factory.Sequence(lambda n: f"environment-{n}")


def make_key(environment: Environment, *scopes: Scope) -> str:
    """The text of a new key: with these scopes, or with all of them when none is named."""
    mode = ApiKey.AccessMode.SCOPED if scopes else ApiKey.AccessMode.FULL_ACCESS
    _, text = create_api_key(
        actor=Actor.system(), environment=environment, name="test", access_mode=mode, scopes=scopes
    )
    return text
