"""The ways to read a whole tree: nested and streamed, flat by cursor, and as pairs of parents."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from assignments.services.removal import delete_node
from hierarchy.services.bulk import NewNode, create_nodes
from tests.hierarchy.trees import ME, Tree
from tests.rituals import V1, error_of, names_field, statements_of

pytestmark = pytest.mark.django_db
NODES = f"{V1}/nodes"


def streamed(api: Any, path: str) -> Any:
    """The whole of an answer that is sent while it is made."""
    answer = api.get(f"{V1}/{path}")
    assert answer.status_code == 200
    assert answer.streaming
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    return json.loads(b"".join(answer))


def read(api: Any, path: str) -> None:
    """Take in a whole answer."""
    list(api.get(f"{V1}/{path}"))


def nested(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The names of a tree, children inside their parents."""
    return {row["slug"]: nested(row["children"]) for row in rows}


def feed(api: Any, query: str) -> tuple[list[dict[str, Any]], int]:
    """All rows of a feed, and how many pages they came in."""
    rows: list[dict[str, Any]] = []
    cursor, pages = "", 0
    while True:
        page = api.get(f"{NODES}?{query}{cursor}").json()
        rows += page["items"]
        pages += 1
        if page["pagination"]["next_cursor"] is None:
            return rows, pages
        cursor = f"&cursor={page['pagination']['next_cursor']}"


def test_the_tree_nests_children_inside_their_parents(api, tree: Tree, others: Tree) -> None:
    tree.add("inn", "north")
    tree.move("harbour", "root")

    whole = streamed(api, "nodes")
    part = streamed(api, "nodes/ext:n-1/tree")

    assert set(whole) == {"tree"}
    assert nested(whole["tree"]) == {
        "root": {"north": {"inn": {}}, "south": {"mill": {}}, "harbour": {"quay": {}}}
    }
    assert nested(part["tree"]) == {"north": {"inn": {}}}
    north = api.get(f"{NODES}/ext:n-1").json()
    assert {**part["tree"][0], "children": 0} == {**north, "children": 0}
    assert streamed(api, "nodes?format=tree&limit=1")["tree"] == whole["tree"]


def test_a_tree_of_one_node_is_a_tree(api) -> None:
    whole = streamed(api, "nodes")

    assert nested(whole["tree"]) == {"root": {}}
    assert whole["tree"][0]["children"] == []


def test_the_stream_closes_what_it_opened_at_every_depth(api, tree: Tree) -> None:
    awkward = 'quote " \\ </script> \u2028'
    tree.add_chain("down", 31)
    tree.add("after")
    tree.add('quote " \\ </script> \u2028', "after")

    whole = streamed(api, "nodes")

    top = whole["tree"][0]["children"]
    assert [row["name"] for row in top] == ["north", "south", "down 1", "after"]
    assert top[3]["children"][0]["name"] == awkward
    here = top[2]
    for n in range(2, 32):
        [here] = here["children"]
        assert (here["name"], here["depth"]) == (f"down {n}", n)
    assert here["children"] == []


def test_the_pairs_of_parents_hold_every_node(api, tree: Tree, others: Tree) -> None:
    items = streamed(api, "nodes/parents")["items"]

    names = {str(node.pk): name for name, node in tree.nodes.items()} | {None: None}
    assert [(names[row["id"]], names[row["parent_node_id"]]) for row in items] == [
        ("root", None),
        ("north", "root"),
        ("harbour", "north"),
        ("quay", "harbour"),
        ("south", "root"),
        ("mill", "south"),
    ]


def test_the_flat_list_is_complete_in_tree_order_by_cursor(api, tree: Tree, others: Tree) -> None:
    whole, _ = feed(api, "format=flat")

    assert [row["slug"] for row in whole] == ["root", "north", "harbour", "quay", "south", "mill"]
    for limit, pages in ((1, 6), (2, 3), (4, 2), (5, 2), (6, 1), (200, 1)):
        assert feed(api, f"format=flat&limit={limit}") == (whole, pages)
    assert api.get(f"{NODES}/ext:n-1").json() == whole[1]
    assert not any("path" in row for row in whole)


def test_a_search_is_flat_and_pages_by_cursor_too(api, tree: Tree) -> None:
    for n in range(5):
        tree.add(f"inn {n}", "mill")

    rows, pages = feed(api, "q=INN&limit=2")

    assert [row["name"] for row in rows] == [f"inn {n}" for n in range(5)]
    assert pages == 3
    assert feed(api, "q=n-1")[0][0]["name"] == "north"
    assert feed(api, "q=%25") == ([], 1)


def test_a_feed_goes_on_after_a_node_that_was_deleted_meanwhile(api, tree: Tree) -> None:
    first = api.get(f"{NODES}?format=flat&limit=3").json()
    delete_node(actor=ME, environment=tree.environment, node=tree.ref("harbour"))
    cursor = first["pagination"]["next_cursor"]

    rest = api.get(f"{NODES}?format=flat&limit=200&cursor={cursor}").json()

    assert first["items"][-1]["slug"] == "harbour"
    assert [row["slug"] for row in rest["items"]] == ["south", "mill"]


def test_a_cursor_is_ours_and_belongs_to_its_query(
    api, tree: Tree, others: Tree, client_of
) -> None:
    cursor = api.get(f"{NODES}?format=flat&limit=1").json()["pagination"]["next_cursor"]
    found = api.get(f"{NODES}?q=n&limit=1").json()["pagination"]["next_cursor"]

    for query in (f"q=x&cursor={found}", f"format=flat&cursor={found}", f"q=n&cursor={cursor}"):
        error_of(api.get(f"{NODES}?{query}"), 400, "cursor_invalid")
    for bad in (cursor[:-1], "x", "AAAA", cursor.swapcase()):
        error_of(api.get(f"{NODES}?format=flat&cursor={bad}"), 400, "cursor_invalid")
    theirs = client_of(others.environment)
    error_of(theirs.get(f"{NODES}?format=flat&cursor={cursor}"), 400, "cursor_invalid")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("format=nested", "format"),
        ("format=flat&limit=0", "limit"),
        ("format=flat&limit=201", "limit"),
        ("format=flat&limit=x", "limit"),
        ("q=%00", "q"),
        ("q=" + "x" * 201, "q"),
        ("cursor=x", "cursor"),
        ("page=1", "page"),
        ("format=flat&format=tree", "format"),
    ],
)
def test_a_wrong_parameter_is_named(api, tree: Tree, query, field) -> None:
    assert names_field(api.get(f"{NODES}?{query}"), field)


@pytest.mark.parametrize("path", ["nodes/parents", "nodes/ext:n-1/tree", "nodes/ext:n-1/ancestors"])
def test_what_has_no_parameters_takes_none(api, tree: Tree, path) -> None:
    assert names_field(api.get(f"{V1}/{path}?limit=1"), "limit")


def test_reading_takes_as_many_statements_for_30_nodes_as_for_3(api, tree: Tree) -> None:
    api.get(f"{NODES}/ext:n-1")
    counts = []
    for total in (3, 30):
        rows = [
            NewNode(f"n {total} {n}", ref=str(n), parent=tree.ref("north"))
            if n % 3 == 0
            else NewNode(f"n {total} {n}", ref=str(n), parent_ref=str(n - 1))
            for n in range(total)
        ]
        create_nodes(actor=ME, environment=tree.environment, rows=rows)
        counts.append(
            {
                path: statements_of(partial(read, api, path))
                for path in (
                    "nodes",
                    "nodes?format=flat&limit=200",
                    "nodes?q=n&limit=200",
                    "nodes/parents",
                    "nodes/ext:n-1",
                    "nodes/ext:n-1/tree",
                    "nodes/ext:n-1/ancestors",
                    "nodes/ext:n-1/children?take=100",
                )
            }
        )

    assert counts[0] == counts[1]
    # The key; the node where one is named; a count where pages are; the rows.
    assert list(counts[0].values()) == [2, 2, 2, 2, 2, 3, 3, 4]
