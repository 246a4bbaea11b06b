"""Adding many nodes at once: paths are computed set-based, under the tree lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from common.constraints import breaking
from common.errors import DomainError, NotFound, RuleViolation
from common.inserts import insert_rows
from common.lookups import among
from common.refs import Ref
from environments.actors import Actor
from environments.models import Batch, Environment
from environments.scopes import Scope
from environments.services import audit
from environments.services.batches import open_batch
from hierarchy.locks import lock_tree
from hierarchy.models import DEEPEST, Node
from hierarchy.queries import get_root, resolve_nodes
from hierarchy.services.nodes import DEFAULT_NODE_TYPE, TAKEN, told
from hierarchy.slugs import Siblings, slug_of

MOST_NODES = 50_000

_ADD_TO_NUMCHILD = """
UPDATE hierarchy_node n SET numchild = n.numchild + added.children
  FROM unnest(%s::uuid[], %s::int[]) AS added (id, children)
 WHERE n.id = added.id
"""


@dataclass(frozen=True, slots=True)
class NewNode:
    """One node of many to add.

    Args:
        name: what people call it.
        ref: a name within this act, by which other rows may call it their parent.
        parent_ref: the `ref` of the row that shall be its parent.
        parent: the existing node that shall be its parent; the root where both are None.
        node_type: its kind.
        slug: unique among its siblings; made from the name when None.
        external_id: the caller's own id.
        description: what it is.
        metadata: whatever the caller wants to keep with it.
    """

    name: str
    ref: str | None = None
    parent_ref: str | None = None
    parent: Ref | None = None
    node_type: str = DEFAULT_NODE_TYPE
    slug: str | None = None
    external_id: str | None = None
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


class RowsRefused(RuleViolation):
    """Some rows cannot be, so that none is written.

    Args:
        refusals: by the row's index.
    """

    def __init__(self, refusals: Mapping[int, DomainError]) -> None:
        super().__init__(
            "nodes.rows_refused", f"{len(refusals)} rows are refused; none is written."
        )
        self.refusals = refusals


@transaction.atomic
def create_nodes(
    *, actor: Actor, environment: Environment, rows: Sequence[NewNode]
) -> tuple[Batch, list[Node]]:
    """Add up to 50,000 nodes, all or none; parents may come in any order.

    Args:
        actor: who adds them.
        environment: whose tree.
        rows: what to add.

    Returns:
        The batch, and the saved nodes in the order of the rows.

    Raises:
        RowsRefused: naming each row that cannot be, and why.
        Conflict: `nodes.slug_taken` or `nodes.external_id_taken`, with a node that is there already.
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    order = _parents_first(rows)
    lock_tree(environment.pk)
    nodes = _placed(environment, rows, order)
    batch = open_batch(
        actor=actor,
        environment=environment,
        action="node.bulk_created",
        counts={"succeeded": len(rows)},
    )
    with breaking(TAKEN):
        _insert(environment, [nodes[index] for index in order])
    audit.record_many(
        actor=actor,
        environment=environment,
        action="node.created",
        entries=[audit.Entry(node.pk, node.name, {"after": told(node)}, 1) for node in nodes],
        batch_id=batch.pk,
    )
    return batch, nodes


def _insert(environment: Environment, nodes: Sequence[Node]) -> None:
    names = ("id", "path", "depth", "numchild", "name", "slug", "node_type", "external_id")
    columns = {name: [getattr(node, name) for node in nodes] for name in names}
    insert_rows(
        Node,
        each={
            **columns,
            "parent": [node.parent_id for node in nodes],
            "description": [node.description for node in nodes],
            "metadata": [node.metadata for node in nodes],
        },
        all_alike={"environment": environment, "status": Node.Status.ACTIVE, "version": 1},
    )


def _parents_first(rows: Sequence[NewNode]) -> list[int]:
    """The rows' indexes so that each follows its parent."""
    refusals: dict[int, DomainError] = {}
    index_of: dict[str, int] = {}
    for index, row in enumerate(rows):
        if row.ref is not None and index_of.setdefault(row.ref, index) != index:
            refusals[index] = RuleViolation(
                "nodes.ref_repeated", f"The ref {row.ref} stands twice."
            )
    below: dict[int, list[int]] = {}
    order: list[int] = []
    for index, row in enumerate(rows):
        if row.parent_ref is None:
            order.append(index)
        elif row.parent_ref in index_of:
            below.setdefault(index_of[row.parent_ref], []).append(index)
        else:
            refusals[index] = NotFound(
                "nodes.parent_not_found", f"No row has the ref {row.parent_ref}."
            )
    for index in order:  # grows while it is read
        order.extend(below.get(index, ()))
    if len(order) + len(refusals) < len(rows):
        reached = {*order, *refusals}
        circle = RuleViolation("nodes.into_itself", "These parents go round in a circle.")
        refusals |= {index: circle for index in range(len(rows)) if index not in reached}
    if refusals:
        raise RowsRefused(refusals)
    return order


def _placed(environment: Environment, rows: Sequence[NewNode], order: Sequence[int]) -> list[Node]:
    """Unsaved nodes with their paths; existing parents have their children counted."""
    parents = _existing_parents(environment, rows)
    below = among("parent", [node.pk for node in parents.values()])
    last_path = dict(Node.objects.filter(below).values_list("parent").annotate(last=Max("path")))
    siblings: dict[Any, Siblings] = defaultdict(Siblings)
    taken = Node.objects.filter(below, deleted_at=None)
    for parent_id, slug in taken.values_list("parent", "slug"):
        siblings[parent_id].take(slug)
    index_of = {row.ref: index for index, row in enumerate(rows) if row.ref is not None}
    nodes: dict[int, Node] = {}
    added: dict[Any, int] = {}
    refusals: dict[int, DomainError] = {}
    for index in order:
        row = rows[index]
        above = nodes[index_of[row.parent_ref]] if row.parent_ref else parents.get(row.parent)
        if above is None:
            refusals[index] = NotFound("nodes.parent_not_found", f"There is no node {row.parent}.")
            above = next(iter(parents.values()))
        if above.depth > DEEPEST:
            refusals[index] = RuleViolation(
                "nodes.too_deep", f"A node stands at most {DEEPEST} levels below the root."
            )
        if row.slug is not None and not siblings[above.pk].take(row.slug):
            refusals[index] = TAKEN["node_slug_unique"]()
        node = Node(
            environment=environment,
            parent=above,
            depth=above.depth + 1,
            path=_next_path(above, last_path.get(above.pk)),
            name=row.name,
            slug=row.slug or siblings[above.pk].take_like(slug_of(row.name)),
            node_type=row.node_type,
            external_id=row.external_id,
            description=row.description,
            metadata=dict(row.metadata),
        )
        last_path[above.pk] = node.path
        above.numchild += 1
        if row.parent_ref is None:
            added[above.pk] = added.get(above.pk, 0) + 1
        nodes[index] = node
    refusals |= _external_ids_taken(environment, rows)
    if refusals:
        raise RowsRefused(refusals)
    with connection.cursor() as cursor:
        cursor.execute(_ADD_TO_NUMCHILD, [list(added), list(added.values())])
    return [nodes[index] for index in range(len(rows))]


def _existing_parents(environment: Environment, rows: Sequence[NewNode]) -> dict[Ref | None, Node]:
    refs: set[Ref] = {
        row.parent for row in rows if row.parent_ref is None and row.parent is not None
    }
    found = resolve_nodes(environment, refs)
    root = get_root(environment)
    # Two references to one node must share one object: its children are counted on it.
    by_id = {node.pk: node for node in [*found.values(), root]}
    return {None: by_id[root.pk], **{ref: by_id[node.pk] for ref, node in found.items()}}


def _next_path(parent: Node, last: str | None) -> str:
    step = Node._str2int(last[-Node.steplen :]) + 1 if last else 1
    return Node._get_path(parent.path, parent.depth + 1, step)


def _external_ids_taken(
    environment: Environment, rows: Sequence[NewNode]
) -> dict[int, DomainError]:
    given = [row.external_id for row in rows if row.external_id is not None]
    live = Node.objects.in_environment(environment).filter(among("external_id", given))
    taken = set(live.values_list("external_id", flat=True)) if given else set()
    refusals: dict[int, DomainError] = {}
    for index, row in enumerate(rows):
        if row.external_id is None:
            continue
        if row.external_id in taken:
            refusals[index] = TAKEN["node_external_id_unique"]()
        taken.add(row.external_id)
    return refusals
