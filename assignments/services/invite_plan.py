"""What becomes of people who are invited, by the status of who has the address: read, and nothing written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from assignments.invitations import given_by_invitations, pending_by_identity
from assignments.overlaps import Place
from assignments.services.assign import plan_assignments
from assignments.services.people import FirstRole
from common.errors import Conflict, DomainError
from common.outcomes import Outcome
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from hierarchy.guard import Power, require_power
from identities.models import Identity, Invitation
from identities.queries import resolve_identities


@dataclass(frozen=True, slots=True)
class NewInvite:
    """Someone to invite.

    Args:
        email: the address, in lower case.
        first_name: may be empty; None keeps what is known.
        last_name: may be empty; None keeps what is known.
        intent: what the invitation is for, as older clients tell it.
        first: the role that is given with it; None for none.
        send_email: whether we send the link; the caller has it in any case.
    """

    email: str
    first_name: str | None = None
    last_name: str | None = None
    intent: str = Invitation.Intent.ACTIVATE
    first: FirstRole | None = None
    send_email: bool = True


@dataclass(frozen=True, slots=True)
class PlannedInvite:
    """What inviting someone would make.

    Args:
        new: who was to be invited.
        identity: who has the address; unsaved where nobody has it yet.
        joins: whether the identity would be made.
        first_name: what the identity would be called.
        last_name: likewise.
        replaces: the invitation that has expired and would be marked so.
        leaving: ids of assignments from earlier invitations, which would be revoked first.
        place: what would be held from now on; None without a first role.
    """

    new: NewInvite
    identity: Identity
    joins: bool
    first_name: str
    last_name: str
    replaces: UUID | None = None
    leaving: tuple[UUID, ...] = ()
    place: Place | None = None


def plan_invites(
    actor: Actor, environment: Environment, new: Sequence[NewInvite]
) -> list[Outcome[PlannedInvite]]:
    """What would become of each row, by reading only; seven statements at most.

    Of two rows with the same address the first that can be is the one that is.

    Args:
        actor: who would invite.
        environment: to where.
        new: whom.

    Returns:
        What would be made for each row, or why it cannot be, in their order.

    Raises:
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    require_power(actor, environment, Power(frozenset({Scope.IDENTITY_MANAGE}), None))
    if any(item.first for item in new):
        actor.require(Scope.ASSIGNMENTS_MANAGE)
    known = resolve_identities(environment, (Ref("email", item.email) for item in new))
    invited = [row for row in known.values() if row.status == Identity.Status.INVITED]
    pending = pending_by_identity(environment, invited)
    given = given_by_invitations(invited)
    joining: dict[str, Identity] = {}
    outcomes: list[Outcome[PlannedInvite]] = []
    for item in new:
        row = known.get(Ref("email", item.email))
        earlier = pending.get(row.pk) if row else None
        refusal = _refusal(row, earlier)
        if refusal is not None:
            outcomes.append(Outcome(refusal=refusal))
        elif row is None:
            someone = joining.setdefault(item.email, _unsaved(environment, item.email))
            names = (item.first_name or "", item.last_name or "")
            outcomes.append(Outcome(PlannedInvite(item, someone, True, *names)))
        else:
            outcomes.append(Outcome(_again(item, row, earlier, given.get(row.pk, ()))))
    placed = _with_places(actor, environment, outcomes, joining.values())
    return _first_of_each(new, placed)


def _refusal(row: Identity | None, earlier: Invitation | None) -> DomainError | None:
    """Why an address cannot be invited, by the status of who has it."""
    if row is None:
        return None
    if row.status == Identity.Status.ACTIVE:
        return Conflict(
            "invites.already_active",
            f"{row.email} is active already; there is nothing to accept.",
            details=["email: belongs to an active identity"],
        )
    if row.status == Identity.Status.INACTIVE:
        return Conflict(
            "invites.identity_inactive",
            f"{row.email} was deactivated; activate the identity instead.",
            details=["email: belongs to an inactive identity"],
        )
    if earlier is not None and earlier.state == Invitation.Status.PENDING:
        return refuse_pending(row.email, earlier)
    return None


def refuse_pending(email: str, invitation: Invitation | None = None) -> Conflict:
    """The refusal of an address that is invited already.

    Args:
        email: the address.
        invitation: the one that is pending; None where an earlier row, or another call, makes it.

    Returns:
        `invites.pending` with that invitation.
    """
    return Conflict(
        "invites.pending",
        f"An invitation of {email} is pending already.",
        details=["email: is invited already"],
        data=invitation,
    )


def _unsaved(environment: Environment, email: str) -> Identity:
    return Identity(
        id=uuid4(), environment=environment, email=email, status=Identity.Status.INVITED, version=1
    )


def _again(
    item: NewInvite, row: Identity, earlier: Invitation | None, given: Collection[UUID]
) -> PlannedInvite:
    """Someone whose former invitation has expired, or was revoked while another role kept them."""
    return PlannedInvite(
        new=item,
        identity=row,
        joins=False,
        first_name=row.first_name if item.first_name is None else item.first_name,
        last_name=row.last_name if item.last_name is None else item.last_name,
        replaces=earlier.pk if earlier else None,
        leaving=tuple(given),
    )


def _with_places(
    actor: Actor,
    environment: Environment,
    outcomes: Sequence[Outcome[PlannedInvite]],
    joining: Iterable[Identity],
) -> list[Outcome[PlannedInvite]]:
    """The same with what each would hold; a role that cannot be given refuses its row."""
    asked = {
        index: outcome.value.new.first.to(Ref.of(outcome.value.identity.pk))
        for index, outcome in enumerate(outcomes)
        if outcome.value and outcome.value.new.first
    }
    result = list(outcomes)
    if not asked:
        return result
    places = plan_assignments(
        actor,
        environment,
        list(asked.values()),
        newcomers={Ref.of(row.pk): row for row in joining},
        leaving={row_id for item in outcomes if item.value for row_id in item.value.leaving},
    )
    for index, place in zip(asked, places, strict=True):
        planned = outcomes[index].value
        if place.value is None or planned is None:
            result[index] = Outcome(refusal=place.refusal)
        else:
            result[index] = Outcome(replace(planned, place=place.value))
    return result


def _first_of_each(
    new: Sequence[NewInvite], outcomes: Sequence[Outcome[PlannedInvite]]
) -> list[Outcome[PlannedInvite]]:
    taken: set[str] = set()
    result: list[Outcome[PlannedInvite]] = []
    for item, outcome in zip(new, outcomes, strict=True):
        if item.email in taken:
            result.append(Outcome(refusal=refuse_pending(item.email)))
            continue
        if outcome.value is not None:
            taken.add(item.email)
        result.append(outcome)
    return result
