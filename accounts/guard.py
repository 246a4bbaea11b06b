"""May this actor touch these places in a team? The one table of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from accounts.actors import TeamActor
from accounts.models import Account, TeamRole
from accounts.queries import team_role_of
from common.errors import Forbidden

_MEMBERS = frozenset({TeamRole.ADMIN, TeamRole.MEMBER, TeamRole.VIEWER})

# Whose place each team role may make, change and end.
TEAM_POWER: Mapping[str, frozenset[TeamRole]] = {
    TeamRole.OWNER: frozenset(TeamRole),
    TeamRole.ADMIN: _MEMBERS,
    TeamRole.MEMBER: frozenset(),
    TeamRole.VIEWER: frozenset(),
}


def require_team_power(actor: TeamActor, account: Account, touched: Collection[str]) -> None:
    """Refuse to let an actor make, change or end a place in a team that is not below its own.

    Called under the team's lock; one statement for whoever is bound, none for others.

    Args:
        actor: who acts.
        account: whose team.
        touched: the roles that are given or taken.

    Raises:
        Forbidden: `team.beyond_own_role`.
    """
    if not actor.is_bound:
        return
    own_role = team_role_of(account, actor.id)
    power = TEAM_POWER[own_role] if own_role else frozenset()
    beyond = [role for role in TeamRole if role in touched and role not in power]
    if beyond:
        named = " and ".join(f"{role}s" for role in beyond)
        raise Forbidden("team.beyond_own_role", f"Your role in the team does not reach {named}.")
