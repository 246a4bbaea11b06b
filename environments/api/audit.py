"""`/audit-events`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.endpoints import Endpoint
from common.api.fields import Choice, CleanText, Id, Instant
from common.api.pagination import feed_of, query_digest, read_cursor, sign_cursor
from common.api.serializers import FeedQuery
from environments.api.base import EnvironmentViewSet
from environments.models import ActorType, AuditEvent, AuditEventQuerySet
from environments.queries import events_of, get_event
from environments.scopes import Scope

# The column that each parameter narrows; `from` is included, `to` is not.
_FILTERS: Final = {
    "from": "created_at__gte",
    "to": "created_at__lt",
    "action": "action",
    "actor_id": "actor_id",
    "actor_type": "actor_type",
    "resource_type": "resource_type",
    "resource_id": "resource_id",
    "correlation_id": "correlation_id",
    "outcome": "outcome",
}


class AuditEventRow(serializers.Serializer):
    """An event of the audit log as it is shown."""

    id = serializers.UUIDField()
    environment_id = serializers.UUIDField()
    actor_id = serializers.UUIDField(allow_null=True)
    actor_type = serializers.ChoiceField(choices=ActorType.choices)
    actor_label = serializers.CharField()
    action = serializers.CharField()
    resource_type = serializers.CharField()
    resource_id = serializers.UUIDField(allow_null=True)
    resource_label = serializers.CharField()
    metadata = serializers.DictField()
    correlation_id = serializers.CharField()
    batch_id = serializers.UUIDField(allow_null=True)
    outcome = serializers.ChoiceField(choices=AuditEvent.Outcome.choices)
    created_at = Instant()


AuditEventFeed = feed_of(AuditEventRow, "AuditEventFeed")


class AuditEventQuery(FeedQuery):
    """Which events."""

    to = Instant(required=False, help_text="Before this instant.")
    action = CleanText(required=False, max_length=60)
    actor_id = Id(required=False)
    actor_type = Choice(choices=ActorType.choices, required=False)
    resource_type = CleanText(required=False, max_length=30)
    resource_id = Id(required=False)
    correlation_id = CleanText(required=False, max_length=128)
    outcome = Choice(choices=AuditEvent.Outcome.choices, required=False)
    q = CleanText(
        required=False,
        max_length=200,
        help_text="In who did it, what it was done to, or the action.",
    )

    def get_fields(self) -> dict[str, Any]:
        """See `Serializer`; `from` is no name that Python lets a class have."""
        since = Instant(required=False, help_text="From this instant on.")
        return {"from": since, **super().get_fields()}


class AuditEventViewSet(EnvironmentViewSet):
    """What was done in the environment, by whom, newest first."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(
            Scope.AUDIT_VIEW, "List audit events", query=AuditEventQuery, answer=AuditEventFeed
        ),
        "retrieve": Endpoint(Scope.AUDIT_VIEW, "Show an audit event", answer=AuditEventRow),
    }

    def list(self, request: Request) -> Response:
        """A page of events; one statement."""
        digest = query_digest(self.environment.pk, self.params)
        position = read_cursor(self.params.get("cursor"), digest)
        rows = self._narrowed(events_of(self.environment))
        if position is not None:
            created_at, event_id = position
            rows = rows.after(datetime.fromisoformat(created_at), UUID(event_id))
        limit = self.params["limit"]
        found = list(rows[: limit + 1])
        shown = found[:limit]
        following = None
        if len(found) > limit:
            last = shown[-1]
            following = sign_cursor([last.created_at.isoformat(), str(last.pk)], digest)
        return Response(
            {
                "items": AuditEventRow(shown, many=True).data,
                "pagination": {"next_cursor": following},
            }
        )

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One event."""
        return Response(AuditEventRow(get_event(self.environment, pk)).data)

    def _narrowed(self, rows: AuditEventQuerySet) -> AuditEventQuerySet:
        given = {
            column: self.params[name] for name, column in _FILTERS.items() if name in self.params
        }
        rows = rows.filter(**given)
        return rows.search(self.params["q"]) if "q" in self.params else rows
