"""The link of an invitation: computed from the server's secret each time it is needed, and kept nowhere."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils.crypto import constant_time_compare, salted_hmac

from common.errors import NotFound
from identities.models import Identity, Invitation

LIFETIME = timedelta(days=7)
_SALT = "trellis.invitation"
_NONCE_BYTES = 16
_ID_BYTES = 16
_MAC_BYTES = 32


def fresh_nonce() -> bytes:
    """What makes the next link of an invitation another one.

    Returns:
        Sixteen random bytes.
    """
    return secrets.token_bytes(_NONCE_BYTES)


def token_of(invitation: Invitation) -> str:
    """What the invitation's link ends in: its id, and a code that only this server can compute.

    Args:
        invitation: the invitation.

    Returns:
        64 URL-safe characters.
    """
    return urlsafe_b64encode(invitation.pk.bytes + _mac(invitation)).decode()


def link_of(invitation: Invitation) -> str:
    """The address at which the invited person accepts.

    Args:
        invitation: the invitation.

    Returns:
        An address under the configured base URL; what a request calls our host never matters.
    """
    return f"{settings.BASE_URL}/invitations/{token_of(invitation)}"


def open_link(token: str) -> Invitation:
    """The invitation that a link opens, as long as it can be accepted; one statement.

    Args:
        token: what the address ended in.

    Returns:
        The invitation with its identity, environment and account.

    Raises:
        NotFound: `invites.link_dead`, alike for a link that is unknown, used, revoked, replaced or
            expired.
    """
    invitation_id, mac = _read(token)
    row = (
        Invitation.objects.with_state()
        .select_related("identity", "environment__account")
        .filter(pk=invitation_id, identity__status=Identity.Status.INVITED)
        .filter(Q(state=Invitation.Status.PENDING))
        .first()
    )
    if row is None or not constant_time_compare(_mac(row), mac):
        raise _dead()
    return row


def _mac(invitation: Invitation) -> bytes:
    message = invitation.pk.bytes + bytes(invitation.nonce)
    return salted_hmac(_SALT, message, algorithm="sha256").digest()


def _read(token: str) -> tuple[UUID, bytes]:
    try:
        content = urlsafe_b64decode(token.encode("ascii"))
    except ValueError as error:
        raise _dead() from error
    # Other texts than ours may be read as the same bytes; only ours is taken.
    if len(content) != _ID_BYTES + _MAC_BYTES or urlsafe_b64encode(content).decode() != token:
        raise _dead()
    return UUID(bytes=content[:_ID_BYTES]), content[_ID_BYTES:]


def _dead() -> NotFound:
    return NotFound("invites.link_dead", "This link does not work any more.")
