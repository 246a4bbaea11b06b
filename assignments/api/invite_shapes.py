"""The shapes of invitations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from assignments.api.identity_shapes import WithFirstRole
from assignments.invitations import InvitationCounts
from assignments.services.invite import MOST_INVITES
from assignments.services.invite_plan import NewInvite, PlannedInvite
from common.api.bulk import Rows, bulk_of
from common.api.fields import Choice, CleanText, Flag, Instant
from common.api.pagination import page_of
from common.api.serializers import ListQuery, Message, Strict
from environments.actors import Actor
from environments.models import Environment
from identities.api.serializers import Email
from identities.links import link_of
from identities.models import Identity, Invitation


class InviteRow(serializers.Serializer):
    """An invitation as it is shown."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    intent = serializers.ChoiceField(choices=Invitation.Intent.choices)
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    name = serializers.CharField()
    role_id = serializers.UUIDField(allow_null=True)
    node_id = serializers.UUIDField(allow_null=True)
    environment_id = serializers.UUIDField()
    environment_name = serializers.CharField()
    has_initial_assignment = serializers.BooleanField()
    status = serializers.ChoiceField(choices=Invitation.Status.choices)
    expires_at = Instant()
    invited_by = serializers.CharField()
    created_at = Instant()
    version = serializers.IntegerField()


class InviteMade(InviteRow):
    """A new invitation, with the link at which it is accepted."""

    accept_url = serializers.URLField(
        allow_null=True, help_text="Null, with `secret_available` false, when it is replayed."
    )


class InviteRenewed(Message):
    """What became of an invitation's link."""

    accept_url = serializers.URLField(allow_null=True)


class InviteSummary(serializers.Serializer):
    """How many invitations there are."""

    total_invites = serializers.IntegerField()
    pending_count = serializers.IntegerField()
    pending_with_role_count = serializers.IntegerField()
    accepted_count = serializers.IntegerField()
    expired_count = serializers.IntegerField()
    revoked_count = serializers.IntegerField()


InvitePage = page_of(InviteRow, "InvitePage")
InviteBulkAnswer = bulk_of(InviteMade, "InviteBulk")
_instant = Instant().to_representation


class InviteQuery(ListQuery):
    """Which invitations, and in what order."""

    status = Choice(choices=Invitation.Status.choices, required=False)
    sort_by = Choice(choices=["email", "name", "expires_at", "created_at"], default="created_at")


class InviteCreate(WithFirstRole):
    """Whom to invite, with a first role if they shall have one."""

    email = Email()
    first_name = CleanText(max_length=100, required=False, allow_blank=True)
    last_name = CleanText(max_length=100, required=False, allow_blank=True)
    intent = Choice(choices=Invitation.Intent.choices, required=False)
    client_id = CleanText(
        max_length=255,
        required=False,
        allow_blank=True,
        help_text="Ignored; older clients send it.",
    )
    send_email = Flag(default=True, help_text="Whether we send the link.")


class InviteBulk(Strict):
    """Many people to invite."""

    invites = Rows(InviteCreate, most=MOST_INVITES)


class InviteResend(Strict):
    """How a link is renewed."""

    send_email = Flag(default=True, help_text="Whether we send the link.")


def new_invite(data: Mapping[str, Any]) -> NewInvite:
    """What the domain takes of a validated `InviteCreate`.

    Args:
        data: the validated data.

    Returns:
        Whom to invite.
    """
    names = ("email", "first_name", "last_name", "intent", "first", "send_email")
    return NewInvite(**{name: data[name] for name in names if name in data})


def invite_row(row: Invitation, environment: Environment) -> dict[str, Any]:
    """One invitation as `InviteRow` describes it; a plain function, for answers of ten thousand.

    Args:
        row: as `invitations_of` gives it.
        environment: whose it is.

    Returns:
        JSON-ready.
    """
    return {
        "id": str(row.pk),
        "email": row.identity.email,
        "intent": row.intent,
        **_named(row.identity),
        "role_id": row.given_role_id and str(row.given_role_id),  # type: ignore[attr-defined]  # annotated
        "node_id": row.given_node_id and str(row.given_node_id),  # type: ignore[attr-defined]  # annotated
        "environment_id": str(environment.pk),
        "environment_name": environment.name,
        "has_initial_assignment": row.given_role_id is not None,  # type: ignore[attr-defined]  # annotated
        "status": row.state,
        "expires_at": _instant(row.expires_at),
        "invited_by": row.invited_by_label,
        "created_at": _instant(row.created_at),
        "version": row.version,
    }


def made_invite_row(row: Invitation, environment: Environment) -> dict[str, Any]:
    """One new invitation with its link.

    Args:
        row: as `invitations_of` gives it.
        environment: whose it is.

    Returns:
        JSON-ready.
    """
    return {**invite_row(row, environment), "accept_url": link_of(row)}


def planned_invite_row(
    planned: PlannedInvite, actor: Actor, environment: Environment
) -> dict[str, Any]:
    """One invitation that is planned, in the shape of one that is there.

    Args:
        planned: what would be made.
        actor: who would invite.
        environment: to where.

    Returns:
        JSON-ready; what only a written row has is null.
    """
    place = planned.place
    someone = Identity(
        email=planned.new.email, first_name=planned.first_name, last_name=planned.last_name
    )
    return {
        "id": None,
        "email": someone.email,
        "intent": planned.new.intent,
        **_named(someone),
        "role_id": place and str(place.role_id),
        "node_id": place and str(place.node_id),
        "environment_id": str(environment.pk),
        "environment_name": environment.name,
        "has_initial_assignment": place is not None,
        "status": Invitation.Status.PENDING,
        "expires_at": None,
        "invited_by": actor.label,
        "created_at": None,
        "version": 1,
        "accept_url": None,
    }


def summary_row(counts: InvitationCounts) -> dict[str, int]:
    """The counts as `InviteSummary` describes them.

    Args:
        counts: how many there are.

    Returns:
        JSON-ready.
    """
    return {
        "total_invites": counts.total,
        "pending_count": counts.pending,
        "pending_with_role_count": counts.pending_with_role,
        "accepted_count": counts.accepted,
        "expired_count": counts.expired,
        "revoked_count": counts.revoked,
    }


def _named(someone: Identity) -> dict[str, str]:
    return {
        "first_name": someone.first_name,
        "last_name": someone.last_name,
        "name": someone.name,
    }
