"""The team of an account: whose place one may give and take, and that an owner stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from accounts.actors import TeamActor
from accounts.guard import TEAM_POWER
from accounts.models import Account, AccountEvent, TeamInvitation, TeamMember, TeamRole, User
from accounts.services.accounts import rename_account
from accounts.services.team import (
    LastOwner,
    add_team_member,
    change_team_role,
    plan_team_change,
    remove_team_member,
)
from common.errors import Conflict, DomainError, Forbidden, NotFound, RuleViolation
from tests.factories import AccountFactory, TeamMemberFactory, UserFactory

pytestmark = pytest.mark.django_db

OPERATOR = TeamActor.system("test")


@pytest.fixture
def account() -> Account:
    """An account with an owner, who is not the one acting."""
    member: TeamMember = TeamMemberFactory.create()
    return member.account


def member_of(account: Account, role: str) -> TeamMember:
    """Someone new in the team."""
    member: TeamMember = TeamMemberFactory.create(account=account, role=role)
    return member


def acting(member: TeamMember) -> TeamActor:
    """A team member as an actor."""
    return TeamActor.of_user(member.user, "test")


def invite(member: TeamMember, role: str, status: str = "pending") -> TeamInvitation:
    """An invitation that a team member has sent."""
    return TeamInvitation.objects.create(
        account=member.account,
        email=f"{role}-{status}@example.org",
        role=role,
        status=status,
        nonce=b"x",
        invited_by=member.user,
        expires_at=Now() + timedelta(days=7),
    )


def give_or_take(actor: TeamActor, member: TeamMember, role: str | None) -> None:
    """Another role, or none any more."""
    if role is None:
        remove_team_member(actor=actor, account=member.account, member_id=member.pk)
    else:
        change_team_role(actor=actor, account=member.account, member_id=member.pk, role=role)


def team() -> list[tuple[object, ...]]:
    """Every place in every team, and what was told of it."""
    return [
        *TeamMember.objects.order_by("pk").values_list("account", "user", "role"),
        *AccountEvent.objects.order_by("pk").values_list("pk"),
    ]


@pytest.mark.parametrize("own", TeamRole.values)
@pytest.mark.parametrize("other", TeamRole.values)
@pytest.mark.parametrize("act", ["add", "change to", "change from", "remove"])
def test_nobody_gives_or_takes_a_place_above_their_own(
    account: Account, own: str, other: str, act: str
) -> None:
    actor = acting(member_of(account, own))
    lowest = TeamRole.VIEWER if other != TeamRole.VIEWER else TeamRole.MEMBER
    subject = member_of(account, lowest if act == "change to" else other)
    reach = TEAM_POWER[own]
    allowed = other in reach and (act in ("add", "remove") or lowest in reach)
    stranger, before = UserFactory.create(), team()

    def do() -> None:
        match act:
            case "add":
                add_team_member(actor=actor, account=account, user=stranger, role=other)
            case "change to":
                change_team_role(actor=actor, account=account, member_id=subject.pk, role=other)
            case "change from":
                change_team_role(actor=actor, account=account, member_id=subject.pk, role=lowest)
            case _:
                remove_team_member(actor=actor, account=account, member_id=subject.pk)

    if allowed:
        do()
        assert team() != before
        return
    with pytest.raises(Forbidden) as refusal:
        do()
    assert refusal.value.code == "team.beyond_own_role"
    assert team() == before


@pytest.mark.parametrize(
    ("role", "reach"),
    [
        ("owner", {"owner", "admin", "member", "viewer"}),
        ("admin", {"admin", "member", "viewer"}),
        ("member", set()),
        ("viewer", set()),
    ],
)
def test_the_table_of_team_power(role: str, reach: set[str]) -> None:
    assert TEAM_POWER[role] == reach


def test_whoever_is_not_in_the_team_touches_nobody(account: Account) -> None:
    stranger = TeamActor.of_user(UserFactory.create(), "test")
    foreign_owner = acting(TeamMemberFactory.create())
    viewer = member_of(account, TeamRole.VIEWER)

    for actor in (stranger, foreign_owner):
        with pytest.raises(Forbidden):
            remove_team_member(actor=actor, account=account, member_id=viewer.pk)
        with pytest.raises(Forbidden):
            add_team_member(actor=actor, account=account, user=UserFactory.create(), role="viewer")


@pytest.mark.parametrize("role", TeamRole.values)
def test_everyone_may_leave(account: Account, role: str) -> None:
    member = member_of(account, role)

    remove_team_member(actor=acting(member), account=account, member_id=member.pk)

    assert not TeamMember.objects.filter(pk=member.pk).exists()


@pytest.mark.parametrize("role", ["admin", "viewer", None])
@pytest.mark.parametrize("actor", ["operator", "the owner"])
def test_the_last_owner_can_neither_leave_nor_be_demoted(
    account: Account, role: str | None, actor: str
) -> None:
    owner = TeamMember.objects.get(account=account)
    member_of(account, TeamRole.ADMIN)
    who = OPERATOR if actor == "operator" else acting(owner)
    before = team()

    with pytest.raises(LastOwner):
        give_or_take(who, owner, role)

    assert team() == before


def test_an_owner_who_cannot_sign_in_does_not_count(account: Account) -> None:
    owner = TeamMember.objects.get(account=account)
    inactive = member_of(account, TeamRole.OWNER)
    User.objects.filter(pk=inactive.user_id).update(is_active=False)

    with pytest.raises(LastOwner):
        remove_team_member(actor=OPERATOR, account=account, member_id=owner.pk)
    remove_team_member(actor=OPERATOR, account=account, member_id=inactive.pk)


def test_an_owner_of_two_may_go(account: Account) -> None:
    first = TeamMember.objects.get(account=account)
    second = member_of(account, TeamRole.OWNER)

    change_team_role(actor=acting(second), account=account, member_id=first.pk, role="viewer")

    first.refresh_from_db()
    assert first.role == TeamRole.VIEWER
    event = AccountEvent.objects.get()
    assert (event.action, event.account, event.actor_id, event.actor_type, event.resource_label) == (
        "team_member.role_changed", account, second.user_id, "user", first.user.email,
    )  # fmt: skip
    assert event.metadata == {"before": {"role": "owner"}, "after": {"role": "viewer"}}


@pytest.mark.parametrize(
    ("role", "kept"),
    [
        ("owner", {"owner", "admin", "member", "viewer"}),
        ("admin", {"admin", "member", "viewer"}),
        ("member", set()),
        (None, set()),
    ],
)
def test_what_someone_could_no_longer_invite_to_is_revoked(
    account: Account, role: str | None, kept: set[str]
) -> None:
    owner = member_of(account, TeamRole.OWNER)
    for invited in TeamRole.values:
        invite(owner, invited)
    invite(owner, "viewer", "accepted")
    others = invite(TeamMember.objects.exclude(pk=owner.pk).get(), "owner", "expired")

    plan = plan_team_change(actor=OPERATOR, account=account, member_id=owner.pk, role=role)
    give_or_take(OPERATOR, owner, role)

    pending = TeamInvitation.objects.filter(status="pending").values_list("role", flat=True)
    assert set(pending) == kept
    revoked = TeamInvitation.objects.filter(status="revoked")
    assert {row.pk for row in plan.revoked} == set(revoked.values_list("pk", flat=True))
    told = AccountEvent.objects.filter(action="team_invitation.revoked")
    assert {event.resource_id for event in told} == {row.pk for row in plan.revoked}
    others.refresh_from_db()
    assert others.status == "expired"


def test_a_place_of_another_account_is_not_found(account: Account) -> None:
    foreign = TeamMemberFactory.create()

    for act in (
        lambda: remove_team_member(actor=OPERATOR, account=account, member_id=foreign.pk),
        lambda: change_team_role(
            actor=OPERATOR, account=account, member_id=foreign.pk, role="viewer"
        ),
    ):
        with pytest.raises(NotFound):
            act()


def test_nobody_joins_twice(account: Account) -> None:
    member = member_of(account, TeamRole.VIEWER)

    with pytest.raises(Conflict) as refusal:
        add_team_member(actor=OPERATOR, account=account, user=member.user, role="admin")

    assert refusal.value.code == "team.member_exists"


@pytest.mark.parametrize("role", ["", "OWNER", "root"])
def test_a_role_that_is_none_is_refused(account: Account, role: str) -> None:
    member = member_of(account, TeamRole.VIEWER)

    with pytest.raises(RuleViolation):
        change_team_role(actor=OPERATOR, account=account, member_id=member.pk, role=role)
    with pytest.raises(RuleViolation):
        add_team_member(actor=OPERATOR, account=account, user=UserFactory.create(), role=role)


def test_the_same_role_again_changes_nothing(account: Account) -> None:
    owner = TeamMember.objects.get(account=account)

    change_team_role(actor=OPERATOR, account=account, member_id=owner.pk, role="owner")

    assert not AccountEvent.objects.exists()


@pytest.mark.parametrize("role", TeamRole.values)
def test_only_owners_rename_an_account(account: Account, role: str) -> None:
    actor = acting(member_of(account, role))

    if role == TeamRole.OWNER:
        assert rename_account(actor=actor, account_id=account.pk, name="New").name == "New"
        assert AccountEvent.objects.get().action == "account.renamed"
    else:
        with pytest.raises(DomainError):
            rename_account(actor=actor, account_id=account.pk, name="New")
        account.refresh_from_db()
        assert account.name != "New"


def test_an_account_that_is_not_there_is_not_renamed() -> None:
    with pytest.raises(NotFound):
        rename_account(actor=OPERATOR, account_id=AccountFactory.build().pk, name="New")
