"""`/batches`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from assignments.batches import get_batch, undoable_until
from assignments.services.undo import Undo, plan_undo, undo_batch
from assignments.services.undoing.kinds import Step
from common.api.bulk import bulk_of, outcome_body
from common.api.endpoints import Endpoint
from common.api.fields import Instant
from common.api.serializers import WriteQuery
from common.errors import DomainError
from common.outcomes import Outcome
from common.reading import reading_only
from environments.api.base import EnvironmentViewSet
from environments.models import AuditEvent, Batch
from environments.scopes import Scope


class BatchRow(serializers.Serializer):
    """One act on many rows."""

    id = serializers.UUIDField()
    action = serializers.CharField()
    created_at = Instant()
    actor_label = serializers.CharField()
    undoable_until = Instant(allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField())


class UndoneRow(serializers.Serializer):
    """What was reverted."""

    id = serializers.UUIDField(allow_null=True, help_text="The row that this left.")
    action = serializers.CharField(help_text="What was done to revert it.")
    resource_type = serializers.CharField()
    resource_id = serializers.UUIDField(help_text="The row that the batch touched.")


UndoAnswer = bulk_of(UndoneRow, "Undo")


class BatchViewSet(EnvironmentViewSet):
    """Acts on many rows, and taking them back."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "retrieve": Endpoint(Scope.ASSIGNMENTS_VIEW, "Show a batch", answer=BatchRow),
        "undo": Endpoint(
            Scope.ASSIGNMENTS_MANAGE,
            "Revert what a batch did and nobody changed since",
            query=WriteQuery,
            answer=UndoAnswer,
            statuses=(207,),
            creates=True,
        ),
    }

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One batch."""
        batch = get_batch(self.environment, pk)
        until = undoable_until(self.environment, batch)
        return Response(_batch_row(batch) | {"undoable_until": Instant().to_representation(until)})

    def undo(self, request: Request, pk: UUID) -> Response:
        """A batch reverted."""
        to: dict[str, Any] = {
            "actor": self.actor,
            "environment": self.environment,
            "batch_id": pk,
        }
        if self.params["dry_run"]:
            return Response({"dry_run": True, **_planned(to), "batch_id": None})
        done = undo_batch(**to)
        body = _body(done)
        return Response(
            {**body, "batch_id": done.batch_id}, status=207 if body["summary"]["failed"] else 200
        )


def _batch_row(batch: Batch) -> dict[str, Any]:
    return {
        "id": str(batch.pk),
        "action": batch.action,
        "created_at": Instant().to_representation(batch.created_at),
        "actor_label": batch.actor_label,
        "undoable_until": None,
        "counts": batch.counts,
    }


def _planned(to: dict[str, Any]) -> dict[str, Any]:
    try:
        with reading_only():
            return _body(plan_undo(**to))
    except DomainError as refusal:
        # What refuses the whole is told like a row, as in the plan of every act.
        refused: list[Outcome[Step]] = [Outcome(refusal=refusal)]
        return outcome_body([None], refused, _undone, 200)


def _body(undo: Undo) -> dict[str, Any]:
    return outcome_body([_event(event) for event in undo.events], undo.outcomes, _undone, 200)


def _event(event: AuditEvent) -> dict[str, Any]:
    return {
        "action": event.action,
        "resource_type": event.resource_type,
        "resource_id": event.resource_id and str(event.resource_id),
    }


def _undone(step: Step) -> dict[str, Any]:
    return _event(step.event) | {
        "id": step.row_id and str(step.row_id),
        "action": step.action,
    }
