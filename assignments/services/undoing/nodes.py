"""Taking back that nodes were made, deleted, or brought back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from assignments.services.undoing.kinds import (
    Kind,
    Step,
    Undoing,
    held,
    ids_of,
    refuse_changed,
    refuse_held,
    unchanged,
)
from common.errors import DomainError
from common.lookups import among
from common.outcomes import Outcome, accepted
from environments.models import AuditEvent, Batch
from environments.scopes import Scope
from hierarchy.guard import Power, require_power
from hierarchy.models import Node
from hierarchy.services.restore import plan_restore, restore_nodes
from hierarchy.services.taking_back import live_below, mark_nodes_deleted

_SCOPES: Final = frozenset({Scope.HIERARCHY_MANAGE})


def _rows(undoing: Undoing, events: Sequence[AuditEvent]) -> dict[UUID, Node]:
    rows = Node.objects.filter(among("pk", ids_of(events)), environment=undoing.environment)
    return {row.pk: row for row in rows}


def _plan_deleted(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    """All of a deletion come back together, or none."""
    outcomes = unchanged(
        events,
        _rows(undoing, events),
        lambda event, row: Outcome(Step(event, "node.restored", row.pk, row)),
    )
    if not accepted(outcomes):
        return outcomes
    try:
        plan_restore(undoing.actor, undoing.environment, undoing.batch.pk)
    except DomainError as refusal:
        return [
            outcome if outcome.value is None else Outcome(refusal=refusal) for outcome in outcomes
        ]
    gone = Node.objects.filter(environment=undoing.environment, deletion_id=undoing.batch.pk)
    undoing.nodes |= set(gone.order_by().values_list("pk", flat=True))
    return outcomes


def _restore(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    restore_nodes(
        actor=undoing.actor,
        environment=undoing.environment,
        deletion_id=undoing.batch.pk,
        batch_id=batch.pk,
    )
    return steps


def _plan_created(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    outcomes = unchanged(
        events,
        _rows(undoing, events),
        lambda event, row: Outcome(Step(event, "node.deleted", row.pk, row)),
    )
    rows = {step.what.pk: step.what for step in accepted(outcomes)}
    _require_power(undoing, rows.values())
    below = Node.objects.filter(
        among("parent", rows), environment=undoing.environment, deleted_at=None
    )
    children: dict[UUID | None, list[UUID]] = defaultdict(list)
    for pk, parent_id in below.order_by().values_list("pk", "parent"):
        children[parent_id].append(pk)
    in_use = held(undoing, "node", rows)
    kept: set[UUID] = set()
    # From the deepest up: a node stays where anything below it stays.
    for row in sorted(rows.values(), key=lambda row: -row.depth):
        if row.pk in in_use or any(pk in kept or pk not in rows for pk in children[row.pk]):
            kept.add(row.pk)
    return [
        Outcome(refusal=refuse_held())
        if outcome.value is not None and outcome.value.what.pk in kept
        else outcome
        for outcome in outcomes
    ]


def _take_back(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    rows = [step.what for step in steps]
    _delete(undoing, [row.pk for row in rows], rows, batch)
    return steps


def _plan_restored(undoing: Undoing, events: Sequence[AuditEvent]) -> list[Outcome[Step]]:
    outcomes = unchanged(
        events,
        _rows(undoing, events),
        lambda event, row: Outcome(Step(event, "node.deleted", row.pk, row)),
    )
    tops = {step.what.pk: step for step in accepted(outcomes)}
    _require_power(undoing, [step.what for step in tops.values()])
    below: dict[UUID, list[Node]] = defaultdict(list)
    for node, top_id in live_below(undoing.environment, list(tops)):
        below[top_id].append(node)
    in_use = held(undoing, "node", {node.pk for nodes in below.values() for node in nodes})
    return [
        outcome if outcome.value is None else _judged(outcome.value, below, in_use)
        for outcome in outcomes
    ]


def _judged(step: Step, below: dict[UUID, list[Node]], in_use: set[UUID]) -> Outcome[Step]:
    """A subtree goes again as it came back: nothing in it changed, and nothing is held in it."""
    nodes = below[step.what.pk]
    if any(node.updated_at > step.event.created_at for node in nodes):
        return Outcome(refusal=refuse_changed())
    if any(node.pk in in_use for node in nodes):
        return Outcome(refusal=refuse_held())
    return Outcome(Step(step.event, step.action, step.row_id, (step.what, nodes)))


def _delete_again(undoing: Undoing, steps: Sequence[Step], batch: Batch) -> Sequence[Step]:
    ids = [node.pk for step in steps for node in step.what[1]]
    _delete(undoing, ids, [step.what[0] for step in steps], batch)
    return steps


def _require_power(undoing: Undoing, rows: Collection[Node]) -> None:
    # They go from the nodes above, so that a key does not take away the one that it is bound to; those
    # above that go as well are judged by what is above them.
    ids = {row.pk for row in rows}
    parents = {row.parent_id for row in rows if row.parent_id and row.parent_id not in ids}
    require_power(undoing.actor, undoing.environment, Power(_SCOPES, parents))


def _delete(
    undoing: Undoing, node_ids: Sequence[UUID], written_down: Sequence[Node], batch: Batch
) -> None:
    mark_nodes_deleted(
        actor=undoing.actor,
        environment=undoing.environment,
        node_ids=node_ids,
        written_down=written_down,
        batch_id=batch.pk,
    )


CREATED: Final = Kind(Scope.HIERARCHY_MANAGE, _plan_created, _take_back, in_the_tree=True)
DELETED: Final = Kind(Scope.HIERARCHY_MANAGE, _plan_deleted, _restore, in_the_tree=True)
RESTORED: Final = Kind(Scope.HIERARCHY_MANAGE, _plan_restored, _delete_again, in_the_tree=True)
