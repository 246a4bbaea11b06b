"""Undoing a batch: what was not changed since is reverted, the rest is reported; an undo is a batch too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction

from assignments.batches import events_left, events_of_batch, get_batch, whole
from assignments.locks import lock_roles_shared
from assignments.models import Assignment, Role
from assignments.services.undoing import assignments, identities, nodes, roles
from assignments.services.undoing.kinds import Kind, Step, Undoing, ids_of, refuse_unknown
from common.errors import Conflict
from common.lookups import among
from common.outcomes import Outcome, accepted
from common.refs import Ref
from environments.actors import Actor
from environments.models import AuditEvent, Batch, Environment
from environments.scopes import Scope
from environments.services.batches import open_batch
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree, lock_tree_shape
from identities.locks import lock_identities

# In the order in which they are planned and written: what others stand on comes back first, and goes last.
KINDS: Final[dict[str, Kind]] = {
    "node.deleted": nodes.DELETED,
    "role.deleted": roles.DELETED,
    "assignment.created": assignments.CREATED,
    "invite.created": identities.INVITED,
    "identity.created": identities.STATUS,
    "identity.removed": identities.STATUS,
    "identity.restored": identities.STATUS,
    "identity.activated": identities.STATUS,
    "identity.deactivated": identities.STATUS,
    "assignment.updated": assignments.UPDATED,
    "assignment.revoked": assignments.REVOKED,
    "node.created": nodes.CREATED,
    "node.restored": nodes.RESTORED,
    "role.restored": roles.RESTORED,
}


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoing a batch does, or would do.

    Args:
        events: what is left of the batch, in the order in which it was written.
        outcomes: what becomes of each event.
        batch_id: the undo's own batch; None for a plan, and where nothing was reverted.
    """

    events: Sequence[AuditEvent]
    outcomes: Sequence[Outcome[Step]]
    batch_id: UUID | None = None


@transaction.atomic
def undo_batch(*, actor: Actor, environment: Environment, batch_id: UUID) -> Undo:
    """Revert what a batch did and nobody changed since; the rest is reported.

    Args:
        actor: who undoes.
        environment: whose batch, and which node the caller is bound to.
        batch_id: which; it may be an undo itself.

    Returns:
        What became of each event.

    Raises:
        NotFound: `batches.not_found`.
        Conflict: `batches.too_old`, or `batches.nothing_left` when nothing that can be undone is left.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    batch = get_batch(environment, batch_id)
    events = events_of_batch(environment, batch)
    _lock(environment, batch, events)
    plan, undoing = _plan(actor, environment, batch_id, events)
    done = accepted(list(plan.outcomes))
    if not done:
        return plan
    undo = open_batch(
        actor=actor,
        environment=environment,
        action="batch.undone",
        counts={"succeeded": len(done), "failed": len(plan.events) - len(done)},
        undo_of=undoing.batch,
    )
    written: dict[UUID, Step] = {}
    for action, kind in KINDS.items():
        steps = [step for step in done if step.event.action == action]
        if steps:
            written |= {step.event.pk: step for step in kind.write(undoing, steps, undo)}
    outcomes = [
        outcome if outcome.value is None else Outcome(written[outcome.value.event.pk])
        for outcome in plan.outcomes
    ]
    return Undo(plan.events, outcomes, undo.pk)


def plan_undo(actor: Actor, environment: Environment, batch_id: UUID) -> Undo:
    """What undoing a batch would do, by reading only.

    Args:
        actor: who would undo it.
        environment: whose batch, and which node the caller is bound to.
        batch_id: which.

    Returns:
        What would become of each event.

    Raises:
        DomainError: why it cannot, as `undo_batch`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    batch = get_batch(environment, batch_id)
    plan, _ = _plan(actor, environment, batch_id, events_of_batch(environment, batch))
    return plan


def _plan(
    actor: Actor, environment: Environment, batch_id: UUID, every: Sequence[AuditEvent]
) -> tuple[Undo, Undoing]:
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    batch = get_batch(environment, batch_id)
    if not batch.is_recent:  # type: ignore[attr-defined]  # annotated
        raise Conflict("batches.too_old", "A batch is undone within 30 days.")
    # The caller sees this batch, so all of it lies within its bounds.
    undoing = Undoing(actor, whole(environment), batch)
    events = events_left(environment, batch, every)
    kinds = {event.action for event in events}
    if not kinds & KINDS.keys():
        raise Conflict("batches.nothing_left", "Nothing of this batch is left to undo.")
    scopes = frozenset(kind.scope for action, kind in KINDS.items() if action in kinds)
    require_power(actor, environment, Power(scopes, frozenset()))
    outcomes: dict[UUID, Outcome[Step]] = {}
    for action, kind in KINDS.items():
        own = [event for event in events if event.action == action]
        if own:
            outcomes |= dict(zip((event.pk for event in own), kind.plan(undoing, own), strict=True))
    unknown: Outcome[Step] = Outcome(refusal=refuse_unknown())
    return Undo(events, [outcomes.get(event.pk, unknown) for event in events]), undoing


def _lock(environment: Environment, batch: Batch, events: Sequence[AuditEvent]) -> None:
    """See to it that nothing the plan reads changes until it is written; each kind of lock in its turn."""
    if any(event.action in KINDS and KINDS[event.action].in_the_tree for event in events):
        lock_tree(environment.pk)
    else:
        lock_tree_shape(environment.pk)
    # Of two who undo the same batch the second finds nothing left.
    Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    by_type: dict[str, list[AuditEvent]] = {}
    for event in events:
        by_type.setdefault(event.resource_type, []).append(event)
    held = Assignment.objects.filter(
        among("pk", ids_of(by_type.get("assignment", []))), environment=environment
    )
    pairs = list(held.values_list("identity", "role"))
    people = {identity for identity, _ in pairs} | set(ids_of(by_type.get("identity", [])))
    lock_identities(environment, map(Ref.of, people))
    deleted = Role.objects.filter(
        among("pk", ids_of(by_type.get("role", []))), environment=environment
    )
    list(deleted.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    lock_roles_shared(environment, {role for _, role in pairs} | _former_roles(events))
    list(held.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def _former_roles(events: Sequence[AuditEvent]) -> set[UUID]:
    told = (event.metadata.get("before", {}) for event in events)
    return {UUID(before["role_id"]) for before in told if before.get("role_id")}
