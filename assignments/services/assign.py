"""Assigning roles: one or ten thousand, planned by reading and written under the locks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from uuid import UUID, uuid4

from django.db import transaction

from assignments.locks import lock_roles_shared
from assignments.models import Assignment, Role
from assignments.overlaps import Place, Windows, find_overlaps
from assignments.queries import assignments_by_id
from assignments.services.refusals import refuse_conflict, refuse_role, refuse_window
from assignments.services.revoke import told
from assignments.sight import resolve_identities_seen
from common.errors import Conflict, DomainError, NotFound
from common.inserts import insert_rows
from common.outcomes import Outcome, accepted, carried_on, require_all, require_value
from common.refs import Ref
from environments.actors import Actor
from environments.models import Batch, Environment
from environments.scopes import Scope
from environments.services import audit
from environments.services.batches import open_batch
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree_shape
from hierarchy.models import Node
from hierarchy.queries import resolve_nodes
from identities.locks import lock_identities
from identities.models import Identity

MOST_ASSIGNMENTS = 10_000


@dataclass(frozen=True, slots=True)
class NewAssignment:
    """A role to give.

    Args:
        identity: to whom.
        role_id: which role.
        node: where; it holds in the whole subtree.
        effective_from: from when; None from now on.
        effective_to: until when, exclusive; None for ever.
    """

    identity: Ref
    role_id: UUID
    node: Ref
    effective_from: datetime | None = None
    effective_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What new assignments name.

    Args:
        identities: by the reference that names them.
        nodes: by the reference that names them.
        roles: by their ids.
    """

    identities: Mapping[Ref, Identity]
    nodes: Mapping[Ref, Node]
    roles: Mapping[UUID, Role]


@transaction.atomic
def assign_role(*, actor: Actor, environment: Environment, new: NewAssignment) -> Assignment:
    """Give a role to an identity at a node; it is in effect there and below when this commits.

    Args:
        actor: who gives it.
        environment: where.
        new: what to give.

    Returns:
        The assignment with its state.

    Raises:
        RuleViolation: `assignments.window_empty` or `assignments.role_inactive`.
        NotFound: `assignments.identity_not_found`, `.node_not_found` or `.role_not_found`.
        Conflict: `assignments.conflict` with the live assignment that it would overlap, or
            `assignments.identity_inactive`.
        Forbidden: `scope_missing`.
    """
    lock_for_assigning(environment, [new])
    place = plan_assignment(actor, environment, new)
    [row] = write_assignments(actor=actor, environment=environment, places=[place])
    return row


@transaction.atomic
def assign_roles(
    rows: Sequence[NewAssignment],
    *,
    actor: Actor,
    environment: Environment,
    unreadable: int = 0,
    whole: bool = False,
) -> tuple[UUID | None, list[Outcome[Assignment]]]:
    """Give many roles; each row stands for itself, in a fixed number of statements.

    Args:
        rows: what to give.
        actor: who gives them.
        environment: where.
        unreadable: how many further rows the door refused; the batch counts them as failed.
        whole: whether all rows are refused when one is.

    Returns:
        The batch's id, none where no row succeeded, and what became of each row, in their order.

    Raises:
        NotAll: if all rows are refused because one is.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    lock_for_assigning(environment, rows)
    plan = plan_assignments(actor, environment, rows)
    if whole:
        require_all(plan)
    places = accepted(plan)
    if not places:
        return None, carried_on(plan, [])
    batch = open_batch(
        actor=actor,
        environment=environment,
        action="assignment.bulk_created",
        counts={"succeeded": len(places), "failed": len(plan) - len(places) + unreadable},
    )
    written = write_assignments(actor=actor, environment=environment, places=places, batch=batch)
    return batch.pk, carried_on(plan, map(Outcome, written))


def lock_for_assigning(environment: Environment, new: Sequence[NewAssignment]) -> None:
    """See to it that nothing the plan reads changes until it is written.

    Args:
        environment: where.
        new: what would be given.

    Raises:
        OperationalError: if a lock is not free in time; doors answer 503.
    """
    lock_tree_shape(environment.pk)
    lock_identities(environment, [item.identity for item in new])
    lock_roles_shared(environment, {item.role_id for item in new})


def plan_assignment(actor: Actor, environment: Environment, new: NewAssignment) -> Place:
    """What would become of one row, by reading only.

    Args:
        actor: who would give it.
        environment: where.
        new: what would be given.

    Returns:
        Where it would hold.

    Raises:
        DomainError: why it cannot, as `assign_role`.
    """
    [outcome] = plan_assignments(actor, environment, [new])
    return require_value(outcome)


def plan_assignments(
    actor: Actor,
    environment: Environment,
    new: Sequence[NewAssignment],
    *,
    newcomers: Mapping[Ref, Identity] | None = None,
    leaving: Collection[UUID] = (),
) -> list[Outcome[Place]]:
    """What would become of each row, by reading only; four statements, five for a bound key.

    Args:
        actor: who would give the roles.
        environment: where.
        new: what would be given.
        newcomers: identities that the same act makes first, which are not there to be read.
        leaving: ids of assignments that the same act revokes first, which stand in nobody's way.

    Returns:
        Where each row would hold, or why it cannot, in their order.

    Raises:
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    newcomers = newcomers or {}
    known = (item.identity for item in new if item.identity not in newcomers)
    found = Known(
        {**resolve_identities_seen(environment, known), **newcomers},
        resolve_nodes(environment, (item.node for item in new)),
        Role.objects.in_environment(environment).in_bulk({item.role_id for item in new}),
    )
    return plan_known(actor, environment, new, found, leaving=leaving)


def plan_known(
    actor: Actor,
    environment: Environment,
    new: Sequence[NewAssignment],
    known: Known,
    *,
    leaving: Collection[UUID] = (),
) -> list[Outcome[Place]]:
    """What would become of each row, when what the rows name was read already.

    Args:
        actor: who would give the roles.
        environment: where.
        new: what would be given.
        known: what the rows name, as it will be when they are written.
        leaving: ids of assignments that the same act revokes first.

    Returns:
        Where each row would hold, or why it cannot, in their order.

    Raises:
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    outcomes: list[Outcome[Place]] = []
    places: set[UUID] = set()
    for item in new:
        identity = known.identities.get(item.identity)
        node = known.nodes.get(item.node)
        role = known.roles.get(item.role_id)
        refusal = _refusal(item, identity, node, role)
        if refusal is None and identity and node and role:
            window = (item.effective_from, item.effective_to)
            outcomes.append(Outcome(Place(identity.pk, role.pk, node.pk, *window)))
            # A node that the same act brings back is judged by where it hangs, by that part of the act.
            if node.deleted_at is None:
                places.add(node.pk)
        else:
            outcomes.append(Outcome(refusal=refusal))
    require_power(actor, environment, Power(frozenset({Scope.ASSIGNMENTS_MANAGE}), places))
    return without_overlaps(environment, outcomes, leaving)


def without_overlaps(
    environment: Environment, outcomes: list[Outcome[Place]], leaving: Collection[UUID] = ()
) -> list[Outcome[Place]]:
    """Refuse the places that a live assignment, or an earlier one of them, stands in the way of.

    Args:
        environment: where.
        outcomes: what is planned, one for each row.
        leaving: ids of assignments that the same act revokes first.

    Returns:
        One for each row, with the state that it would have.
    """
    places = accepted(outcomes)
    if not places:
        return outcomes
    now, overlapped = find_overlaps(places, leaving=leaving)
    blocking = {row.pk: row for row in assignments_by_id(environment, list(overlapped.values()))}
    kept: dict[tuple[UUID, UUID, UUID], Windows] = defaultdict(Windows)
    result: list[Outcome[Place]] = []
    positions = count()
    for outcome in outcomes:
        place = outcome.value
        if place is None:
            result.append(outcome)
            continue
        position = next(positions)
        if position in overlapped:
            result.append(Outcome(refusal=refuse_conflict(blocking[overlapped[position]])))
        elif kept[place.identity_id, place.role_id, place.node_id].take(place, now):
            result.append(Outcome(place.at(now)))
        else:
            result.append(Outcome(refusal=refuse_conflict(None)))
    return result


def write_assignments(
    *,
    actor: Actor,
    environment: Environment,
    places: Sequence[Place],
    batch: Batch | None = None,
    invitations: Sequence[UUID | None] = (),
    restored_from: Sequence[UUID] = (),
) -> list[Assignment]:
    """Write planned assignments with their audit events, under the locks; three statements.

    Args:
        actor: who gives the roles.
        environment: where.
        places: what `plan_assignments` accepted.
        batch: what they are part of, if anything.
        invitations: ids of the invitations that they are made with, one for each place, None for none.
        restored_from: ids of the revoked assignments that they are made anew for, one for each place.

    Returns:
        The assignments with their state, in the order of the places.
    """
    if not places:
        return []
    ids = [uuid4() for _ in places]
    insert_rows(
        Assignment,
        each={
            "id": ids,
            "identity": [place.identity_id for place in places],
            "role": [place.role_id for place in places],
            "node": [place.node_id for place in places],
            "effective_from": [place.start for place in places],
            "effective_to": [place.end for place in places],
            **({"invitation": list(invitations)} if invitations else {}),
        },
        all_alike={
            "environment": environment,
            "batch": batch,
            "created_by_id": actor.id,
            "created_by_label": actor.label,
            "revoked_by_label": "",
            "version": 1,
        },
    )
    rows = assignments_by_id(environment, ids)
    stories = [{"restored_from": former} for former in restored_from] or [{}] * len(rows)
    audit.record_many(
        actor=actor,
        environment=environment,
        action="assignment.created",
        entries=[
            audit.Entry(row.pk, str(row), {"after": told(row), **story}, row.version)
            for row, story in zip(rows, stories, strict=True)
        ],
        batch_id=batch.pk if batch else None,
    )
    return rows


def _refusal(
    item: NewAssignment, identity: Identity | None, node: Node | None, role: Role | None
) -> DomainError | None:
    start, end = item.effective_from, item.effective_to
    if start is not None and end is not None and end <= start:
        return refuse_window()
    if identity is None:
        return NotFound(
            "assignments.identity_not_found",
            f"There is no identity {item.identity}.",
            details=["identity_id: does not exist"],
        )
    if identity.status == Identity.Status.INACTIVE:
        return Conflict(
            "assignments.identity_inactive",
            "An inactive identity is given no roles; activate it first.",
            details=["identity_id: is inactive"],
        )
    if node is None:
        return NotFound(
            "assignments.node_not_found",
            f"There is no node {item.node}.",
            details=["node_id: does not exist"],
        )
    return refuse_role(item.role_id, role)
