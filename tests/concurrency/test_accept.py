"""Sixteen accept one invitation, or invite one address: one of them does, the others are told no."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from assignments.models import Assignment
from assignments.services.invite import invite_identity
from assignments.services.invite_plan import NewInvite
from assignments.services.people import FirstRole
from common.refs import Ref
from environments.models import AuditEvent
from identities.links import token_of
from identities.models import Identity, Invitation
from tests.assignments.cast import ME, Cast
from tests.concurrency.calls import accept, send
from tests.concurrency.crew import Crew
from tests.concurrency.test_races import CALLERS, LONGEST_SEARCH_SECONDS, ROUNDS
from tests.factories import make_key

pytestmark = pytest.mark.django_db(transaction=True)

IDENTITY_LOCK = "identities.services.invitations.lock_identities"


def invite(cast: Cast, turn: int) -> Invitation:
    """Invite someone with a role."""
    first = FirstRole(cast.reader.pk, Ref.of(cast.site.pk))
    new = NewInvite(f"bob{turn}@example.org", first=first)
    return invite_identity(actor=ME, environment=cast.environment, new=new)


def accept_race(crew: Crew, invitation: Invitation, turn: int) -> Counter[int]:
    """The statuses of sixteen acceptances of one link, each from an address of its own."""
    page = f"/invitations/{token_of(invitation)}"
    calls = [
        (page, f"Caller {caller}", f"10.{turn // 250}.{turn % 250}.{caller + 1}")
        for caller in range(CALLERS)
    ]
    return Counter(crew.run(accept, *calls))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_one_of_sixteen_accepts_an_invitation(crew: Crew, cast: Cast, rounds: int) -> None:
    for turn in range(rounds):
        invitation = invite(cast, turn)

        assert accept_race(crew, invitation, turn) == {302: 1, 410: CALLERS - 1}

        invitation.refresh_from_db()
        identity = Identity.objects.get(pk=invitation.identity_id)
        assert (invitation.status, invitation.version) == ("accepted", 2)
        assert (identity.status, identity.version) == ("active", 2)
        assert identity.first_name.startswith("Caller ")
        events = AuditEvent.objects.filter(actor_label=identity.email)
        assert sorted(events.values_list("action", flat=True)) == [
            "identity.activated",
            "invite.accepted",
        ]


def test_several_accept_one_invitation_without_the_lock(crew: Crew, cast: Cast) -> None:
    until = time.monotonic() + LONGEST_SEARCH_SECONDS
    turn = accepted = 0

    with crew.without(IDENTITY_LOCK):
        while accepted < 2 and time.monotonic() < until:
            accepted = accept_race(crew, invite(cast, turn), turn)[302]
            turn += 1

    assert accepted >= 2


@pytest.mark.parametrize("rounds", ROUNDS)
def test_one_of_sixteen_invites_an_address(crew: Crew, cast: Cast, rounds: int) -> None:
    key = make_key(cast.environment)
    role = {"role_id": str(cast.reader.pk), "node_id": str(cast.site.pk)}

    for turn in range(rounds):
        body = {"email": f"bob{turn}@example.org", **role}
        many = {"invites": [body]}
        calls = [
            (key, "post", "identity-invites/bulk-create", many)
            if caller % 4 == 0
            else (key, "post", "identity-invites", body)
            for caller in range(CALLERS)
        ]
        answers = Counter(status for status, _ in crew.run(send, *calls))

        # One row of many that is refused is told with 207.
        assert set(answers) <= {200, 201, 207, 409}
        assert answers[200] + answers[201] == 1
        assert Invitation.objects.count() == turn + 1
        assert Assignment.objects.count() == turn + 1
