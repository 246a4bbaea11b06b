"""Taking many nodes out of the tree at once, which is how their making is undone."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from common.lookups import among
from environments.actors import Actor
from environments.models import Environment
from environments.services import audit
from hierarchy.models import Node
from hierarchy.services.records import told, touch_tree

_BELOW = """
SELECT n.id, n.updated_at, t.id
  FROM hierarchy_node t
  JOIN hierarchy_node n ON n.path >= t.path AND n.path < t.path || 'z'
 WHERE t.id = ANY(%s) AND n.environment_id = %s AND n.deleted_at IS NULL
"""


def live_below(environment: Environment, tops: Sequence[UUID]) -> list[tuple[Node, UUID]]:
    """The live nodes at and below some nodes; one statement.

    Args:
        environment: whose tree.
        tops: ids of nodes.

    Returns:
        Each node, read as far as its id and when it changed last, with the top that it stands below; once
        for each of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BELOW, [list(tops), environment.pk])
        rows = cursor.fetchall()
    return [(Node(id=pk, updated_at=updated_at), top_id) for pk, updated_at, top_id in rows]


def mark_nodes_deleted(
    *,
    actor: Actor,
    environment: Environment,
    node_ids: Sequence[UUID],
    written_down: Sequence[Node],
    batch_id: UUID,
) -> None:
    """Take nodes out of the tree, none of which leaves a live one below; the rows stay as history.

    Part of an undo, under the tree lock which that holds; three statements.

    Args:
        actor: who undoes.
        environment: whose tree.
        node_ids: all that go.
        written_down: those of them that get an audit event.
        batch_id: the undo; what it took away comes back by it.
    """
    Node.objects.filter(among("pk", node_ids)).update(
        deleted_at=Now(), deletion_id=batch_id, updated_at=Now(), version=F("version") + 1
    )
    touch_tree(environment)
    audit.record_many(
        actor=actor,
        environment=environment,
        action="node.deleted",
        entries=[
            audit.Entry(node.pk, node.name, {"before": told(node)}, node.version + 1)
            for node in written_down
        ],
        batch_id=batch_id,
    )
