"""The shapes of nodes."""

from typing import Any
from uuid import UUID

from django.core.validators import RegexValidator
from rest_framework import serializers

from common.api.bulk import Rows
from common.api.fields import Choice, CleanText, ExternalId, Instant, Metadata, NodeRef
from common.api.pagination import list_of, page_of
from common.api.serializers import FeedQuery, ListQuery, Strict, WriteQuery
from hierarchy.models import Node
from hierarchy.services.bulk import MOST_NODES
from hierarchy.services.nodes import NodePlan

_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class NodeRow(serializers.Serializer):
    """A node as it is shown."""

    id = serializers.UUIDField()
    parent_node_id = serializers.UUIDField(allow_null=True)
    node_type = serializers.CharField()
    name = serializers.CharField()
    slug = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    description = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=Node.Status.choices)
    metadata = serializers.DictField()
    depth = serializers.IntegerField(help_text="The root is at 0.")
    child_count = serializers.IntegerField()
    created_at = Instant()
    updated_at = Instant()
    version = serializers.IntegerField()


_instant = Instant().to_representation


def node_row(node: Node, top: UUID | None) -> dict[str, Any]:
    """One node as `NodeRow` describes it; a plain function, for trees of a hundred thousand.

    Args:
        node: read `with_child_count`.
        top: the topmost node that the caller sees, if it does not see the root: what is above is not shown.

    Returns:
        JSON-ready.
    """
    return _row(
        node,
        str(node.pk),
        None if node.pk == top else node.parent_id,
        _instant(node.created_at),
        _instant(node.updated_at),
    )


def _row(
    node: Node,
    node_id: str | None,
    parent_id: UUID | None,
    created_at: str | None,
    updated_at: str | None,
) -> dict[str, Any]:
    return {
        "id": node_id,
        "parent_node_id": parent_id and str(parent_id),
        "node_type": node.node_type,
        "name": node.name,
        "slug": node.slug,
        "external_id": node.external_id,
        "description": node.description or None,
        "status": node.status,
        "metadata": node.metadata,
        "depth": node.depth - 1,
        "child_count": node.live_child_count,
        "created_at": created_at,
        "updated_at": updated_at,
        "version": node.version,
    }


def new_node_row(node: Node) -> dict[str, Any]:
    """One node that is planned, in the shape of one that is there.

    Args:
        node: as a plan gave it.

    Returns:
        JSON-ready; what only a written row has is null, and so is a parent that is itself planned.
    """
    above = node.parent
    parent_id = None if above is None or above._state.adding else above.pk
    return _row(node, None, parent_id, None, None)


def changed_node_row(change: NodePlan, top: UUID | None) -> dict[str, Any]:
    """One node as a planned change would make it.

    Args:
        change: the plan.
        top: as for `node_row`.

    Returns:
        JSON-ready; when it would be updated is null.
    """
    row = node_row(change.row, top)
    return {**row, "updated_at": None} if change.after else row


class BranchRow(NodeRow):
    """A node with its children, and theirs."""

    children = serializers.ListField(child=serializers.DictField())


class TreeAnswer(serializers.Serializer):
    """A tree, or a feed of nodes where `format=flat` or `q` asked for one."""

    tree = BranchRow(many=True, required=False)
    items = NodeRow(many=True, required=False)
    pagination = serializers.DictField(required=False)


class ParentRow(serializers.Serializer):
    """Where a node hangs."""

    id = serializers.UUIDField()
    parent_node_id = serializers.UUIDField(allow_null=True)


NodeList = list_of(NodeRow, "NodeList")
NodePage = page_of(NodeRow, "NodePage")
ParentList = list_of(ParentRow, "ParentList")


class TreeQuery(FeedQuery):
    """How the tree is read: nested, or flat in tree order."""

    format = Choice(choices=["tree", "flat"], default="tree")
    q = CleanText(required=False, max_length=200, help_text="Nodes that contain this; flat.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; a whole tree has no pages."""
        if "q" in attrs:
            attrs["format"] = "flat"
        if "cursor" in attrs and attrs["format"] == "tree":
            raise serializers.ValidationError({"cursor": "goes with format=flat only"})
        return attrs


class ChildrenQuery(ListQuery):
    """Which children."""

    sort_by = Choice(choices=["position", "name", "created_at"], default="position")


class _NodeFields(Strict):
    slug = CleanText(
        max_length=100,
        required=False,
        validators=[RegexValidator(_SLUG, "must be small letters, digits and single hyphens")],
    )
    external_id = ExternalId(required=False, allow_null=True)
    description = CleanText(
        max_length=2000, required=False, allow_blank=True, allow_null=True, multiline=True
    )
    metadata = Metadata(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; null clears a text or an object."""
        if "description" in attrs:
            attrs["description"] = attrs["description"] or ""
        if "metadata" in attrs:
            attrs["metadata"] = attrs["metadata"] or {}
        return attrs


class NodeCreate(_NodeFields):
    """What a new node needs."""

    parent_node_id = NodeRef()
    name = CleanText(max_length=200)
    node_type = CleanText(max_length=50, required=False)


class NodeChange(_NodeFields):
    """What of a node can be changed; another parent moves it."""

    name = CleanText(max_length=200, required=False)
    status = Choice(choices=Node.Status.choices, required=False)
    parent_node_id = NodeRef(required=False)


class NodeMove(Strict):
    """Where a node shall hang."""

    parent_node_id = NodeRef()


class NodeImport(NodeCreate):
    """One node of many; its parent is another row, an existing node, or the root."""

    ref = CleanText(max_length=128, required=False)
    parent_ref = CleanText(max_length=128, required=False)
    parent_node_id = NodeRef(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """See `Serializer`; one parent."""
        if "parent_ref" in attrs and "parent_node_id" in attrs:
            raise serializers.ValidationError({"parent_ref": "goes without parent_node_id"})
        return super().validate(attrs)


class NodeImports(Strict):
    """Many new nodes, all or none; parents may come in any order."""

    nodes = Rows(NodeImport, most=MOST_NODES)


class NodeImportQuery(WriteQuery):
    """How many nodes are added at once."""

    atomic = Choice(
        choices=["true"], default="true", help_text="All rows or none: nodes know no other way."
    )


class NodesAdded(serializers.Serializer):
    """The new nodes in the order in which they were sent."""

    items = NodeRow(many=True)
    batch_id = serializers.UUIDField()
