"""Acts on one node: create, change, move, and the part of a deletion that concerns the tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Now

from common.changes import differs
from common.constraints import breaking
from common.errors import Conflict, RuleViolation, require_version
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.locks import lock_tree, lock_tree_shape
from hierarchy.models import DEEPEST, Node
from hierarchy.queries import get_node, node_not_found, resolve_nodes
from hierarchy.slugs import LONGEST, Siblings, slug_of

DEFAULT_NODE_TYPE = "node"
TAKEN: Mapping[str, Callable[[], Conflict]] = {
    "node_slug_unique": partial(
        Conflict, "nodes.slug_taken", "A sibling already has this slug.", details=["slug: is taken"]
    ),
    "node_external_id_unique": partial(
        Conflict,
        "nodes.external_id_taken",
        "Another node already has this external_id.",
        details=["external_id: is taken"],
    ),
}


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
        RuleViolation: `nodes.too_deep`.
        Conflict: `nodes.slug_taken` or `nodes.external_id_taken`.
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    lock_tree(environment.pk)
    above = _parent(environment, parent)
    _require_depth(above.depth + 1)
    node = Node(
        environment=environment,
        parent=above,
        name=name,
        slug=slug or _free_slug_below(above, name),
        node_type=node_type,
        external_id=external_id,
        description=description,
        metadata=dict(metadata or {}),
    )
    with breaking(TAKEN):
        Node.objects.add_child(above, instance=node)
    audit.record(
        actor=actor, environment=environment, action="node.created", resource=node, after=told(node)
    )
    return get_node(environment, Ref.of(node.pk))


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
        RuleViolation: `nodes.root_cannot_move`, `nodes.into_itself`, `nodes.too_deep` or
            `nodes.root_stays_active`.
        Conflict: `nodes.slug_taken` or `nodes.external_id_taken`.
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    if parent is not None:
        lock_tree(environment.pk)
    else:
        # Making a node active again confers what is granted below it.
        lock_tree_shape(environment.pk)
    row = lock_node(environment, node)
    require_version(row, expected_version)
    if row.parent_id is None and changes.get("status") == Node.Status.INACTIVE:
        raise RuleViolation(
            "nodes.root_stays_active", "The root cannot be inactive.", details=["status: is fixed"]
        )
    before = told(row)
    with breaking(TAKEN):
        if parent is not None:
            _place(environment, row, parent)
        changed = [name for name in changes if differs(getattr(row, name), changes[name])]
        for name in changed:
            setattr(row, name, changes[name])
        after = told(row)
        if not changed and after == before:
            return row
        row.save(update_fields=[*changed, "parent"])
    _next_version(row.pk)
    differing = [name for name in after if differs(after[name], before[name])]
    audit.record(
        actor=actor,
        environment=environment,
        action="node.moved" if "parent_node_id" in differing else "node.updated",
        resource=row,
        before={name: before[name] for name in differing},
        after={name: after[name] for name in differing},
    )
    return get_node(environment, Ref.of(row.pk))


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


def refuse_root(node: Node) -> None:
    """Refuse to delete the one node that an environment cannot be without.

    Args:
        node: what shall go.

    Raises:
        RuleViolation: `nodes.root_cannot_go`.
    """
    if node.parent_id is None:
        raise RuleViolation("nodes.root_cannot_go", "The root cannot be deleted.")


def mark_subtree_deleted(
    *, actor: Actor, environment: Environment, top: Node, batch_id: UUID
) -> int:
    """Take a subtree out of the tree; its rows stay as history.

    Part of a deletion that also looks after assignments, under the tree lock which that holds.

    Args:
        actor: who deletes.
        environment: whose tree.
        top: the top of the subtree, read under the lock.
        batch_id: the batch that this is part of, for the audit log.

    Returns:
        How many nodes were deleted.

    Raises:
        RuleViolation: `nodes.root_cannot_go`.
    """
    refuse_root(top)
    live = Node.objects.in_environment(environment).below_or_at(top)
    count = live.update(deleted_at=Now(), updated_at=Now(), version=F("version") + 1)
    audit.record(
        actor=actor,
        environment=environment,
        action="node.deleted",
        resource=top,
        before=told(top),
        node_count=count,
        batch_id=batch_id,
    )
    return count


def lock_node(environment: Environment, ref: Ref) -> Node:
    """Read a live node for a change of its row.

    Args:
        environment: whose node.
        ref: how the caller names it.

    Returns:
        The node, locked until the transaction ends.

    Raises:
        NotFound: `nodes.not_found`.
    """
    found = resolve_nodes(environment, [ref]).get(ref)
    if found is None:
        raise node_not_found(ref)
    rows = Node.objects.in_environment(environment).with_child_count()
    node = rows.select_for_update(no_key=True, of=("self",)).filter(pk=found.pk).first()
    if node is None:
        raise node_not_found(ref)
    return node


def _parent(environment: Environment, ref: Ref) -> Node:
    found = resolve_nodes(environment, [ref]).get(ref)
    if found is None:
        refusal = node_not_found(ref)
        refusal.code = "nodes.parent_not_found"
        raise refusal
    return found


def _place(environment: Environment, row: Node, parent: Ref) -> None:
    """Move treebeard's index and the parent pointer together; the tree lock is held."""
    above = _parent(environment, parent)
    if above.pk == row.parent_id:
        return
    if row.parent_id is None:
        raise RuleViolation("nodes.root_cannot_move", "The root cannot be moved.")
    if above.path.startswith(row.path):
        raise RuleViolation(
            "nodes.into_itself",
            "A node cannot be moved into its own subtree.",
            details=["parent_node_id: lies in the subtree that would move"],
        )
    branch = Node.objects.filter(path__gte=row.path, path__lt=f"{row.path}z")
    deepest = branch.aggregate(deepest=Max("depth"))["deepest"]
    _require_depth(above.depth + 1 + deepest - row.depth)
    Node.objects.move(row, above, "last-child")
    row.parent = above


def _require_depth(depth: int) -> None:
    if depth > DEEPEST + 1:
        raise RuleViolation(
            "nodes.too_deep",
            f"A node stands at most {DEEPEST} levels below the root.",
            details=["parent_node_id: is too deep"],
        )


def _free_slug_below(parent: Node, name: str) -> str:
    wanted = slug_of(name)
    alike = Q(slug=wanted) | Q(slug__startswith=f"{wanted[: LONGEST - 10]}-")
    siblings = Node.objects.filter(alike, parent=parent, deleted_at=None)
    return Siblings(siblings.values_list("slug", flat=True)).take_like(wanted)


def _next_version(node_id: UUID) -> None:
    Node.objects.filter(pk=node_id).update(version=F("version") + 1, updated_at=Now())
