"""Questions about people and teams."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Account, TeamInvitation, TeamMember, TeamRole, User
from common.errors import NotFound


def get_user(user_id: UUID) -> User:
    """One person.

    Args:
        user_id: who.

    Returns:
        The user.

    Raises:
        NotFound: `users.not_found`.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotFound("users.not_found", "There is no such person.")
    return user


def get_account(account_id: UUID) -> Account:
    """One account.

    Args:
        account_id: which.

    Returns:
        The account.

    Raises:
        NotFound: `accounts.not_found`.
    """
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise NotFound("accounts.not_found", "There is no such account.")
    return account


def team_of(account: Account) -> QuerySet[TeamMember]:
    """The team of an account, each with the person, in the order in which they came.

    Args:
        account: whose team.

    Returns:
        A queryset.
    """
    rows = TeamMember.objects.filter(account=account).select_related("user")
    return rows.order_by("created_at", "id")


def get_team_member(account: Account, member_id: UUID) -> TeamMember:
    """One place in an account's team, with the person.

    Args:
        account: whose team.
        member_id: which.

    Returns:
        The team member.

    Raises:
        NotFound: `team.member_not_found`, also for one of another account.
    """
    member = team_of(account).filter(pk=member_id).first()
    if member is None:
        raise NotFound("team.member_not_found", "There is no such team member.")
    return member


def team_role_of(account: Account, user_id: UUID | None) -> str | None:
    """What someone is in a team.

    Args:
        account: whose team.
        user_id: who.

    Returns:
        Their `TeamRole`, None for someone who is not in it.
    """
    roles = TeamMember.objects.filter(account=account, user=user_id)
    return roles.values_list("role", flat=True).first()


def has_other_owner(account: Account, member: TeamMember) -> bool:
    """Whether an account would still have an owner who can sign in without this one.

    Args:
        account: whose team.
        member: the one to leave out.

    Returns:
        True if it has.
    """
    owners = TeamMember.objects.filter(account=account, role=TeamRole.OWNER, user__is_active=True)
    return owners.exclude(pk=member.pk).exists()


def team_invitations_by(account: Account, user_id: UUID) -> QuerySet[TeamInvitation]:
    """The pending invitations into a team that someone has sent, in a fixed order.

    Args:
        account: whose team.
        user_id: who sent them.

    Returns:
        A queryset.
    """
    pending = TeamInvitation.objects.filter(account=account, status=TeamInvitation.Status.PENDING)
    return pending.filter(invited_by=user_id).order_by("pk")
