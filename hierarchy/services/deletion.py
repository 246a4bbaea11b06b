"""The part of a deletion that concerns the tree; the act itself also looks after assignments."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from common.errors import RuleViolation, require_version
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.models import Node
from hierarchy.queries import get_node
from hierarchy.services.records import told, touch_tree


def plan_subtree_deletion(
    actor: Actor, environment: Environment, node: Ref, expected_version: int | None = None
) -> Node:
    """The top of a subtree that may be deleted, as far as the tree is concerned, by reading only.

    Args:
        actor: who would delete it.
        environment: whose tree.
        node: the top of what would go.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The top.

    Raises:
        NotFound: `nodes.not_found`.
        VersionConflict: if it changed since.
        RuleViolation: `nodes.root_cannot_go`.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    top = get_node(environment, node)
    require_version(top, expected_version)
    if top.parent_id is None:
        raise RuleViolation("nodes.root_cannot_go", "The root cannot be deleted.")
    # It goes from the node above, so that a key does not delete the one that it is bound to.
    require_power(actor, environment, Power(frozenset({Scope.HIERARCHY_MANAGE}), {top.parent_id}))
    return top


def mark_subtree_deleted(
    *, actor: Actor, environment: Environment, top: Node, batch_id: UUID
) -> int:
    """Take a subtree out of the tree; its rows stay as history, marked with what deleted them.

    Part of a deletion that also looks after assignments, under the tree lock which that holds.

    Args:
        actor: who deletes.
        environment: whose tree.
        top: the top of the subtree, as `plan_subtree_deletion` gave it under the lock.
        batch_id: the batch that this is part of; undo goes by it.

    Returns:
        How many nodes were deleted.
    """
    live = Node.objects.filter(environment=environment, deleted_at=None).below_or_at(top)
    count: int = live.update(
        deleted_at=Now(), deletion_id=batch_id, updated_at=Now(), version=F("version") + 1
    )
    touch_tree(environment)
    audit.record(
        actor=actor,
        environment=environment,
        action="node.deleted",
        resource=top,
        before=told(top),
        node_count=count,
        version=top.version + 1,
        batch_id=batch_id,
    )
    return count
