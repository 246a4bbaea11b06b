"""The team of an account: no one gives or takes a place above their own, and an owner always stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from accounts.actors import TeamActor
from accounts.guard import TEAM_POWER, require_team_power
from accounts.locks import lock_team
from accounts.models import Account, TeamInvitation, TeamMember, TeamRole, User
from accounts.queries import get_team_member, has_other_owner, team_invitations_by
from accounts.services.events import record_account_event
from common.constraints import breaking
from common.errors import Conflict, RuleViolation


class LastOwner(Conflict):
    """An account keeps an owner who can sign in."""

    def __init__(self) -> None:
        super().__init__(
            "team.last_owner", "This is the account's last owner; make someone else an owner first."
        )


@dataclass(frozen=True, slots=True)
class TeamChange:
    """What a change of someone's place would do.

    Args:
        member: the place as it is.
        role: what it would become; None for leaving the team.
        revoked: pending invitations into the team which the person could then no longer make.
    """

    member: TeamMember
    role: str | None
    revoked: Sequence[TeamInvitation]


@transaction.atomic
def add_team_member(*, actor: TeamActor, account: Account, user: User, role: str) -> TeamMember:
    """Give someone a place in a team.

    Args:
        actor: who does it.
        account: whose team.
        user: who joins.
        role: their `TeamRole`.

    Returns:
        The saved team member.

    Raises:
        Forbidden: `team.beyond_own_role`.
        Conflict: `team.member_exists`.
        RuleViolation: `team.role_unknown`.
    """
    lock_team(account.pk)
    _require_role(role)
    require_team_power(actor, account, [role])
    taken = Conflict("team.member_exists", "This person is already on the team.")
    with breaking({"team_member_unique": lambda: taken}):
        member = TeamMember.objects.create(account=account, user=user, role=role)
    record_account_event(
        actor=actor,
        account=account,
        action="team_member.added",
        resource=member,
        label=user.email,
        after={"role": str(role)},
    )
    return member


def plan_team_change(
    *, actor: TeamActor, account: Account, member_id: UUID, role: str | None
) -> TeamChange:
    """What it would do to change someone's role or to let them leave; reads only.

    Args:
        actor: who would do it.
        account: whose team.
        member_id: whose place.
        role: the new `TeamRole`; None for leaving the team, which everyone may for themselves.

    Returns:
        The change.

    Raises:
        NotFound: `team.member_not_found`.
        Forbidden: `team.beyond_own_role`.
        LastOwner: if no owner who can sign in would be left.
        RuleViolation: `team.role_unknown`.
    """
    if role is not None:
        _require_role(role)
    member = get_team_member(account, member_id)
    if member.role == role:
        return TeamChange(member, role, [])
    leaves = role is None and actor.id == member.user_id
    if not leaves:
        require_team_power(actor, account, [member.role] if role is None else [member.role, role])
    if member.role == TeamRole.OWNER and not has_other_owner(account, member):
        raise LastOwner
    power = TEAM_POWER[role] if role else frozenset()
    sent = team_invitations_by(account, member.user_id)
    return TeamChange(member, role, [row for row in sent if row.role not in power])


@transaction.atomic
def change_team_role(
    *, actor: TeamActor, account: Account, member_id: UUID, role: str
) -> TeamMember:
    """Change what someone is in a team; what they could no longer invite to is revoked.

    Args:
        actor: who does it.
        account: whose team.
        member_id: whose place.
        role: the new `TeamRole`.

    Returns:
        The team member as it is now.

    Raises:
        NotFound: `team.member_not_found`.
        Forbidden: `team.beyond_own_role`.
        LastOwner: if no owner who can sign in would be left.
        RuleViolation: `team.role_unknown`.
    """
    lock_team(account.pk)
    change = plan_team_change(actor=actor, account=account, member_id=member_id, role=role)
    member, former = change.member, change.member.role
    if former == role:
        return member
    member.role = role
    member.save(update_fields=["role"])
    _revoke(actor, account, change.revoked)
    record_account_event(
        actor=actor,
        account=account,
        action="team_member.role_changed",
        resource=member,
        label=member.user.email,
        before={"role": former},
        after={"role": str(role)},
    )
    return member


@transaction.atomic
def remove_team_member(*, actor: TeamActor, account: Account, member_id: UUID) -> None:
    """Take someone's place in a team away; the invitations into it that they sent are revoked.

    Args:
        actor: who does it; everyone may leave.
        account: whose team.
        member_id: whose place.

    Raises:
        NotFound: `team.member_not_found`.
        Forbidden: `team.beyond_own_role`.
        LastOwner: if no owner who can sign in would be left.
    """
    lock_team(account.pk)
    change = plan_team_change(actor=actor, account=account, member_id=member_id, role=None)
    member = change.member
    _revoke(actor, account, change.revoked)
    record_account_event(
        actor=actor,
        account=account,
        action="team_member.removed",
        resource=member,
        label=member.user.email,
        before={"role": member.role},
    )
    member.delete()


def _require_role(role: str) -> None:
    if role not in TeamRole.values:
        raise RuleViolation(
            "team.role_unknown",
            f"A team role is one of {', '.join(TeamRole.values)}.",
            details=["role: is none of the team roles"],
        )


def _revoke(actor: TeamActor, account: Account, invitations: Sequence[TeamInvitation]) -> None:
    for invitation in invitations:
        invitation.status = TeamInvitation.Status.REVOKED
        invitation.save(update_fields=["status"])
        record_account_event(
            actor=actor,
            account=account,
            action="team_invitation.revoked",
            resource=invitation,
            label=invitation.email,
            before={"status": TeamInvitation.Status.PENDING.value},
            after={"status": TeamInvitation.Status.REVOKED.value},
        )
