"""Leaving a team, or a place in it: what a person could no longer invite to is revoked with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from accounts.actors import TeamActor
from accounts.locks import lock_team
from accounts.models import Account
from accounts.services.team import (
    TeamChange,
    change_team_role,
    plan_team_change,
    remove_team_member,
)
from assignments.models import Assignment
from assignments.services.invitations import revoke_sent
from environments.actors import Actor
from environments.models import ActorType
from environments.scopes import ALL_SCOPES, SCOPES_OF_TEAM_ROLE, Scope
from identities.models import Invitation


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """What a change of someone's place in a team would do.

    Args:
        change: what it would do to the team.
        invitations: pending invitations of identities, each with identity and environment, which the
            person has sent and could then no longer send.
    """

    change: TeamChange
    invitations: Sequence[Invitation]


def plan_place_change(
    *, actor: TeamActor, account: Account, member_id: UUID, role: str | None
) -> PlaceChange:
    """What it would do to change someone's role or to let them leave; reads only.

    Args:
        actor: who would do it.
        account: whose team.
        member_id: whose place.
        role: the new `TeamRole`; None for leaving the team.

    Returns:
        The change, with what would be revoked.

    Raises:
        DomainError: why it cannot be done, as `plan_team_change`.
    """
    change = plan_team_change(actor=actor, account=account, member_id=member_id, role=role)
    if change.member.role == role:
        return PlaceChange(change, [])
    scopes = SCOPES_OF_TEAM_ROLE[role] if role else frozenset()
    sent = _pending_by(account, change.member.user_id)
    return PlaceChange(change, [row for row in sent if not _takes(row) <= scopes])


@transaction.atomic
def change_place(
    *, actor: TeamActor, account: Account, member_id: UUID, role: str | None
) -> PlaceChange:
    """Change someone's role, or take them out of the team, with what they could no longer invite to.

    Args:
        actor: who does it; everyone may leave.
        account: whose team.
        member_id: whose place.
        role: the new `TeamRole`; None for leaving the team.

    Returns:
        What was done. An invitation that was accepted at the same moment stays accepted.

    Raises:
        DomainError: why it cannot be done, as `plan_team_change`.
    """
    lock_team(account.pk)
    plan = plan_place_change(actor=actor, account=account, member_id=member_id, role=role)
    if role is None:
        remove_team_member(actor=actor, account=account, member_id=member_id)
    else:
        change_team_role(actor=actor, account=account, member_id=member_id, role=role)
    # It follows from the change, whatever the one who makes it may do in each environment.
    within = Actor(actor.type, actor.id, actor.label, ALL_SCOPES, actor.correlation_id)
    revoked: set[UUID] = set()
    # As many turns as the account has environments, which are sealed from each other.
    for environment in dict.fromkeys(row.environment for row in plan.invitations):
        sent = [row.pk for row in plan.invitations if row.environment_id == environment.pk]
        revoked.update(revoke_sent(actor=within, environment=environment, invitation_ids=sent))
    return PlaceChange(plan.change, [row for row in plan.invitations if row.pk in revoked])


def _pending_by(account: Account, user_id: UUID) -> list[Invitation]:
    """In one order, so that two who revoke the same wait for each other and not in a circle."""
    given = Assignment.objects.filter(invitation=OuterRef("pk")).live()
    rows = Invitation.objects.filter(
        environment__account=account,
        status=Invitation.Status.PENDING,
        expires_at__gt=Now(),
        invited_by_type=ActorType.USER,
        invited_by_id=user_id,
    )
    rows = rows.select_related("identity", "environment").annotate(has_role=Exists(given))
    return list(rows.order_by("environment", "identity"))


def _takes(row: Invitation) -> frozenset[Scope]:
    """The scopes that it takes to send an invitation."""
    has_role: bool = row.has_role  # type: ignore[attr-defined]  # annotated above
    first = {Scope.ASSIGNMENTS_MANAGE} if has_role else set()
    return frozenset({Scope.IDENTITY_MANAGE} | first)
