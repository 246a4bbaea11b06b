"""Whoever leaves a team, or a place in it, takes along the invitations they could no longer make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from accounts.actors import TeamActor
from accounts.models import AccountEvent, TeamMember, TeamRole, User
from accounts.services.team import LastOwner
from assignments.models import Assignment
from assignments.services.invite import invite_identity
from assignments.services.invite_plan import NewInvite
from assignments.services.people import FirstRole
from assignments.services.team import PlaceChange, change_place, plan_place_change
from common.refs import Ref
from environments.actors import Actor
from environments.models import AuditEvent, Environment
from hierarchy.services.environments import create_environment
from identities.models import Identity, Invitation
from tests.assignments.cast import Cast
from tests.factories import TeamMemberFactory
from tests.web.people import browser_of

OPERATOR = TeamActor.system("test")


@pytest.fixture
def member(cast: Cast) -> TeamMember:
    """Someone who may invite, in the team of the cast's account, which has an owner besides."""
    TeamMemberFactory.create(account=cast.environment.account)
    made: TeamMember = TeamMemberFactory.create(
        account=cast.environment.account, role=TeamRole.MEMBER
    )
    return made


def invite(
    user: User, environment: Environment, name: str, first: FirstRole | None = None
) -> Invitation:
    """Someone invites someone."""
    actor = Actor.of_user(user, TeamRole.MEMBER, "test")
    new = NewInvite(f"{name}@example.org", name, "Example", first=first)
    return invite_identity(actor=actor, environment=environment, new=new)


def pending() -> set[str]:
    """The addresses of those whose link still works."""
    rows = Invitation.objects.filter(status="pending", expires_at__gt=Now())
    return set(rows.values_list("identity__email", flat=True))


def state_of(plan: PlaceChange) -> tuple[object, ...]:
    """A change, to compare with another."""
    return (
        plan.change.member.pk,
        plan.change.role,
        [row.pk for row in plan.change.revoked],
        [row.pk for row in plan.invitations],
    )


@pytest.fixture
def invited(cast: Cast, member: TeamMember, make_environment: Callable[[], Environment]) -> None:
    """Invitations by the member with and without a role, expired ones, and those of other people."""
    account = cast.environment.account
    other = create_environment(actor=Actor.system(), account=account, name="Production")
    user = member.user
    invite(user, cast.environment, "plain")
    invite(user, cast.environment, "role", FirstRole(cast.reader.pk, Ref.of(cast.site.pk)))
    invite(user, other, "production")
    expired = invite(user, other, "expired")
    Invitation.objects.filter(pk=expired.pk).update(expires_at=Now() - timedelta(days=1))
    invite(TeamMemberFactory.create(account=account).user, other, "colleague")
    foreign = make_environment()
    TeamMemberFactory.create(account=foreign.account, user=user)
    invite(user, foreign, "elsewhere")


@pytest.mark.parametrize("role", ["viewer", None])
def test_who_can_no_longer_invite_takes_the_invitations_along(
    cast: Cast, member: TeamMember, invited: None, role: str | None
) -> None:
    account = cast.environment.account
    assert pending() == {f"{n}@example.org" for n in ("plain", "role", "production", "colleague", "elsewhere")}  # fmt: skip

    planned = state_of(
        plan_place_change(actor=OPERATOR, account=account, member_id=member.pk, role=role)
    )
    assert TeamMember.objects.filter(pk=member.pk, role="member").exists()
    done = state_of(change_place(actor=OPERATOR, account=account, member_id=member.pk, role=role))

    assert done == planned
    assert len(done[3]) == 3  # type: ignore[arg-type]
    assert pending() == {"colleague@example.org", "elsewhere@example.org"}
    assert not Assignment.objects.live().filter(identity__email="role@example.org").exists()
    gone = Identity.objects.get(email="role@example.org")
    assert gone.status == Identity.Status.REMOVED
    revoked = AuditEvent.objects.filter(
        action="invite.revoked", correlation_id=OPERATOR.correlation_id
    )
    assert revoked.count() == 3
    assert AccountEvent.objects.filter(action__startswith="team_member.").count() == 1


@pytest.mark.parametrize("role", ["member", "admin", "owner"])
def test_who_can_still_invite_keeps_the_invitations(
    cast: Cast, member: TeamMember, invited: None, role: str
) -> None:
    before = pending()

    done = change_place(
        actor=OPERATOR, account=cast.environment.account, member_id=member.pk, role=role
    )

    assert done.invitations == []
    assert pending() == before


def test_what_is_refused_revokes_nothing(cast: Cast) -> None:
    account = cast.environment.account
    owner = TeamMemberFactory.create(account=account)
    invite(owner.user, cast.environment, "plain")

    with pytest.raises(LastOwner):
        change_place(actor=OPERATOR, account=account, member_id=owner.pk, role=None)

    assert pending() == {"plain@example.org"}


def test_the_admin_shows_what_goes_along_and_then_revokes_it(
    cast: Cast, member: TeamMember, invited: None
) -> None:
    operator = User.objects.create_superuser("operator@example.org", "correct horse battery")
    browser: Client = browser_of(operator)
    where = f"/admin/accounts/teammember/{member.pk}/delete/"

    shown = browser.get(where).content.decode()
    done = browser.post(where, {"post": "yes"}, follow=True)

    assert "Invitation of production@example.org to Production" in shown
    assert "colleague@example.org" not in shown
    assert "3 of their pending invitations were revoked" in done.content.decode()
    assert pending() == {"colleague@example.org", "elsewhere@example.org"}


def test_the_admin_tells_why_the_last_owner_stays(cast: Cast) -> None:
    owner = TeamMemberFactory.create(account=cast.environment.account)
    operator = User.objects.create_superuser("operator@example.org", "correct horse battery")
    browser = browser_of(operator)
    where = f"/admin/accounts/teammember/{owner.pk}"

    assert "last owner" in browser.get(f"{where}/delete/").content.decode()
    browser.post(f"{where}/delete/", {"post": "yes"})
    told = browser.post(f"{where}/change/", {"role": "viewer"}, follow=True)

    assert "last owner" in told.content.decode()
    owner.refresh_from_db()
    assert owner.role == TeamRole.OWNER
