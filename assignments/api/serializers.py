"""The shapes of assignments, and what several shapes share."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from assignments.models import Assignment
from assignments.overlaps import Place
from assignments.services.assign import MOST_ASSIGNMENTS
from common.api.bulk import Rows, bulk_of
from common.api.fields import Choice, Flag, Id, IdentityRef, Instant, NodeRef
from common.api.pagination import page_of
from common.api.serializers import ListQuery, Strict, WriteQuery


class CascadeQuery(WriteQuery):
    """Whether live assignments are revoked with it."""

    cascade = Flag(default=False)


class KeyList(serializers.Serializer):
    """Keys of permissions, sorted."""

    items = serializers.ListField(child=serializers.CharField())


class AssignmentRow(serializers.Serializer):
    """An assignment as it is shown."""

    id = serializers.UUIDField()
    identity_id = serializers.UUIDField()
    node_id = serializers.UUIDField()
    application_node_id = serializers.UUIDField(source="node_id")
    role_id = serializers.UUIDField()
    effective_from = Instant(allow_null=True)
    effective_to = Instant(allow_null=True)
    state = serializers.ChoiceField(choices=Assignment.State.choices)
    created_at = Instant()
    updated_at = Instant()
    version = serializers.IntegerField()


_instant = Instant().to_representation


def assignment_row(row: Assignment) -> dict[str, Any]:
    """One assignment as `AssignmentRow` describes it; a plain function, for answers of ten thousand.

    Args:
        row: read `with_state`.

    Returns:
        JSON-ready.
    """
    node_id = str(row.node_id)
    return {
        "id": str(row.pk),
        "identity_id": str(row.identity_id),
        "node_id": node_id,
        "application_node_id": node_id,
        "role_id": str(row.role_id),
        "effective_from": _instant(row.effective_from),
        "effective_to": _instant(row.effective_to),
        "state": row.state,
        "created_at": _instant(row.created_at),
        "updated_at": _instant(row.updated_at),
        "version": row.version,
    }


def place_row(place: Place) -> dict[str, Any]:
    """One assignment that is planned, in the shape of one that is there.

    Args:
        place: who would hold what, where and when.

    Returns:
        JSON-ready; what only a written row has is null.
    """
    node_id = str(place.node_id)
    return {
        "id": None,
        "identity_id": str(place.identity_id),
        "node_id": node_id,
        "application_node_id": node_id,
        "role_id": str(place.role_id),
        "effective_from": _instant(place.start),
        "effective_to": _instant(place.end),
        "state": place.state,
        "created_at": None,
        "updated_at": None,
        "version": 1,
    }


class AssignmentCreate(Strict):
    """A role to give, where, and from when until when."""

    identity_id = IdentityRef()
    node_id = NodeRef()
    role_id = Id()
    effective_from = Instant(required=False, allow_null=True)
    effective_to = Instant(required=False, allow_null=True)


class AssignmentChange(Strict):
    """What of an assignment can be changed; null clears an end of the window."""

    role_id = Id(required=False)
    effective_from = Instant(required=False, allow_null=True)
    effective_to = Instant(required=False, allow_null=True)


class AssignmentBulk(Strict):
    """Many roles to give."""

    assignments = Rows(AssignmentCreate, most=MOST_ASSIGNMENTS)


AssignmentBulkAnswer = bulk_of(AssignmentRow, "AssignmentBulk")


class HolderIdentity(serializers.Serializer):
    """An identity as a list of assignments shows it."""

    id = serializers.UUIDField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()


class _HolderRole(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class _HolderAssignment(serializers.Serializer):
    id = serializers.UUIDField()
    source_node_id = serializers.UUIDField(source="node_id")
    source_node_name = serializers.CharField(source="node.name")
    access_type = serializers.ChoiceField(choices=["direct", "inherited"])
    effective_from = Instant(allow_null=True)
    effective_to = Instant(allow_null=True)
    status = serializers.ChoiceField(choices=Assignment.State.choices, source="state")
    created_at = Instant()


class HolderRow(serializers.Serializer):
    """Who holds what, where and when."""

    identity = HolderIdentity()
    role = _HolderRole()
    assignment = _HolderAssignment()


def holder_row(row: Assignment) -> dict[str, Any]:
    """One assignment with the names around it.

    Args:
        row: read with its state, its `access_type` and `with_names`.

    Returns:
        JSON-ready but for ids.
    """
    return {
        "identity": HolderIdentity(row.identity).data,
        "role": _HolderRole(row.role).data,
        "assignment": _HolderAssignment(row).data,
    }


HolderPage = page_of(HolderRow, "HolderPage")


class HolderQuery(ListQuery):
    """Which assignments, and in what order."""

    role_id = Id(required=False)
    status = Choice(choices=Assignment.State.choices, required=False)
    source_node_id = NodeRef(required=False)
    sort_by = Choice(choices=["name", "role", "access_type", "created_at"], default="created_at")


class NodeHolderQuery(HolderQuery):
    """Which assignments that reach a node."""

    access_type = Choice(choices=["direct", "inherited"], required=False)


class AssignmentQuery(HolderQuery):
    """Which assignments of the environment."""

    identity_id = IdentityRef(required=False)
    node_id = NodeRef(required=False, help_text="At exactly this node.")
    subtree = NodeRef(required=False, help_text="At this node or anywhere below it.")
