"""What a key that is bound to a node sees and changes of the tree: that node and what is below."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from hierarchy.queries import find_problems
from tests.assignments.cast import make_cast, snapshot
from tests.hierarchy.trees import Tree
from tests.rituals import V1, error_of

pytestmark = pytest.mark.django_db
NODES = f"{V1}/nodes"


@pytest.fixture
def bound(client_of: Callable[..., APIClient], tree: Tree) -> APIClient:
    """A client whose key is bound to `north`, above which is the root and beside it `south`."""
    return client_of(tree.environment, node=tree.nodes["north"])


def streamed(client: APIClient, path: str) -> Any:
    """An answer that is sent while it is made."""
    answer = client.get(f"{V1}/{path}")
    assert answer.status_code == 200
    return json.loads(b"".join(answer))


def test_every_reading_begins_at_its_node(bound: APIClient, tree: Tree) -> None:
    north, harbour, quay = (str(tree.nodes[name].pk) for name in ("north", "harbour", "quay"))
    above = {north: None, harbour: north, quay: harbour}

    [whole] = streamed(bound, "nodes")["tree"]
    [subtree] = streamed(bound, f"nodes/{north}/tree")["tree"]
    pairs = streamed(bound, "nodes/parents")["items"]
    flat = bound.get(f"{NODES}?format=flat").json()["items"]
    found = bound.get(f"{NODES}?q=r").json()["items"]
    lineage = bound.get(f"{NODES}/{quay}/ancestors").json()["items"]
    children = bound.get(f"{NODES}/{north}/children").json()["items"]

    assert whole == subtree
    assert (whole["id"], whole["parent_node_id"]) == (north, None)
    assert whole["children"][0]["parent_node_id"] == north
    assert {row["id"]: row["parent_node_id"] for row in pairs} == above
    for rows in (flat, lineage):
        assert {row["id"]: row["parent_node_id"] for row in rows} == above
    assert {row["id"] for row in found} == {north, harbour}
    assert [row["id"] for row in children] == [harbour]
    assert bound.get(f"{NODES}/{north}").json() == flat[0]
    root = str(tree.nodes["root"].pk)
    for answer in (whole, pairs, flat, found, lineage, children):
        assert root not in json.dumps(answer)


def test_what_is_outside_is_not_there(bound: APIClient, tree: Tree) -> None:
    tree.change("south", external_id="s-1")
    inside = str(tree.nodes["quay"].pk)
    before = snapshot(tree.environment)

    for name in ("root", "south", "mill"):
        outside = str(tree.nodes[name].pk)
        for suffix in ("", "/tree", "/ancestors", "/children", "/identities"):
            error_of(bound.get(f"{NODES}/{outside}{suffix}"), 404, "nodes.not_found")
        for answer in (
            bound.patch(f"{NODES}/{outside}", {"name": "x"}, format="json"),
            bound.delete(f"{NODES}/{outside}"),
            bound.post(f"{NODES}/{outside}/move", {"parent_node_id": inside}, format="json"),
        ):
            error_of(answer, 404, "nodes.not_found")
        for answer in (
            bound.post(NODES, {"parent_node_id": outside, "name": "x"}, format="json"),
            bound.post(f"{NODES}/{inside}/move", {"parent_node_id": outside}, format="json"),
            bound.patch(f"{NODES}/{inside}", {"parent_node_id": outside}, format="json"),
        ):
            error_of(answer, 404, "nodes.parent_not_found")
    error_of(bound.get(f"{NODES}/ext:s-1"), 404, "nodes.not_found")
    assert snapshot(tree.environment) == before


def test_its_own_node_stays_where_it_is(bound: APIClient, tree: Tree) -> None:
    before = snapshot(tree.environment)
    own = f"{NODES}/{tree.nodes['north'].pk}"

    for target in ("root", "south", "harbour", "north"):
        body = {"parent_node_id": str(tree.nodes[target].pk)}
        error_of(bound.post(f"{own}/move", body, format="json"), 403, "beyond_own_node")
        error_of(bound.patch(own, body, format="json"), 403, "beyond_own_node")
        planned = bound.post(f"{own}/move?dry_run=true", body, format="json").json()
        assert planned["results"][0]["code"] == 403
    error_of(bound.delete(own), 403, "beyond_own_node")
    error_of(bound.delete(f"{own}?cascade=true"), 403, "beyond_own_node")
    assert snapshot(tree.environment) == before


def test_it_changes_its_node_and_what_is_below(bound: APIClient, tree: Tree) -> None:
    own, quay = (str(tree.nodes[name].pk) for name in ("north", "quay"))

    changed = bound.patch(f"{NODES}/{own}", {"name": "Nord"}, format="json")
    off = bound.patch(f"{NODES}/{quay}", {"status": "inactive"}, format="json")
    on = bound.patch(f"{NODES}/{quay}", {"status": "active"}, format="json")
    made = bound.post(NODES, {"parent_node_id": own, "name": "new"}, format="json")
    moved = bound.post(f"{NODES}/{quay}/move", {"parent_node_id": own}, format="json")
    gone = bound.delete(f"{NODES}/{tree.nodes['harbour'].pk}")

    assert (changed.json()["name"], changed.json()["parent_node_id"]) == ("Nord", None)
    assert [answer.status_code for answer in (off, on, made, moved, gone)] == [
        200, 200, 201, 200, 204,
    ]  # fmt: skip
    assert made.json()["parent_node_id"] == moved.json()["parent_node_id"] == own
    assert tree.shape() == [(0, "root"), (1, "Nord"), (2, "new"), (2, "quay"), (1, "south"), (2, "mill")]  # fmt: skip
    assert find_problems() == []


def test_a_stale_version_tells_no_more_than_it_sees(bound: APIClient, tree: Tree) -> None:
    own = f"{NODES}/{tree.nodes['north'].pk}"

    answer = bound.patch(own, {"name": "x"}, format="json", HTTP_IF_MATCH="9")

    assert error_of(answer, 409, "version_conflict")["data"] == bound.get(own).json()
    assert str(tree.nodes["root"].pk) not in answer.content.decode()


def test_rows_without_a_parent_are_added_below_its_node(bound: APIClient, tree: Tree) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "a", "ref": "a"},
        {"name": "b", "parent_ref": "a"},
        {"name": "c", "parent_node_id": str(tree.nodes["quay"].pk)},
    ]
    outside = {"name": "d", "parent_node_id": str(tree.nodes["root"].pk)}

    made = bound.post(f"{NODES}/bulk-create", {"nodes": rows}, format="json")
    refused = bound.post(f"{NODES}/bulk-create", {"nodes": [outside]}, format="json")

    assert made.status_code == 201
    assert made.json()["items"][0]["parent_node_id"] == str(tree.nodes["north"].pk)
    assert error_of(refused, 409, "not_all")["details"] == [
        "nodes.0.parent_node_id: does not exist"
    ]
    assert [name for depth, name in tree.shape() if depth == 1] == ["north", "south"]
    assert find_problems() == []


def test_what_is_taken_outside_is_taken_here_too(bound: APIClient, tree: Tree) -> None:
    tree.change("south", external_id="s-1")
    row = {"name": "x", "external_id": "s-1"}
    parent = {"parent_node_id": str(tree.nodes["north"].pk)}

    single = bound.post(f"{NODES}?dry_run=true", {**row, **parent}, format="json").json()
    many = bound.post(f"{NODES}/bulk-create", {"nodes": [row]}, format="json")
    slug = bound.patch(f"{NODES}/ext:n-1", {"slug": "south"}, format="json")

    assert single["results"][0]["error"]["code"] == "nodes.external_id_taken"
    assert many.json()["results"][0]["error"]["code"] == "nodes.external_id_taken"
    error_of(slug, 403, "beyond_own_node")


def test_once_its_node_is_gone_nothing_is_there(bound: APIClient, tree: Tree, api: Any) -> None:
    api.delete(f"{NODES}/ext:n-1")

    assert streamed(bound, "nodes") == {"tree": []}
    refused = bound.post(f"{NODES}/bulk-create", {"nodes": [{"name": "x"}]}, format="json")
    assert refused.json()["results"][0]["error"]["code"] == "nodes.parent_not_found"
    assert error_of(refused, 409, "not_all")["details"] == [
        "nodes.0.parent_node_id: there is no node to add to"
    ]


def test_a_key_bound_to_the_root_still_cannot_touch_it(client_of: Any, tree: Tree) -> None:
    client = client_of(tree.environment, node=tree.nodes["root"])
    root = f"{NODES}/{tree.nodes['root'].pk}"
    body = {"parent_node_id": str(tree.nodes["mill"].pk)}

    error_of(client.delete(root), 400, "nodes.root_cannot_go")
    error_of(client.post(f"{root}/move", body, format="json"), 400, "nodes.root_cannot_move")
    assert client.post(f"{NODES}/ext:n-1/move", body, format="json").status_code == 200


def test_who_holds_what_is_told_as_far_as_it_sees(client_of: Any, environment: Any) -> None:
    cast = make_cast(environment)
    cast.give(node=cast.root)
    cast.give(cast.writer)
    cast.give(node=cast.room)
    client = client_of(environment, node=cast.site)
    room = f"{NODES}/{cast.room.pk}/identities"

    rows = client.get(room).json()["items"]
    summary = client.get(f"{room}/summary").json()

    assert {row["assignment"]["source_node_name"] for row in rows} == {"Site", "Room"}
    assert (summary["direct_count"], summary["inherited_count"]) == (1, 1)
    error_of(client.get(f"{room}?source_node_id={cast.root.pk}"), 404, "nodes.not_found")
