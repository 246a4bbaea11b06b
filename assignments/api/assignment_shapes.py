"""The shapes of acts on many assignments, of their counts, and of a change that is planned."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assignments.api.serializers import assignment_row
from assignments.services.assign import MOST_ASSIGNMENTS
from assignments.services.change import Change
from common.api.fields import Flag, Id, Instant
from common.api.serializers import Message, Strict, WriteQuery

_instant = Instant().to_representation


class WholeQuery(WriteQuery):
    """What a write of many rows takes that is always done whole or not at all."""

    atomic = Flag(default=True, help_text="Always true: all rows or none.")

    def validate_atomic(self, value: bool) -> bool:
        """See `Serializer`."""
        if not value:
            raise serializers.ValidationError("cannot be false here: it is all rows or none")
        return value


class AssignmentIds(Strict):
    """Many assignments."""

    assignment_ids = serializers.ListField(
        child=Id(), allow_empty=False, max_length=MOST_ASSIGNMENTS
    )


class RoleOfMany(AssignmentIds):
    """Many assignments and the role that they shall give."""

    role_id = Id()


class RolesChanged(Message):
    """What was done, in a sentence, and by which batch."""

    batch_id = serializers.UUIDField(allow_null=True)


class AssignmentCounts(serializers.Serializer):
    """Assignments in a few numbers."""

    active_count = serializers.IntegerField()
    scheduled_count = serializers.IntegerField()
    expired_count = serializers.IntegerField()
    expiring_soon_count = serializers.IntegerField(help_text="Active, and ending within 7 days.")
    distinct_role_count = serializers.IntegerField()


def changed_row(change: Change) -> dict[str, Any]:
    """One assignment as a planned change would leave it.

    Args:
        change: what is planned.

    Returns:
        JSON-ready, in the shape of `AssignmentRow`; `updated_at` is null where it would be another.
    """
    row = assignment_row(change.row)
    if not change.changed:
        return row
    return {
        **row,
        "role_id": str(change.place.role_id),
        "effective_from": _instant(change.place.start),
        "effective_to": _instant(change.place.end),
        "state": change.place.state,
        "updated_at": None,
        "version": change.row.version + 1,
    }
