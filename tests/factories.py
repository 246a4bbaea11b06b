"""Rows for tests that do not care how they came about; the acts themselves are tested through services."""

from datetime import datetime

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from accounts.models import Account, TeamMember, TeamRole, User
from common.refs import Ref
from environments.actors import Actor
from environments.api.limits import count_request
from environments.models import ApiKey, Environment
from environments.scopes import BOUND_SCOPES, Scope
from hierarchy.models import Node
from hierarchy.services.keys import create_api_key


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    email = Sequence(lambda n: f"person{n}@example.org")


class AccountFactory(DjangoModelFactory[Account]):
    class Meta:
        model = Account

    name = Sequence(lambda n: f"Account {n}")
    slug = Sequence(lambda n: f"account-{n}")


class TeamMemberFactory(DjangoModelFactory[TeamMember]):
    class Meta:
        model = TeamMember

    account = SubFactory(AccountFactory)
    user = SubFactory(UserFactory)
    role = TeamRole.OWNER


class EnvironmentFactory(DjangoModelFactory[Environment]):
    """An environment without its root; `make_environment` in conftest gives one with it."""

    class Meta:
        model = Environment

    account = SubFactory(AccountFactory)
    name = Sequence(lambda n: f"Environment {n}")
    slug = Sequence(lambda n: f"environment-{n}")


def make_key(
    environment: Environment,
    *scopes: Scope,
    node: Node | None = None,
    expires_at: datetime | None = None,
) -> str:
    """The text of a new key: with these scopes, or with all that it can carry when none is named."""
    carried = scopes or (BOUND_SCOPES if node else ())
    key, text = create_api_key(
        actor=Actor.system(),
        environment=environment,
        name="test",
        access_mode=ApiKey.AccessMode.SCOPED if carried else ApiKey.AccessMode.FULL_ACCESS,
        scopes=carried,
        node=Ref.of(node.pk) if node else None,
        expires_at=expires_at,
    )
    # Leases its limits now, so that a test counts the statements of what it does.
    count_request(key, "evaluate")
    count_request(key, "others")
    return text
