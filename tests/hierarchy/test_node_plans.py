"""What `dry_run=true` tells of a change of the tree is what the same call then does."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments.models import Environment
from tests.assignments.cast import Cast, make_cast, snapshot
from tests.hierarchy.trees import Tree
from tests.rituals import V1

pytestmark = pytest.mark.django_db
NODES = f"{V1}/nodes"
# What only a written row has.
UNWRITTEN = ("id", "created_at", "updated_at")


def plan_and_do(
    api: Any, tree: Tree, method: str, path: str, body: Any = None, **headers: str
) -> tuple[dict[str, Any], Any]:
    """The planned row and the answer of the act; a plan locks nothing and writes nothing."""
    send = getattr(api, method)
    joined = "&" if "?" in path else "?"
    before = snapshot(tree.environment)
    shape = Environment.objects.get(pk=tree.environment.pk).tree_version

    with CaptureQueriesContext(connection) as captured:
        planned = send(f"{V1}/{path}{joined}dry_run=true", body, format="json", **headers)

    statements = " ".join(query["sql"] for query in captured.captured_queries)
    assert "advisory" not in statements
    assert "FOR NO KEY" not in statements
    assert planned.status_code == 200, planned.content
    told = planned.json()
    assert (told["dry_run"], told["batch_id"]) == (True, None)
    assert snapshot(tree.environment) == before
    assert Environment.objects.get(pk=tree.environment.pk).tree_version == shape
    [row] = told["results"]
    return row, send(f"{V1}/{path}", body, format="json", **headers)


def assert_same(row: dict[str, Any], answer: Any, *, but: tuple[str, ...]) -> None:
    """The planned row is the one that was written, where only a written row has what is null."""
    assert (row["status"], row["code"]) == ("success", answer.status_code)
    assert {name: row["data"][name] for name in but} == dict.fromkeys(but)
    assert {**row["data"], **dict.fromkeys(but)} == {**answer.json(), **dict.fromkeys(but)}


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"name": "Quay"},
        {"slug": "pier", "external_id": "p", "node_type": "pier", "description": "old"},
        {"metadata": {"a": [1]}, "description": None},
    ],
)
def test_a_planned_node_is_the_node_that_is_made(api, tree: Tree, others) -> None:
    tree.add("Quay", "mill")
    body = {"parent_node_id": str(tree.nodes["mill"].pk), "name": "Quay 2", **others}

    row, answer = plan_and_do(api, tree, "post", "nodes", body)

    assert_same(row, answer, but=UNWRITTEN)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Nord", "slug": "nord", "external_id": None},
        {"status": "inactive", "metadata": {"zone": True}},
        {"parent_node_id": "mill", "name": "Nord"},
        {"parent_node_id": "south", "slug": "mill-2", "status": "inactive"},
    ],
)
def test_a_planned_change_is_the_change_that_is_made(api, tree: Tree, body) -> None:
    named = dict(body)
    if "parent_node_id" in body:
        named["parent_node_id"] = str(tree.nodes[body["parent_node_id"]].pk)

    row, answer = plan_and_do(api, tree, "patch", "nodes/ext:n-1", named, HTTP_IF_MATCH="1")

    assert_same(row, answer, but=("updated_at",))
    assert row["data"]["version"] == 2


def test_a_planned_change_of_nothing_is_the_row_as_it_is(api, tree: Tree) -> None:
    row, answer = plan_and_do(api, tree, "patch", "nodes/ext:n-1", {"name": "north"})

    assert row["data"] == answer.json()
    assert answer["ETag"] == '"1"'


def test_a_planned_move_is_the_move_that_is_made(api, tree: Tree) -> None:
    body = {"parent_node_id": str(tree.nodes["mill"].pk)}

    row, answer = plan_and_do(api, tree, "post", "nodes/ext:n-1/move", body)

    assert_same(row, answer, but=("updated_at",))
    assert (row["data"]["depth"], row["data"]["child_count"]) == (3, 1)


def test_a_planned_deletion_tells_what_goes(api, tree: Tree) -> None:
    cast: Cast = make_cast(tree.environment)
    cast.give()
    cast.give(cast.writer, cast.room)

    kept, refused = plan_and_do(api, tree, "delete", "nodes/ext:site-1")
    row, answer = plan_and_do(api, tree, "delete", "nodes/ext:site-1?cascade=true")

    assert kept["error"]["code"] == refused.json()["error"]["code"] == "nodes.in_use"
    assert (row["code"], answer.status_code) == (204, 204)
    assert row["data"] == {"node_count": 2, "revoked_assignments": 2}


def test_what_refuses_the_act_refuses_the_plan_in_the_same_words(api, tree: Tree) -> None:
    tree.add("mill", "north")
    root, north, quay = (str(tree.nodes[name].pk) for name in ("root", "north", "quay"))
    tree.add_chain("deep", 32)
    lowest = str(tree.nodes["deep 32"].pk)
    south = tree.nodes["south"].pk
    calls: list[tuple[str, str, Any]] = [
        ("post", "nodes", {"parent_node_id": root, "name": "x", "slug": "north"}),
        ("post", "nodes", {"parent_node_id": root, "name": "x", "external_id": "n-1"}),
        ("post", "nodes", {"parent_node_id": lowest, "name": "x"}),
        ("post", "nodes", {"parent_node_id": "ext:none", "name": "x"}),
        ("patch", f"nodes/{south}", {"slug": "north"}),
        ("patch", f"nodes/{south}", {"external_id": "n-1"}),
        ("patch", f"nodes/{root}", {"status": "inactive"}),
        ("patch", "nodes/ext:none", {"name": "x"}),
        ("post", f"nodes/{root}/move", {"parent_node_id": quay}),
        ("post", f"nodes/{north}/move", {"parent_node_id": quay}),
        ("post", f"nodes/{north}/move", {"parent_node_id": lowest}),
        ("post", f"nodes/{tree.nodes['mill'].pk}/move", {"parent_node_id": str(south)}),
        ("delete", f"nodes/{root}", None),
        ("delete", "nodes/ext:none", None),
    ]
    codes = set()
    for method, path, body in calls:
        row, answer = plan_and_do(api, tree, method, path, body)
        error = answer.json()["error"]
        assert row["status"] == "error", (method, path, body)
        assert row["code"] == answer.status_code
        assert row["error"] == {name: error[name] for name in row["error"]}
        codes.add(error["code"])

    assert codes == {
        "nodes.slug_taken", "nodes.external_id_taken", "nodes.too_deep", "nodes.parent_not_found",
        "nodes.root_stays_active", "nodes.not_found", "nodes.root_cannot_move", "nodes.into_itself",
        "nodes.root_cannot_go",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "nodes/ext:n-1", {"name": "x"}),
        ("post", "nodes/ext:n-1/move", {"parent_node_id": "south"}),
        ("delete", "nodes/ext:n-1", None),
    ],
)
def test_a_plan_heeds_the_version_that_was_read(api, tree: Tree, method, path, body) -> None:
    if body and "parent_node_id" in body:
        body = {"parent_node_id": str(tree.nodes["south"].pk)}

    row, answer = plan_and_do(api, tree, method, path, body, HTTP_IF_MATCH="7")

    assert row["error"]["code"] == answer.json()["error"]["code"] == "version_conflict"


def test_the_shape_counts_what_changes_it_and_nothing_else(api, tree: Tree) -> None:
    def shape() -> int:
        return Environment.objects.get(pk=tree.environment.pk).tree_version

    def after(method: str, path: str, body: Any = None) -> int:
        before = shape()
        answer = getattr(api, method)(f"{V1}/{path}", body, format="json")
        assert answer.status_code < 300, answer.content
        return shape() - before

    south = {"parent_node_id": str(tree.nodes["south"].pk)}
    assert after("post", "nodes", {"name": "new", **south}) == 1
    assert after("post", "nodes/bulk-create", {"nodes": [{"name": "a"}, {"name": "b"}]}) == 1
    assert after("patch", "nodes/ext:n-1", {"name": "Nord", "slug": "nord"}) == 0
    assert after("patch", "nodes/ext:n-1", {"status": "inactive"}) == 0
    assert after("patch", "nodes/ext:n-1", {"name": "N", **south}) == 1
    assert after("post", "nodes/ext:n-1/move", south) == 0
    assert after("post", "nodes/ext:n-1/move", {"parent_node_id": str(tree.nodes["root"].pk)}) == 1
    assert after("delete", "nodes/ext:n-1") == 1
