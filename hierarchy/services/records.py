"""What every act on the tree leaves behind: its story, and that the shape has changed."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from environments.models import Environment
from hierarchy.models import Node


def told(node: Node) -> dict[str, Any]:
    """What the audit log keeps of a node.

    Args:
        node: the node.

    Returns:
        Its fields as the API names them.
    """
    return {
        "parent_node_id": node.parent_id,
        "name": node.name,
        "slug": node.slug,
        "node_type": node.node_type,
        "external_id": node.external_id,
        "description": node.description,
        "status": node.status,
        "metadata": node.metadata,
    }


def touch_tree(environment: Environment) -> None:
    """Count a change of the tree's shape, in the transaction that makes it.

    Args:
        environment: whose tree.
    """
    rows = Environment.objects.filter(pk=environment.pk)
    rows.update(tree_version=F("tree_version") + 1)
