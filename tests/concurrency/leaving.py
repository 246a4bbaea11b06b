"""Owners who leave a team or are demoted, as the processes of the crew do it."""

from __future__ import annotations

from uuid import UUID

from accounts.actors import TeamActor
from accounts.models import Account, TeamMember, TeamRole, User
from accounts.services.team import change_team_role, remove_team_member
from common.errors import DomainError


def leave(account_id: UUID, member_id: UUID, user_id: UUID, turn: int) -> str:
    """Let an owner go, in one of four ways: out or down, by themselves or by an operator.

    Args:
        account_id: whose team.
        member_id: whose place.
        user_id: who they are.
        turn: chooses the way.

    Returns:
        The code of the refusal; empty where the act was done.
    """
    account = Account.objects.get(pk=account_id)
    user = User.objects.get(pk=user_id)
    actor = TeamActor.of_user(user, "race") if turn & 1 else TeamActor.system("race")
    try:
        if turn & 2:
            remove_team_member(actor=actor, account=account, member_id=member_id)
        else:
            role = TeamRole.ADMIN if turn & 4 else TeamRole.VIEWER
            change_team_role(actor=actor, account=account, member_id=member_id, role=role)
    except DomainError as refusal:
        return refusal.code
    return ""


def owners(account_id: UUID) -> int:
    """How many owners an account has."""
    return TeamMember.objects.filter(account=account_id, role=TeamRole.OWNER).count()
