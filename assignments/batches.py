"""Questions about batches: who sees one, and what of it is left to undo."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import BooleanField, Count, DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now

from assignments.models import Assignment
from common.errors import NotFound
from environments.models import AuditEvent, Batch, Environment
from hierarchy.models import Node

UNDO_FOR: Final = timedelta(days=30)
# What the services under `undoing` know how to take back.
UNDOABLE: Final = frozenset(
    {
        "assignment.created",
        "assignment.revoked",
        "assignment.updated",
        "identity.activated",
        "identity.created",
        "identity.deactivated",
        "identity.removed",
        "identity.restored",
        "invite.created",
        "node.created",
        "node.deleted",
        "node.restored",
        "role.deleted",
        "role.restored",
    }
)


def get_batch(environment: Environment, batch_id: UUID) -> Batch:
    """One act on many rows.

    A caller bound to a node sees a batch when all that it touched are nodes of its subtree and
    assignments there, deleted and revoked ones among them.

    Args:
        environment: whose batch, and which node the caller is bound to.
        batch_id: its id.

    Returns:
        The batch with `undoable_until`, and `is_recent`: whether that is still to come.

    Raises:
        NotFound: `batches.not_found`.
    """
    rows = Batch.objects.filter(environment=environment, pk=batch_id).annotate(
        undoable_until=ExpressionWrapper(F("created_at") + UNDO_FOR, DateTimeField()),
        is_recent=ExpressionWrapper(Q(created_at__gt=Now() - UNDO_FOR), BooleanField()),
    )
    batch = rows.first()
    if batch is None or not _sees(environment, batch):
        raise NotFound("batches.not_found", "There is no such batch.")
    return batch


def events_of_batch(environment: Environment, batch: Batch) -> list[AuditEvent]:
    """What a batch did; one statement.

    Args:
        environment: whose batch.
        batch: the batch.

    Returns:
        Its events, in the order in which they were written; they never change.
    """
    return list(_events(environment, batch).order_by("created_at", "pk"))


def events_left(
    environment: Environment, batch: Batch, events: Iterable[AuditEvent]
) -> list[AuditEvent]:
    """What a batch did that no undo has taken back yet; one statement.

    Args:
        environment: whose batch.
        batch: the batch.
        events: all that it did.

    Returns:
        Those that are left, in their order.
    """
    undone, restored = _undone(environment, batch)
    return [
        event
        for event in events
        if event.resource_id not in undone
        # Nodes come back all together, and only the tops of what came back are written down.
        and not (restored and event.action == "node.deleted")
    ]


def undoable_until(environment: Environment, batch: Batch) -> datetime | None:
    """Until when a batch may be undone.

    Args:
        environment: whose batch.
        batch: as `get_batch` gives it.

    Returns:
        Thirty days after it; None when they are over or nothing is left to undo.
    """
    if not batch.is_recent:  # type: ignore[attr-defined]  # annotated
        return None
    events = _events(environment, batch).filter(action__in=UNDOABLE).defer("metadata")
    if not events_left(environment, batch, events):
        return None
    until: datetime = batch.undoable_until  # type: ignore[attr-defined]  # annotated
    return until


def whole(environment: Environment) -> Environment:
    """The environment without the bounds of whoever asks, for what was checked against them.

    Args:
        environment: as the caller sees it.

    Returns:
        A copy that sees everything.
    """
    unbound = copy(environment)
    unbound.bound_to = None
    return unbound


def _events(environment: Environment, batch: Batch) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(environment=environment, batch_id=batch.pk)


def _undone(environment: Environment, batch: Batch) -> tuple[set[UUID | None], bool]:
    """The rows that undos of a batch have taken back, and whether nodes came back."""
    undos = Batch.objects.filter(environment=environment, undo_of=batch)
    rows = AuditEvent.objects.filter(environment=environment, batch_id__in=undos.values("pk"))
    undone: set[UUID | None] = set()
    restored = False
    for action, resource_id, former in rows.values_list(
        "action", "resource_id", "metadata__restored_from"
    ):
        undone.add(UUID(former) if former else resource_id)
        restored = restored or action == "node.restored"
    return undone, restored


def _sees(environment: Environment, batch: Batch) -> bool:
    if environment.bound_to is None:
        return True
    nodes = Node.objects.filter(environment=environment).below_or_at_id(environment.bound_to)
    places = nodes.order_by().values("pk")
    assignments = Assignment.objects.filter(environment=environment, node__in=places)
    own = Q(resource_type="node", resource_id__in=places) | Q(
        resource_type="assignment", resource_id__in=assignments.values("pk")
    )
    counts = _events(environment, batch).aggregate(total=Count("pk"), own=Count("pk", filter=own))
    return 0 < counts["total"] == counts["own"]
