"""Where a page acts: the one door from an address to an environment of the person's own accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.db.models import F
from django.http import Http404, HttpRequest

from accounts.models import User
from common.middleware import request_id_of
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope


@dataclass(frozen=True, slots=True)
class Workspace:
    """An environment as one person sees it.

    Args:
        environment: with its account.
        actor: the person, with the rights of their team role there.
        team_role: that role, as `TeamRole`.
        others: every environment of the person's accounts, for the switcher.
    """

    environment: Environment
    actor: Actor
    team_role: str
    others: list[Environment]

    @property
    def can_manage_keys(self) -> bool:
        """Whether a page offers to make and change keys; the service decides anyway."""
        return Scope.KEY_MANAGE in self.actor.scopes


def environments_of(user: User) -> list[Environment]:
    """The environments of every account that someone is a team member of.

    Args:
        user: who.

    Returns:
        Each with its account and the person's `team_role` there, by account and name; one statement.
    """
    rows = Environment.objects.select_related("account").filter(account__members__user=user)
    rows = rows.annotate(team_role=F("account__members__role"))
    return list(rows.order_by("account__name", "account_id", "name", "id"))


def open_workspace(request: HttpRequest, account: str, environment: str) -> Workspace:
    """The environment that an address names, if it belongs to an account of the person's.

    Args:
        request: of someone who is signed in.
        account: the account's slug.
        environment: the environment's slug.

    Returns:
        The environment and what the person may do there.

    Raises:
        Http404: alike for one that does not exist and one of other people.
    """
    user = cast(User, request.user)
    others = environments_of(user)
    for row in others:
        if (row.account.slug, row.slug) == (account, environment):
            team_role: str = row.team_role  # type: ignore[attr-defined]  # annotated above
            actor = Actor.of_user(user, team_role, request_id_of(request))
            return Workspace(row, actor, team_role, others)
    raise Http404("There is no such environment.")
