"""Questions about the tree."""

from __future__ import annotations

from uuid import uuid4

import pytest

from common.errors import NotFound
from common.refs import Ref
from hierarchy.models import Node
from hierarchy.queries import (
    ancestors_of,
    children_of,
    get_node,
    get_root,
    resolve_nodes,
    subtree_of,
    whole_tree,
)
from tests.hierarchy.trees import Tree
from tests.rituals import statements_of

pytestmark = pytest.mark.django_db


def names(nodes) -> list[str]:
    """What nodes are called, the root as `root`."""
    return ["root" if node.parent_id is None else node.name for node in nodes]


def test_the_way_to_a_node_begins_with_the_root_and_ends_with_itself(tree: Tree) -> None:
    assert names(ancestors_of(tree.environment, tree.now("quay"))) == [
        "root",
        "north",
        "harbour",
        "quay",
    ]
    assert names(ancestors_of(tree.environment, tree.now("root"))) == ["root"]


def test_the_way_to_a_node_does_not_leave_its_environment(tree: Tree, others: Tree) -> None:
    assert names(ancestors_of(others.environment, others.now("theirs"))) == ["root", "theirs"]


def test_a_subtree_holds_the_node_and_everything_below(tree: Tree, others: Tree) -> None:
    tree.add("inn", "north")

    assert names(subtree_of(tree.environment, tree.now("north"))) == [
        "north",
        "harbour",
        "quay",
        "inn",
    ]
    assert names(subtree_of(tree.environment, tree.now("quay"))) == ["quay"]
    assert len(subtree_of(tree.environment, tree.now("root"))) == 7
    assert names(subtree_of(others.environment, others.now("root"))) == ["root", "theirs"]


def test_a_subtree_ends_where_the_next_sibling_begins(tree: Tree) -> None:
    # Enough of them that the last step of the path runs through digits and letters.
    for n in range(80):
        tree.add(f"inn {n}", "mill")

    first, ninth = tree.nodes["inn 0"], tree.nodes["inn 35"]
    tree.add("cellar", "inn 35")

    assert names(subtree_of(tree.environment, first)) == ["inn 0"]
    assert names(subtree_of(tree.environment, ninth)) == ["inn 35", "cellar"]
    assert names(children_of(tree.environment, tree.nodes["mill"])) == [
        f"inn {n}" for n in range(80)
    ]


def test_children_come_in_the_order_in_which_they_came(tree: Tree) -> None:
    tree.move("harbour", "root")

    rows = list(children_of(tree.environment, tree.nodes["root"]))

    assert names(rows) == ["north", "south", "harbour"]
    assert [row.live_child_count for row in rows] == [0, 1, 1]
    assert names(children_of(tree.environment, tree.now("quay"))) == []


def test_the_whole_tree_puts_parents_before_children(tree: Tree, others: Tree) -> None:
    assert names(whole_tree(tree.environment)) == [
        "root", "north", "harbour", "quay", "south", "mill",
    ]  # fmt: skip
    assert names(whole_tree(others.environment)) == ["root", "theirs"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("QUAY", ["quay"]),
        ("ort", ["north"]),
        ("n-1", ["north"]),
        ("grain", ["mill"]),
        ("%", []),
        ("_", []),
        ("", ["root", "north", "harbour", "quay", "south", "mill"]),
    ],
)
def test_a_search_looks_at_name_slug_and_external_id(tree: Tree, text, found) -> None:
    tree.change("mill", slug="grain")

    assert names(whole_tree(tree.environment).search(text)) == found


def test_nodes_are_found_by_either_reference_in_one_statement(tree: Tree, others: Tree) -> None:
    others.change("theirs", external_id="n-2")
    known = [tree.ref("north"), Ref("ext", "n-1"), tree.ref("mill")]
    unknown = [Ref("ext", "n-2"), others.ref("theirs"), Ref.of(uuid4())]

    found = resolve_nodes(tree.environment, [*known, *unknown])

    assert {ref: node.name for ref, node in found.items()} == dict(
        zip(known, ["north", "north", "mill"], strict=True)
    )
    assert statements_of(lambda: resolve_nodes(tree.environment, known)) == 1
    assert statements_of(lambda: resolve_nodes(tree.environment, [])) == 0


def test_a_node_is_got_by_either_reference_and_never_from_elsewhere(
    tree: Tree, others: Tree
) -> None:
    assert get_node(tree.environment, Ref("ext", "n-1")).pk == tree.nodes["north"].pk
    assert tree.now("north").live_child_count == 1
    for ref in (others.ref("theirs"), Ref("ext", "no"), Ref.of(uuid4())):
        with pytest.raises(NotFound) as refused:
            get_node(tree.environment, ref)
        assert refused.value.code == "nodes.not_found"


def test_each_environment_has_its_own_root(tree: Tree, others: Tree) -> None:
    roots = [get_root(tree.environment), get_root(others.environment)]

    assert [root.live_child_count for root in roots] == [2, 1]
    assert len({root.path for root in roots}) == 2
    assert Node.objects.filter(parent=None).count() == 2
