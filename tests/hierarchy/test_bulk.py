"""Adding many nodes at once makes the tree that adding them one by one makes."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from common.errors import Forbidden
from common.outcomes import NotAll
from common.refs import Ref
from environments.actors import Actor
from environments.models import ActorType, Batch, Environment
from environments.scopes import ALL_SCOPES, Scope
from hierarchy.models import DEEPEST, Node
from hierarchy.queries import find_problems, get_root
from hierarchy.services.bulk import NewNode, create_nodes, plan_create_nodes
from hierarchy.services.nodes import create_node
from tests.assignments.cast import snapshot
from tests.hierarchy.trees import ME, Tree
from tests.rituals import statements_of

pytestmark = pytest.mark.django_db

NAMES = ["Site", "Hall", "Room", "Desk", "***", "Über"]


def add(tree: Tree, *rows: NewNode) -> list[Node]:
    """Add rows to a tree."""
    return create_nodes(actor=ME, environment=tree.environment, rows=rows)[1]


def refusals(tree: Tree, *rows: NewNode) -> dict[int, str]:
    """Why rows are refused, by index; and see that nothing was written."""
    before = snapshot(tree.environment)

    planned = plan_create_nodes(ME, tree.environment, rows)
    with pytest.raises(NotAll) as refused:
        add(tree, *rows)

    assert snapshot(tree.environment) == before
    codes = [
        {index: row.refusal.code for index, row in enumerate(outcomes) if row.refusal}
        for outcomes in (planned, refused.value.outcomes)
    ]
    assert codes[0] == codes[1]
    return codes[0]


def random_rows(choose: random.Random, count: int) -> list[NewNode]:
    """Rows parents first; some of the first level name the root, the others no parent."""
    depth = [0] * count
    rows = []
    for n in range(count):
        above = choose.randrange(n) if n and choose.random() < 0.9 else None
        if above is not None and depth[above] >= DEEPEST - 1:
            above = None
        depth[n] = 1 if above is None else depth[above] + 1
        rows.append(
            NewNode(
                choose.choice(NAMES),
                ref=f"r{n}",
                parent_ref=None if above is None else f"r{above}",
                node_type=choose.choice(["node", "site"]),
                slug=f"slug-{n}" if choose.random() < 0.2 else None,
                external_id=f"ext-{n}" if choose.random() < 0.5 else None,
                description=choose.choice(["", "told"]),
                metadata={"n": n} if choose.random() < 0.5 else {},
            )
        )
    return rows


def add_one_by_one(environment: Environment, rows: list[NewNode]) -> None:
    """The same rows by the act on one node."""
    ids: dict[str | None, UUID] = {None: get_root(environment).pk}
    for row in rows:
        node = create_node(
            actor=ME,
            environment=environment,
            parent=Ref.of(ids[row.parent_ref]),
            name=row.name,
            node_type=row.node_type,
            slug=row.slug,
            external_id=row.external_id,
            description=row.description,
            metadata=row.metadata,
        )
        ids[row.ref] = node.pk


def rows_of(environment: Environment) -> list[tuple[object, ...]]:
    """Everything of an environment's nodes but ids and times, paths seen from the root."""
    root = get_root(environment)
    return [
        (
            node.path.removeprefix(root.path), node.depth, node.numchild, node.name, node.slug,
            node.node_type, node.external_id, node.description, node.metadata, node.status,
            node.version, node.parent.path.removeprefix(root.path),
        )
        for node in Node.objects.filter(environment=environment).exclude(pk=root.pk)
        .select_related("parent").order_by("path")
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_create_nodes_makes_the_tree_that_one_by_one_makes(
    make_environment: Callable[[], Environment], seed: int
) -> None:
    rows = random_rows(random.Random(seed), 120)
    at_once, single = make_environment(), make_environment()

    create_nodes(actor=ME, environment=at_once, rows=rows)
    add_one_by_one(single, rows)

    assert rows_of(at_once) == rows_of(single)
    assert len(rows_of(at_once)) == 120
    assert find_problems() == []


def test_create_nodes_takes_parents_in_any_order(
    make_environment: Callable[[], Environment],
) -> None:
    rows = random_rows(random.Random(7), 200)
    shuffled = random.Random(8).sample(rows, len(rows))
    ordered, mixed = make_environment(), make_environment()

    create_nodes(actor=ME, environment=ordered, rows=rows)
    _, nodes = create_nodes(actor=ME, environment=mixed, rows=shuffled)

    assert [node.name for node in nodes] == [row.name for row in shuffled]
    assert sorted(
        (row.depth, row.name, row.external_id or "")
        for row in Node.objects.filter(environment=ordered, depth__gt=1)
    ) == sorted(
        (row.depth, row.name, row.external_id or "")
        for row in Node.objects.filter(environment=mixed, depth__gt=1)
    )
    parents = {row.ref: row.parent_ref for row in rows}
    by_ref = {row.ref: node for row, node in zip(shuffled, nodes, strict=True)}
    for ref, node in by_ref.items():
        above = parents[ref]
        expected = by_ref[above].pk if above else get_root(mixed).pk
        assert Node.objects.get(pk=node.pk).parent_id == expected
    assert find_problems() == []


def test_create_nodes_goes_on_where_the_existing_children_end(tree: Tree) -> None:
    tree.add("pier", "harbour")
    tree.change("pier", slug="Pier")
    tree.nodes["quay"].refresh_from_db()

    nodes = add(
        tree,
        NewNode("crane", ref="c", parent=tree.ref("harbour")),
        NewNode("cabin", parent_ref="c"),
        NewNode("north"),
        NewNode("north", parent=Ref("ext", "n-1")),
        NewNode("inn", parent=tree.ref("north")),
    )

    assert tree.shape() == [
        (0, "root"),
        (1, "north"),
        (2, "harbour"),
        (3, "quay"),
        (3, "pier"),
        (3, "crane"),
        (4, "cabin"),
        (2, "north"),
        (2, "inn"),
        (1, "south"),
        (2, "mill"),
        (1, "north"),
    ]
    assert [node.slug for node in nodes] == ["crane", "cabin", "north-2", "north", "inn"]
    assert tree.now("north").live_child_count == 3
    assert find_problems() == []
    tree.add("after", "north")
    assert find_problems() == []


def test_create_nodes_takes_as_many_statements_for_300_rows_as_for_3(tree: Tree) -> None:
    counts = []
    for total in (3, 300):
        rows = [
            NewNode(f"n {total} {n}", ref=str(n), parent_ref=str(n - 1) if n % 20 else None)
            for n in range(total)
        ]
        counts.append(statements_of(partial(add, tree, *rows)))

    # Lock, root, schema, last paths, slugs, batch, nodes, children counted, tree counted, events.
    assert counts == [10, 10]


def test_create_nodes_asks_for_existing_parents_and_ids_in_two_more_statements(
    tree: Tree,
) -> None:
    parents = [tree.ref("north"), tree.ref("mill"), Ref("ext", "n-1")]
    counts = []
    for total in (3, 30):
        rows = [
            NewNode(f"n {n}", parent=parents[n % 3], external_id=f"{total}-{n}")
            for n in range(total)
        ]
        counts.append(statements_of(partial(add, tree, *rows)))

    assert counts == [11, 11]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([NewNode("a", ref="r"), NewNode("b", ref="r")], {1: "nodes.ref_repeated"}),
        ([NewNode("a"), NewNode("b", parent_ref="x")], {1: "nodes.parent_not_found"}),
        ([NewNode("a", parent=Ref("ext", "no"))], {0: "nodes.parent_not_found"}),
        ([NewNode("a", ref="r", parent_ref="r")], {0: "nodes.into_itself"}),
        (
            [
                NewNode("a", ref="a", parent_ref="c"),
                NewNode("b", ref="b", parent_ref="a"),
                NewNode("c", ref="c", parent_ref="b"),
                NewNode("below", parent_ref="b"),
                NewNode("fine"),
            ],
            dict.fromkeys(range(4), "nodes.into_itself"),
        ),
        ([NewNode("a"), NewNode("North", slug="north")], {1: "nodes.slug_taken"}),
        ([NewNode("a", slug="s"), NewNode("b", slug="s")], {1: "nodes.slug_taken"}),
        ([NewNode("a", external_id="n-1")], {0: "nodes.external_id_taken"}),
        (
            [NewNode("a", external_id="e"), NewNode("b"), NewNode("c", external_id="e")],
            {2: "nodes.external_id_taken"},
        ),
        (
            [NewNode("a", parent=Ref("ext", "no")), NewNode("b", slug="north")],
            {0: "nodes.parent_not_found", 1: "nodes.slug_taken"},
        ),
    ],
)
def test_create_nodes_names_each_row_that_cannot_be_and_writes_none(
    tree: Tree, rows, expected
) -> None:
    assert refusals(tree, *rows) == expected


def test_create_nodes_refuses_a_parent_of_another_environment(tree: Tree, others: Tree) -> None:
    found = refusals(tree, NewNode("a"), NewNode("b", parent=others.ref("theirs")))

    assert found == {1: "nodes.parent_not_found"}
    assert find_problems() == []


def test_create_nodes_stops_at_the_deepest_level(tree: Tree) -> None:
    rows = [
        NewNode(f"l {n}", ref=str(n), parent_ref=str(n - 1) if n > 1 else None)
        for n in range(1, DEEPEST + 2)
    ]

    assert refusals(tree, *rows) == {DEEPEST: "nodes.too_deep"}
    assert len(add(tree, *rows[:-1])) == DEEPEST
    assert find_problems() == []


def test_create_nodes_needs_its_scope(tree: Tree) -> None:
    viewer = Actor(ActorType.API_KEY, None, "viewer", ALL_SCOPES - {Scope.HIERARCHY_MANAGE})

    with pytest.raises(Forbidden, match=r"hierarchy\.manage"):
        create_nodes(actor=viewer, environment=tree.environment, rows=[NewNode("a")])


def test_create_nodes_is_told_as_one_batch(tree: Tree) -> None:
    earlier = len(tree.told())

    batch, nodes = create_nodes(
        actor=ME,
        environment=tree.environment,
        rows=[NewNode("a", ref="a", external_id="e"), NewNode("b", parent_ref="a")],
    )

    saved = Batch.objects.get(pk=batch.pk)
    assert (saved.action, saved.counts) == ("node.bulk_created", {"succeeded": 2})
    events = tree.told()[earlier:]
    assert {event.resource_id for event in events} == {node.pk for node in nodes}
    assert {event.action for event in events} == {"node.created"}
    assert {event.batch_id for event in events} == {batch.pk}
    by_label = {event.resource_label: event.metadata["after"] for event in events}
    assert by_label["b"]["parent_node_id"] == str(nodes[0].pk)
    assert by_label["a"]["external_id"] == "e"


def test_an_endless_chain_is_refused_without_its_paths(tree: Tree) -> None:
    chain = [
        NewNode("0", ref="0"),
        *(NewNode(str(n), str(n), str(n - 1)) for n in range(1, 20_000)),
    ]
    tracemalloc.start()

    plan = plan_create_nodes(ME, tree.environment, chain)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sum(outcome.refusal is not None for outcome in plan) == len(chain) - DEEPEST
    assert peak < 300_000_000
