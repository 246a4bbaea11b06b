"""Adding many nodes at once: paths are computed set-based, planned by reading and written under the tree lock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from common.constraints import breaking
from common.errors import DomainError, NotFound, RuleViolation
from common.inserts import insert_rows
from common.lookups import among
from common.outcomes import Outcome, accepted, require_all
from common.refs import Ref
from environments.actors import Actor
from environments.models import Batch, Environment
from environments.scopes import Scope
from environments.services import audit
from environments.services.batches import open_batch
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree
from hierarchy.models import DEEPEST, Node
from hierarchy.queries import find_top, resolve_nodes
from hierarchy.schema import Schema, Spot, read_schema, refuse_spot
from hierarchy.services.placing import DEFAULT_NODE_TYPE, TAKEN, parent_not_found
from hierarchy.services.records import told, touch_tree
from hierarchy.slugs import Siblings, slug_of

MOST_NODES = 50_000
# Spares each node the making of two expressions for the database's defaults, a third of its cost.
_UNWRITTEN: Mapping[str, Any] = {"created_at": None, "updated_at": None}

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
        parent: the existing node that shall be its parent; where both are None, the topmost that the caller sees.
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
        NotAll: naming each row that cannot be, and why.
        Conflict: `nodes.slug_taken` or `nodes.external_id_taken`, with a node that is there already.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    lock_tree(environment.pk)
    plan = plan_create_nodes(actor, environment, rows)
    require_all(plan)
    nodes = accepted(plan)
    batch = open_batch(
        actor=actor,
        environment=environment,
        action="node.bulk_created",
        counts={"succeeded": len(nodes)},
    )
    with breaking(TAKEN):
        _insert(environment, sorted(nodes, key=lambda node: node.depth))
    _count_children(nodes)
    touch_tree(environment)
    audit.record_many(
        actor=actor,
        environment=environment,
        action="node.created",
        entries=[
            audit.Entry(node.pk, node.name, {"after": told(node)}, node.version) for node in nodes
        ],
        batch_id=batch.pk,
    )
    return batch, nodes


def plan_create_nodes(
    actor: Actor, environment: Environment, rows: Sequence[NewNode]
) -> list[Outcome[Node]]:
    """What would become of each row, by reading only; a fixed number of statements.

    A row below one that is refused is judged as if that one were there.

    Args:
        actor: who would add them.
        environment: whose tree.
        rows: what would be added.

    Returns:
        Each row's node, unsaved and with its place, or why it cannot be, in their order.

    Raises:
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    refusals: dict[int, DomainError] = {}
    order = _parents_first(rows, refusals)
    parents = _existing_parents(environment, rows)
    places = {node.pk for node in parents.values()}
    require_power(actor, environment, Power(frozenset({Scope.HIERARCHY_MANAGE}), places))
    nodes = _placed(environment, rows, order, parents, refusals)
    for node in nodes.values():
        node.live_child_count = node.numchild
    for index in _external_ids_taken(environment, rows):
        refusals.setdefault(index, TAKEN["node_external_id_unique"]())
    return [
        Outcome(refusal=refusals[index]) if index in refusals else Outcome(nodes[index])
        for index in range(len(rows))
    ]


def _insert(environment: Environment, nodes: Sequence[Node]) -> None:
    names = ("id", "path", "depth", "numchild", "name", "slug", "node_type", "external_id")
    columns = {name: [getattr(node, name) for node in nodes] for name in names}
    written = insert_rows(
        Node,
        each={
            **columns,
            "parent": [node.parent_id for node in nodes],
            "description": [node.description for node in nodes],
            "metadata": [node.metadata for node in nodes],
        },
        all_alike={"environment": environment, "status": Node.Status.ACTIVE, "version": 1},
        returning=("created_at", "updated_at"),
    )
    for node in nodes:
        # One statement, one instant.
        node.created_at, node.updated_at = written[0]


def _count_children(nodes: Sequence[Node]) -> None:
    """Count the new children on the parents that were there before."""
    new = {node.pk for node in nodes}
    added = Counter(node.parent_id for node in nodes if node.parent_id not in new)
    with connection.cursor() as cursor:
        cursor.execute(_ADD_TO_NUMCHILD, [list(added), list(added.values())])


def _parents_first(rows: Sequence[NewNode], refusals: dict[int, DomainError]) -> list[int]:
    """The rows' indexes so that each follows its parent; those in a circle have no place in it."""
    index_of: dict[str, int] = {}
    for index, row in enumerate(rows):
        if row.ref is not None and index_of.setdefault(row.ref, index) != index:
            refusals[index] = RuleViolation(
                "nodes.ref_repeated",
                f"The ref {row.ref} stands twice.",
                details=["ref: stands twice"],
            )
    below: dict[int, list[int]] = {}
    order: list[int] = []
    for index, row in enumerate(rows):
        if row.parent_ref is None:
            order.append(index)
        elif row.parent_ref in index_of:
            below.setdefault(index_of[row.parent_ref], []).append(index)
        else:
            order.append(index)
            refusals[index] = NotFound(
                "nodes.parent_not_found",
                f"No row has the ref {row.parent_ref}.",
                details=["parent_ref: is no row's ref"],
            )
    for index in order:  # grows while it is read
        order.extend(below.get(index, ()))
    if len(order) < len(rows):
        circle = RuleViolation(
            "nodes.into_itself",
            "These parents go round in a circle.",
            details=["parent_ref: goes round in a circle"],
        )
        reached = set(order)
        refusals |= {index: circle for index in range(len(rows)) if index not in reached}
    return order


def _existing_parents(environment: Environment, rows: Sequence[NewNode]) -> dict[Ref | None, Node]:
    """The nodes that are there already and shall have children, by the reference given; None by none."""
    hanging = [row.parent for row in rows if row.parent_ref is None]
    found: dict[Ref | None, Node] = {}
    # Two references to one node must share one object: its children are counted on it.
    by_id: dict[UUID, Node] = {}
    for ref, node in resolve_nodes(environment, {ref for ref in hanging if ref}).items():
        found[ref] = by_id.setdefault(node.pk, node)
    top = find_top(environment) if None in hanging else None
    if top is not None:
        found[None] = by_id.setdefault(top.pk, top)
    return found


def _placed(
    environment: Environment,
    rows: Sequence[NewNode],
    order: Sequence[int],
    parents: Mapping[Ref | None, Node],
    refusals: dict[int, DomainError],
) -> dict[int, Node]:
    """Unsaved nodes with their paths, by the row's index; what speaks against a row is added."""
    schema = read_schema(environment)
    existing = {node.pk for node in parents.values()}
    last_path, siblings = _children_of(existing)
    index_of: dict[str, int] = {}
    for index, row in enumerate(rows):
        if row.ref is not None:
            index_of.setdefault(row.ref, index)
    made_here = {Ref("ext", row.external_id) for row in rows if row.external_id is not None}
    nodes: dict[int, Node] = {}
    for index in order:
        row = rows[index]
        if row.parent_ref is not None:
            above = nodes.get(index_of.get(row.parent_ref, -1))
        else:
            above = parents.get(row.parent)
        if above is None:
            refusals.setdefault(index, _no_parent(row, made_here))
            # Stands in for the parent, so that what is below is judged too.
            above = Node(path="", depth=0, node_type=row.node_type)
        else:
            refusal = _refuse(schema, row, above)
            if refusal is not None:
                refusals.setdefault(index, refusal)
        if row.slug is not None and not siblings[above.pk].take(row.slug):
            refusals.setdefault(index, TAKEN["node_slug_unique"]())
        node = Node(
            environment=environment,
            parent=above,
            depth=above.depth + 1,
            # Too deep and refused already: a chain of 50,000 would else hold 5 GB of paths.
            path=_next_path(above, last_path.get(above.pk)) if above.depth <= DEEPEST else "",
            name=row.name,
            slug=row.slug or siblings[above.pk].take_like(slug_of(row.name)),
            node_type=row.node_type,
            external_id=row.external_id,
            description=row.description,
            metadata=dict(row.metadata),
            **_UNWRITTEN,
        )
        last_path[above.pk] = node.path
        above.numchild += 1
        nodes[index] = node
    return nodes


def _children_of(existing: Collection[UUID]) -> tuple[dict[UUID, str], dict[UUID, Siblings]]:
    """Where the children of existing nodes end, and the slugs that live ones have."""
    below = among("parent", existing)
    last_path = dict(Node.objects.filter(below).values_list("parent").annotate(last=Max("path")))
    siblings: dict[UUID, Siblings] = defaultdict(Siblings)
    taken = Node.objects.filter(below, deleted_at=None)
    for parent_id, slug in taken.values_list("parent", "slug"):
        siblings[parent_id].take(slug)
    return last_path, siblings


def _no_parent(row: NewNode, made_here: Collection[Ref]) -> NotFound:
    if row.parent is None:
        return NotFound(
            "nodes.parent_not_found",
            "There is no node to add to.",
            details=["parent_node_id: there is no node to add to"],
        )
    refusal = parent_not_found(row.parent)
    refusal.details = ["parent_node_id: does not exist"]
    if row.parent in made_here:
        refusal.details = [
            "parent_node_id: does not exist; a row of this call is named by parent_ref"
        ]
    return refusal


def _refuse(schema: Schema | None, row: NewNode, above: Node) -> DomainError | None:
    return refuse_spot(schema, Spot(row.node_type, above.node_type, above.depth), "node_type")


def _next_path(parent: Node, last: str | None) -> str:
    step = Node._str2int(last[-Node.steplen :]) + 1 if last else 1
    return Node._get_path(parent.path, parent.depth + 1, step)


def _external_ids_taken(environment: Environment, rows: Sequence[NewNode]) -> Iterator[int]:
    given = [row.external_id for row in rows if row.external_id is not None]
    if not given:
        return
    # Whoever can see them: an id is unique in the environment.
    live = Node.objects.filter(among("external_id", given), environment=environment)
    taken = set(live.filter(deleted_at=None).values_list("external_id", flat=True))
    for index, row in enumerate(rows):
        if row.external_id is None:
            continue
        if row.external_id in taken:
            yield index
        taken.add(row.external_id)
