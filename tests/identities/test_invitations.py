"""The link of an invitation, and accepting by it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import uuid4

import pytest
import time_machine

from common.errors import NotFound
from identities import links
from identities.links import fresh_nonce, link_of, open_link, token_of
from identities.models import Identity, Invitation
from identities.services.invitations import accept_invitation
from tests.assignments.cast import Cast
from tests.identities.people import invite

pytestmark = pytest.mark.django_db


@pytest.fixture
def invitation(cast: Cast) -> Invitation:
    """Ada's, who is invited."""
    row = invite(cast.ada)
    row.refresh_from_db()
    return row


def is_dead(token: str) -> bool:
    """Whether a link is refused, in the one way."""
    with pytest.raises(NotFound) as refusal:
        open_link(token)
    return (refusal.value.code, refusal.value.message) == (
        "invites.link_dead",
        "This link does not work any more.",
    )


def test_a_token_is_64_url_safe_characters_that_carry_32_bytes_of_proof(
    invitation: Invitation,
) -> None:
    token = token_of(invitation)

    content = urlsafe_b64decode(token)
    assert len(token) == 64
    assert content[:16] == invitation.pk.bytes
    assert len(content[16:]) == 32
    assert token == token_of(Invitation.objects.get(pk=invitation.pk))
    assert open_link(token) == invitation


def test_no_column_holds_a_part_of_the_token(invitation: Invitation) -> None:
    proof = urlsafe_b64decode(token_of(invitation))[16:]

    row = Invitation.objects.values_list().get(pk=invitation.pk)

    for value in row:
        held = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        assert proof not in held
        assert token_of(invitation)[22:].encode() not in held


def test_each_of_secret_id_and_nonce_makes_another_token(invitation: Invitation, settings) -> None:
    token = token_of(invitation)
    nonce, row_id = invitation.nonce, invitation.pk

    invitation.nonce = fresh_nonce()
    by_nonce = token_of(invitation)
    invitation.nonce, invitation.pk = nonce, uuid4()
    by_id = token_of(invitation)
    invitation.pk = row_id
    settings.SECRET_KEY = "another"
    by_secret = token_of(invitation)

    assert len({text[22:] for text in (token, by_nonce, by_id, by_secret)}) == 4


def test_a_link_stands_under_the_configured_address(invitation: Invitation, settings) -> None:
    settings.BASE_URL = "https://access.example.org"

    assert link_of(invitation) == f"https://access.example.org/invitations/{token_of(invitation)}"


def test_a_token_that_differs_in_any_place_is_dead(invitation: Invitation) -> None:
    token = token_of(invitation)

    for position, letter in enumerate(token):
        other = "A" if letter != "A" else "B"
        assert is_dead(token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "",
        lambda token: token[:-1],
        lambda token: token + "=",
        lambda token: token + "AAAA",
        lambda token: token[:-4],
        lambda token: f" {token}",
        lambda token: f"{token}\n",
        lambda token: token[:10] + "!" + token[10:],
        lambda token: "é" * 64,
        lambda token: "\x00",
        lambda token: "A" * 100_000,
        lambda token: urlsafe_b64encode(uuid4().bytes + urlsafe_b64decode(token)[16:]).decode(),
    ],
)
def test_a_text_that_is_no_token_of_ours_is_dead(invitation: Invitation, change) -> None:
    assert is_dead(change(token_of(invitation)))


def test_the_proof_is_compared_in_constant_time(
    invitation: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return first == second

    monkeypatch.setattr(links, "constant_time_compare", compare)
    open_link(token_of(invitation))

    assert [len(part) for part in compared[0]] == [32, 32]


def test_a_link_ends_by_the_databases_clock_and_no_other(invitation: Invitation) -> None:
    token = token_of(invitation)

    with time_machine.travel("2100-01-01"):
        assert open_link(token) == invitation
    Invitation.objects.update(expires_at="2020-01-01T00:00:00Z")
    with time_machine.travel("2019-01-01"):
        assert is_dead(token)


@pytest.mark.parametrize("status", ["active", "inactive", "removed"])
def test_a_link_of_someone_who_is_not_invited_is_dead(
    cast: Cast, invitation: Invitation, status: str
) -> None:
    Identity.objects.filter(pk=cast.ada.pk).update(status=status)

    assert is_dead(token_of(invitation))


@pytest.mark.parametrize("status", ["accepted", "revoked", "expired"])
def test_a_link_of_an_invitation_that_has_ended_is_dead(
    invitation: Invitation, status: str
) -> None:
    Invitation.objects.update(status=status)

    assert is_dead(token_of(invitation))


def test_accept_invitation_makes_active_and_gives_the_place_one_came_to(
    cast: Cast, invitation: Invitation
) -> None:
    row = accept_invitation(
        token=token_of(invitation), first_name="Augusta", last_name="", correlation_id="r"
    )

    cast.ada.refresh_from_db()
    assert (cast.ada.status, cast.ada.name) == ("active", "Augusta")
    assert row.environment.account == cast.environment.account
    assert is_dead(token_of(invitation))
