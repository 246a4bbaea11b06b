"""What the undoing of every kind of event shares."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from assignments.models import Assignment
from common.errors import Conflict
from common.lookups import among
from common.outcomes import Outcome
from environments.actors import Actor
from environments.models import AuditEvent, Batch, Environment
from environments.scopes import Scope
from identities.models import Identity


@dataclass(slots=True)
class Undoing:
    """One undo in the making, with what its earlier kinds would bring back or end.

    Args:
        actor: who undoes.
        environment: where, without the bounds of the caller, which the batch was checked against.
        batch: what is undone.
        identities: the identities whose status it changes, as they would be.
        roles: ids of the deleted roles that would be back.
        nodes: ids of the deleted nodes that would be back.
        leaving: ids of the assignments that it revokes.
    """

    actor: Actor
    environment: Environment
    batch: Batch
    identities: dict[UUID, Identity] = field(default_factory=dict)
    roles: set[UUID] = field(default_factory=set)
    nodes: set[UUID] = field(default_factory=set)
    leaving: set[UUID] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Step:
    """One event that would be taken back.

    Args:
        event: the event.
        action: what the audit log calls what takes it back.
        row_id: the row that this leaves; None while it would be a new one.
        what: whatever its kind needs to write it.
    """

    event: AuditEvent
    action: str
    row_id: UUID | None
    what: Any = None


@dataclass(frozen=True, slots=True)
class Kind:
    """How events of one kind are taken back.

    Args:
        scope: the right that it takes.
        plan: what would become of each event, by reading only.
        write: takes back those that were accepted, under the locks; gives the steps as they became.
        in_the_tree: whether it changes the shape of the tree.
    """

    scope: Scope
    plan: Callable[[Undoing, Sequence[AuditEvent]], list[Outcome[Step]]]
    write: Callable[[Undoing, Sequence[Step], Batch], Sequence[Step]]
    in_the_tree: bool = False


def unchanged(
    events: Sequence[AuditEvent],
    rows: Mapping[UUID, Any],
    judge: Callable[[AuditEvent, Any], Outcome[Step]],
) -> list[Outcome[Step]]:
    """What becomes of each event, where its row is still as the event left it.

    Args:
        events: of one kind.
        rows: the rows as they are now, by their ids.
        judge: what becomes of an event with its row.

    Returns:
        One for each event; `batches.changed_since` where the row was changed, or is gone.
    """
    outcomes: list[Outcome[Step]] = []
    for event in events:
        row = rows.get(event.resource_id) if event.resource_id else None
        if row is None or row.version != event.metadata.get("version"):
            outcomes.append(Outcome(refusal=refuse_changed()))
        else:
            outcomes.append(judge(event, row))
    return outcomes


def held(undoing: Undoing, column: str, ids: Collection[UUID]) -> set[UUID]:
    """Identities, nodes or roles with a live assignment that this undo does not revoke; one statement.

    Args:
        undoing: the undo in the making.
        column: of an assignment: `identity`, `node` or `role`.
        ids: those in question.

    Returns:
        Those of them that are held.
    """
    live = Assignment.objects.filter(among(column, ids)).live().values_list("pk", column)
    return {row for pk, row in live if pk not in undoing.leaving}


def ids_of(events: Sequence[AuditEvent]) -> list[UUID]:
    """The rows that events are about.

    Args:
        events: any events.

    Returns:
        Their ids.
    """
    return [event.resource_id for event in events if event.resource_id is not None]


def refuse_changed() -> Conflict:
    """The refusal to take back what was changed later.

    Returns:
        `batches.changed_since`.
    """
    return Conflict("batches.changed_since", "It was changed since.")


def refuse_held() -> Conflict:
    """The refusal to take away what holds something that was made later.

    Returns:
        `batches.in_use`.
    """
    return Conflict("batches.in_use", "It holds something that was made since.")


def refuse_unknown() -> Conflict:
    """The refusal to take back what cannot be taken back.

    Returns:
        `batches.not_undoable`.
    """
    return Conflict("batches.not_undoable", "This cannot be undone.")
