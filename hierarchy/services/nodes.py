"""Acts on one node: create, change and move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from common.changes import differs
from common.constraints import breaking
from common.errors import RuleViolation, require_version
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree, lock_tree_shape
from hierarchy.models import Node
from hierarchy.queries import get_node, node_not_found
from hierarchy.schema import Spot, read_schema, refuse_depth, refuse_spot
from hierarchy.services.placing import (
    DEFAULT_NODE_TYPE,
    TAKEN,
    find_parent,
    free_slug_below,
    require_free_external_id,
    require_free_slug,
    require_none,
)
from hierarchy.services.records import told, touch_tree

_OWN_FIELDS = ("name", "slug", "external_id", "description", "status", "metadata")


@dataclass(frozen=True, slots=True)
class NodePlan:
    """What a change would make of a node.

    Args:
        row: the node as it would be, unsaved; its version is the one it would have.
        parent: where it would move; None where it stays.
        before: the fields that would change, as they are.
        after: the same as they would be; empty where nothing changes.
    """

    row: Node
    parent: Node | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@transaction.atomic
def create_node(
    *,
    actor: Actor,
    environment: Environment,
    parent: Ref,
    name: str,
    node_type: str = DEFAULT_NODE_TYPE,
    slug: str | None = None,
    external_id: str | None = None,
    description: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Node:
    """Add a node as the last child of another.

    Args:
        actor: who adds it.
        environment: whose tree.
        parent: under which node.
        name: what people call it.
        node_type: its kind, such as `site`.
        slug: unique among its siblings; made from the name when None.
        external_id: the caller's own id, unique in the environment.
        description: what it is.
        metadata: whatever the caller wants to keep with it.

    Returns:
        The saved node.

    Raises:
        NotFound: `nodes.parent_not_found`.
        RuleViolation: `nodes.too_deep`, `nodes.type_unknown` or `nodes.child_not_allowed`.
        Conflict: `nodes.slug_taken` or `nodes.external_id_taken`.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    lock_tree(environment.pk)
    node = plan_create_node(
        actor,
        environment,
        parent=parent,
        name=name,
        node_type=node_type,
        slug=slug,
        external_id=external_id,
        description=description,
        metadata=metadata,
    )
    with breaking(TAKEN):
        Node.objects.add_child(node.parent, instance=node)
    touch_tree(environment)
    audit.record(
        actor=actor,
        environment=environment,
        action="node.created",
        resource=node,
        after=told(node),
        version=node.version,
    )
    return get_node(environment, Ref.of(node.pk))


def plan_create_node(
    actor: Actor,
    environment: Environment,
    *,
    parent: Ref,
    name: str,
    node_type: str = DEFAULT_NODE_TYPE,
    slug: str | None = None,
    external_id: str | None = None,
    description: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Node:
    """What `create_node` would add, by reading only.

    Args:
        actor: who would add it.
        environment: whose tree.
        parent: as `create_node`, and so are the others.
        name: as there.
        node_type: as there.
        slug: as there.
        external_id: as there.
        description: as there.
        metadata: as there.

    Returns:
        The node, not saved.

    Raises:
        DomainError: as `create_node`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    above = find_parent(environment, parent)
    _require_place(actor, environment, above.pk)
    spot = Spot(node_type, above.node_type, above.depth)
    require_none(refuse_spot(read_schema(environment), spot, "node_type"))
    if slug is not None:
        require_free_slug(above.pk, slug)
    require_free_external_id(environment, external_id)
    node = Node(
        environment=environment,
        parent=above,
        depth=above.depth + 1,
        name=name,
        slug=slug or free_slug_below(above, name),
        node_type=node_type,
        external_id=external_id,
        description=description,
        metadata=dict(metadata or {}),
    )
    node.live_child_count = 0
    return node


@transaction.atomic
def update_node(
    *,
    actor: Actor,
    environment: Environment,
    node: Ref,
    changes: Mapping[str, Any],
    parent: Ref | None = None,
    expected_version: int | None = None,
) -> Node:
    """Change a node's own fields, its place, or both.

    Args:
        actor: who changes it.
        environment: whose tree.
        node: which node.
        changes: new values of name, slug, external_id, description, status and metadata.
        parent: under which node it shall stand; None leaves it where it is.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The node as it is now.

    Raises:
        NotFound: `nodes.not_found` or `nodes.parent_not_found`.
        VersionConflict: if it changed since.
        RuleViolation: `nodes.root_cannot_move`, `nodes.into_itself`, `nodes.too_deep`,
            `nodes.child_not_allowed` or `nodes.root_stays_active`.
        Conflict: `nodes.slug_taken` or `nodes.external_id_taken`.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    if parent is not None:
        lock_tree(environment.pk)
    else:
        # Making a node active again confers what is granted below it.
        lock_tree_shape(environment.pk)
    lock_node(environment, node)
    plan = plan_update_node(
        actor,
        environment,
        node=node,
        changes=changes,
        parent=parent,
        expected_version=expected_version,
    )
    row = plan.row
    if not plan.after:
        return row
    with breaking(TAKEN):
        if plan.parent is not None:
            # treebeard's index and the parent pointer move together; it asks the row where it stood.
            Node.objects.move(Node.objects.get(pk=row.pk), plan.parent, "last-child")
            touch_tree(environment)
        own = {name: getattr(row, name) for name in _OWN_FIELDS if name in plan.after}
        Node.objects.filter(pk=row.pk).update(
            **own, parent=row.parent_id, version=row.version, updated_at=Now()
        )
    audit.record(
        actor=actor,
        environment=environment,
        action="node.updated" if plan.parent is None else "node.moved",
        resource=row,
        before=plan.before,
        after=plan.after,
        version=row.version,
    )
    return get_node(environment, Ref.of(row.pk))


def plan_update_node(
    actor: Actor,
    environment: Environment,
    *,
    node: Ref,
    changes: Mapping[str, Any],
    parent: Ref | None = None,
    expected_version: int | None = None,
) -> NodePlan:
    """What `update_node` or `move_node` would change, by reading only.

    Args:
        actor: who would change it.
        environment: whose tree.
        node: as `update_node`, and so are the others.
        changes: as there.
        parent: as there.
        expected_version: as there.

    Returns:
        The change.

    Raises:
        DomainError: as `update_node`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    row = get_node(environment, node)
    require_version(row, expected_version)
    if row.parent_id is None and changes.get("status") == Node.Status.INACTIVE:
        raise RuleViolation(
            "nodes.root_stays_active", "The root cannot be inactive.", details=["status: is fixed"]
        )
    before = told(row)
    above = None if parent is None else _plan_move(actor, environment, row, parent)
    for name in changes:
        if differs(getattr(row, name), changes[name]):
            setattr(row, name, changes[name])
    after = told(row)
    differing = [name for name in after if differs(after[name], before[name])]
    if after["status"] == Node.Status.ACTIVE and "status" in differing:
        _require_place(actor, environment, row.pk)
    if "slug" in differing and row.parent_id is not None:
        # A name among siblings: whoever may not see those may not find out theirs by it.
        _require_place(actor, environment, row.parent_id)
    if "slug" in differing or above is not None:
        require_free_slug(row.parent_id, row.slug, but=row.pk)
    if "external_id" in differing:
        require_free_external_id(environment, row.external_id, but=row.pk)
    if differing:
        row.version += 1
    return NodePlan(
        row,
        above,
        {name: before[name] for name in differing},
        {name: after[name] for name in differing},
    )


@transaction.atomic
def move_node(
    *,
    actor: Actor,
    environment: Environment,
    node: Ref,
    parent: Ref,
    expected_version: int | None = None,
) -> Node:
    """Hang a node and everything below it under another node, as its last child.

    Args:
        actor: who moves it.
        environment: whose tree.
        node: the top of what moves.
        parent: where to.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The node as it is now.

    Raises:
        DomainError: as `update_node`.
    """
    return update_node(
        actor=actor,
        environment=environment,
        node=node,
        changes={},
        parent=parent,
        expected_version=expected_version,
    )


def lock_node(environment: Environment, ref: Ref) -> None:
    """See to it that a live node's row is not changed until the transaction ends.

    Args:
        environment: whose node.
        ref: how the caller names it.

    Raises:
        NotFound: `nodes.not_found`.
    """
    rows = Node.objects.in_environment(environment).named(ref)
    locked = rows.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True)
    if not list(locked):
        raise node_not_found(ref)


def _plan_move(actor: Actor, environment: Environment, row: Node, parent: Ref) -> Node | None:
    """Where a node would hang, None where it hangs there already; the row is told."""
    if row.parent_id is not None:
        _require_place(actor, environment, row.parent_id)
    above = find_parent(environment, parent)
    if above.pk == row.parent_id:
        return None
    if row.parent_id is None:
        raise RuleViolation("nodes.root_cannot_move", "The root cannot be moved.")
    _require_place(actor, environment, above.pk)
    if above.path.startswith(row.path):
        raise RuleViolation(
            "nodes.into_itself",
            "A node cannot be moved into its own subtree.",
            details=["parent_node_id: lies in the subtree that would move"],
        )
    branch = Node.objects.filter(path__gte=row.path, path__lt=f"{row.path}z").order_by()
    deepest = branch.aggregate(live=Max("depth", filter=Q(deleted_at=None)), any=Max("depth"))
    sinking = above.depth - row.depth
    spot = Spot(row.node_type, above.node_type, deepest["live"] + sinking)
    require_none(refuse_spot(read_schema(environment), spot, "parent_node_id"))
    # What was deleted goes along and has to find its place too.
    require_none(refuse_depth(deepest["any"] + sinking))
    row.parent = above
    row.depth = above.depth + 1
    return above


def _require_place(actor: Actor, environment: Environment, node_id: UUID) -> None:
    power = Power(frozenset({Scope.HIERARCHY_MANAGE}), {node_id})
    require_power(actor, environment, power)
