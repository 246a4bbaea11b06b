"""People before a browser of their own."""

from __future__ import annotations

from django.test import Client

from accounts.models import TeamRole, User
from environments.models import Environment
from tests.factories import TeamMemberFactory, UserFactory


def browser_of(user: User) -> Client:
    """A browser in which someone is signed in."""
    client = Client()
    client.force_login(user)
    return client


def browser_in_team(environment: Environment, role: TeamRole = TeamRole.OWNER) -> Client:
    """The browser of someone new in the team of an environment's account."""
    user = UserFactory.create()
    TeamMemberFactory.create(account=environment.account, user=user, role=role)
    return browser_of(user)


def place(environment: Environment) -> str:
    """The address of an environment's pages, with a slash at its end."""
    return f"/app/{environment.account.slug}/{environment.slug}/"
