"""Questions about the tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Q

from common.errors import NotFound
from common.lookups import among
from common.refs import Ref
from environments.models import Environment
from hierarchy.models import Node, NodeQuerySet


def node_not_found(ref: Ref) -> NotFound:
    """The refusal of a node that is not in the caller's reach.

    Args:
        ref: how the caller named it.

    Returns:
        `nodes.not_found`.
    """
    return NotFound("nodes.not_found", f"There is no node {ref}.")


def resolve_nodes(environment: Environment, refs: Iterable[Ref]) -> dict[Ref, Node]:
    """Live nodes by the references that callers gave; one statement.

    Args:
        environment: whose nodes.
        refs: any number of references; repeated ones do no harm.

    Returns:
        The nodes found; a reference without one is missing.
    """
    wanted = set(refs)
    ids = [UUID(ref.value) for ref in wanted if ref.kind == "id"]
    external_ids = [ref.value for ref in wanted if ref.kind == "ext"]
    named = Q()
    if ids:
        named |= among("pk", ids)
    if external_ids:
        named |= among("external_id", external_ids)
    if not named:
        return {}
    found: dict[Ref, Node] = {}
    for node in Node.objects.in_environment(environment).filter(named):
        found[Ref.of(node.pk)] = node
        if node.external_id is not None:
            found[Ref("ext", node.external_id)] = node
    return {ref: found[ref] for ref in wanted if ref in found}


def get_node(environment: Environment, ref: Ref) -> Node:
    """One live node with its number of children.

    Args:
        environment: whose node.
        ref: how the caller names it.

    Returns:
        The node.

    Raises:
        NotFound: `nodes.not_found`, also for a node of another environment.
    """
    found = _shown(environment).named(ref).first()
    if found is None:
        raise node_not_found(ref)
    return found


def get_root(environment: Environment) -> Node:
    """The environment's root, whoever asks.

    Args:
        environment: whose root.

    Returns:
        The node, with its number of children.
    """
    rows = Node.objects.filter(environment=environment, deleted_at=None).with_child_count()
    return rows.get(parent=None)


def find_top(environment: Environment) -> Node | None:
    """The topmost node that the caller sees: the root, or the node that its key is bound to.

    Args:
        environment: whose node.

    Returns:
        The node, with its number of children; None where a bound key's node was deleted.
    """
    rows = _shown(environment)
    bound_to = environment.bound_to
    return (
        rows.filter(parent=None).first() if bound_to is None else rows.filter(pk=bound_to).first()
    )


def children_of(environment: Environment, node: Node) -> NodeQuerySet:
    """The live children of a node, in tree order, each with its number of children.

    Args:
        environment: whose nodes.
        node: the parent.

    Returns:
        A queryset.
    """
    return _shown(environment).filter(parent=node).in_tree_order()


def ancestors_of(environment: Environment, node: Node) -> NodeQuerySet:
    """The nodes above a node, as far as the caller sees, topmost first, the node itself last.

    Args:
        environment: whose nodes.
        node: where to stand.

    Returns:
        A queryset of at most 33 rows.
    """
    step = Node.steplen
    paths = [node.path[:end] for end in range(step, len(node.path) + 1, step)]
    return _shown(environment).filter(path__in=paths).in_tree_order()


def subtree_of(environment: Environment, node: Node) -> NodeQuerySet:
    """A node and everything below it, in tree order.

    Args:
        environment: whose nodes.
        node: the top of the subtree.

    Returns:
        A queryset.
    """
    return _shown(environment).below_or_at(node).in_tree_order()


def whole_tree(environment: Environment) -> NodeQuerySet:
    """All live nodes of an environment, in tree order.

    Args:
        environment: whose tree.

    Returns:
        A queryset.
    """
    return _shown(environment).in_tree_order()


def _shown(environment: Environment) -> NodeQuerySet:
    return Node.objects.in_environment(environment).with_child_count()


@dataclass(frozen=True, slots=True)
class TreeProblem:
    """A node whose place in the index contradicts its parent pointer.

    Args:
        node_id: the node.
        environment_id: whose tree.
        problem: what is wrong, in a few words.
    """

    node_id: UUID
    environment_id: UUID
    problem: str


# One statement, so that it looks at one instant; `parent` is the truth that the index is held against.
_PROBLEMS = """
SELECT n.id, n.environment_id, problem
  FROM hierarchy_node n
  LEFT JOIN hierarchy_node p ON p.id = n.parent_id
  LEFT JOIN (SELECT parent_id, count(*) AS children FROM hierarchy_node GROUP BY parent_id) c
    ON c.parent_id = n.id
 CROSS JOIN LATERAL (VALUES
       (n.parent_id IS NOT NULL AND p.id IS NULL, 'its parent does not exist'),
       (p.environment_id <> n.environment_id, 'its parent is in another environment'),
       (p.path <> left(n.path, -%(step)s), 'its path does not continue its parent''s'),
       (p.depth + 1 <> n.depth, 'its depth does not follow its parent''s'),
       (n.depth * %(step)s <> length(n.path), 'its depth does not fit its path'),
       (n.numchild <> coalesce(c.children, 0), 'its number of children is wrong'),
       (n.parent_id IS NULL AND n.depth <> 1, 'it has no parent and is not a root'),
       (n.deleted_at IS NULL AND p.deleted_at IS NOT NULL, 'it lives below a deleted node')
     ) AS found (wrong, problem)
 WHERE found.wrong AND (%(environment)s::uuid IS NULL OR n.environment_id = %(environment)s::uuid)
 ORDER BY n.path, problem
"""


def find_problems(environment: Environment | None = None) -> list[TreeProblem]:
    """Where the tree's index and its parent pointers disagree; one statement.

    Args:
        environment: whose tree; all of them when None.

    Returns:
        The problems in tree order; none when all is well.
    """
    parameters = {"step": Node.steplen, "environment": environment and environment.pk}
    with connection.cursor() as cursor:
        cursor.execute(_PROBLEMS, parameters)
        return [TreeProblem(*row) for row in cursor.fetchall()]
