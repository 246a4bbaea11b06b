"""Questions about invitations, and about what was assigned with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from assignments.models import Assignment
from assignments.sight import identities_seen
from common.errors import NotFound
from common.lookups import among
from environments.models import Environment
from hierarchy.models import Node
from identities.models import Identity, Invitation, InvitationQuerySet


@dataclass(frozen=True, slots=True)
class InvitationCounts:
    """How many invitations there are.

    Args:
        total: all of them.
        pending: whose link works.
        pending_with_role: those of them that were made with a role.
        accepted: that were accepted.
        expired: whose time ended first.
        revoked: that were revoked.
    """

    total: int
    pending: int
    pending_with_role: int
    accepted: int
    expired: int
    revoked: int


def invitations_of(environment: Environment) -> InvitationQuerySet:
    """The invitations that the caller sees, each with its `state` and what was assigned with it.

    A caller bound to a node sees those of the identities it sees, without a role that was given
    elsewhere.

    Args:
        environment: whose invitations, and which node the caller is bound to.

    Returns:
        A queryset with the identity, and `given_role_id` and `given_node_id`, null without a role;
        without an order.
    """
    given = _given(environment).order_by("created_at", "pk")
    return (
        _seen(environment)
        .with_state()
        .select_related("identity")
        .annotate(
            given_role_id=Subquery(given.values("role")[:1]),
            given_node_id=Subquery(given.values("node")[:1]),
        )
    )


def get_invitation(environment: Environment, invitation_id: UUID) -> Invitation:
    """One invitation.

    Args:
        environment: whose invitation, and which node the caller is bound to.
        invitation_id: which.

    Returns:
        The invitation as `invitations_of` gives it.

    Raises:
        NotFound: `invites.not_found`.
    """
    row = invitations_of(environment).filter(pk=invitation_id).first()
    if row is None:
        raise NotFound("invites.not_found", f"There is no invitation {invitation_id}.")
    return row


def pending_by_identity(
    environment: Environment, identities: Iterable[Identity]
) -> dict[UUID, Invitation]:
    """The invitations of identities that are marked as pending, elapsed ones among them; one statement.

    Args:
        environment: whose.
        identities: any number of them.

    Returns:
        One invitation at most by an identity's id, as `invitations_of` gives it.
    """
    ids = [row.pk for row in identities]
    if not ids:
        return {}
    rows = invitations_of(environment).filter(status=Invitation.Status.PENDING)
    return {row.identity_id: row for row in rows.filter(among("identity", ids))}


def given_by_invitations(identities: Iterable[Identity]) -> dict[UUID, list[UUID]]:
    """The live assignments that identities have from invitations; one statement.

    Args:
        identities: any number of them.

    Returns:
        Ids of assignments by an identity's id.
    """
    ids = [row.pk for row in identities]
    given: dict[UUID, list[UUID]] = {}
    if not ids:
        return given
    live = Assignment.objects.filter(among("identity", ids), invitation__isnull=False).live()
    for identity_id, assignment_id in live.order_by("pk").values_list("identity", "pk"):
        given.setdefault(identity_id, []).append(assignment_id)
    return given


def count_invitations(environment: Environment) -> InvitationCounts:
    """How many invitations the caller sees; one statement.

    Args:
        environment: whose, and which node the caller is bound to.

    Returns:
        The counts.
    """

    def having(state: Invitation.Status) -> Count:
        return Count("pk", filter=Q(state=state))

    rows = _seen(environment).with_state().annotate(has_role=Exists(_given(environment)))
    pending = Q(state=Invitation.Status.PENDING)
    counts = rows.aggregate(
        total=Count("pk"),
        pending=having(Invitation.Status.PENDING),
        pending_with_role=Count("pk", filter=pending & Q(has_role=True)),
        accepted=having(Invitation.Status.ACCEPTED),
        expired=having(Invitation.Status.EXPIRED),
        revoked=having(Invitation.Status.REVOKED),
    )
    return InvitationCounts(**counts)


def _seen(environment: Environment) -> InvitationQuerySet:
    rows = Invitation.objects.in_environment(environment)
    if environment.bound_to is None:
        return rows
    return rows.filter(identity__in=identities_seen(environment).values("pk"))


def _given(environment: Environment) -> QuerySet[Assignment]:
    """What was assigned with the invitation of the outer query, as far as the caller sees it."""
    rows = Assignment.objects.filter(invitation=OuterRef("pk"))
    if environment.bound_to is None:
        return rows
    places = Node.objects.in_environment(environment).order_by().values("pk")
    return rows.filter(node__in=places)
