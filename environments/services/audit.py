"""Writing the audit log: in the transaction of the change, or the change is not made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, models

from common.inserts import insert_rows
from environments.actors import Actor
from environments.models import AuditEvent, Environment

_LONGEST_LABEL = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to one row.

    Args:
        resource_id: the row.
        label: what people call it.
        metadata: `before`, `after` and whatever else tells the story; JSON-ready after `plain`.
        version: the row's after the change, by which undo sees whether it changed again.
    """

    resource_id: UUID | None
    label: str
    metadata: Mapping[str, Any]
    version: int | None = None


def plain(value: Any) -> Any:
    """A value as the audit log keeps it: ids and times as text.

    Args:
        value: what a model field or a service holds.

    Returns:
        The same in JSON's types.
    """
    match value:
        case Enum():
            return value.value
        case UUID():
            return str(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Mapping():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(inner) for inner in value]
        case _:
            return value


def record_many(
    *,
    actor: Actor,
    environment: Environment,
    action: str,
    entries: Iterable[Entry],
    batch_id: UUID | None = None,
) -> None:
    """Write one event a row, all in one statement.

    Args:
        actor: who did it.
        environment: where.
        action: dotted, its first word the kind of resource, such as `assignment.created`.
        entries: what happened to each row.
        batch_id: the act on many rows that they are part of, if it is one.
    """
    _must_be_in_transaction()
    rows = list(entries)
    if not rows:
        return
    insert_rows(
        AuditEvent,
        each={
            "id": [uuid4() for _ in rows],
            "resource_id": [entry.resource_id for entry in rows],
            "resource_label": [entry.label[:_LONGEST_LABEL] for entry in rows],
            "metadata": [_told(entry) for entry in rows],
        },
        all_alike={
            "environment": environment,
            "actor_type": actor.type,
            "actor_id": actor.id,
            "actor_label": actor.label,
            "action": action,
            "resource_type": action.partition(".")[0],
            "correlation_id": actor.correlation_id,
            "batch_id": batch_id,
            "outcome": AuditEvent.Outcome.SUCCESS,
        },
    )


def record(
    *,
    actor: Actor,
    environment: Environment,
    action: str,
    resource: models.Model,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    version: int | None = None,
    batch_id: UUID | None = None,
    **metadata: Any,
) -> None:
    """Write one event.

    Args:
        actor: who did it.
        environment: where.
        action: dotted, its first word the kind of resource.
        resource: the row it was done to.
        before: the changed fields as they were.
        after: the changed fields as they are.
        version: the row's after the change, by which undo sees whether it changed again.
        batch_id: the act on many rows that it is part of, if it is one.
        metadata: whatever else tells the story.
    """
    if before is not None:
        metadata["before"] = before
    if after is not None:
        metadata["after"] = after
    entry = Entry(resource.pk, str(resource), metadata, version)
    record_many(
        actor=actor, environment=environment, action=action, entries=[entry], batch_id=batch_id
    )


def _told(entry: Entry) -> dict[str, Any]:
    version = {} if entry.version is None else {"version": entry.version}
    told: dict[str, Any] = plain({**entry.metadata, **version})
    return told


def _must_be_in_transaction() -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("An audit event is written in the transaction of its change.")
