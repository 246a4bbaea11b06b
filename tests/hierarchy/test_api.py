"""`/nodes` through the ritual: scopes, foreign ids, methods, fields, versions and hostile bodies."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from environments.scopes import Scope
from hierarchy.models import Node
from hierarchy.queries import find_problems
from tests.hierarchy.trees import Tree
from tests.rituals import (
    V1,
    Route,
    assert_foreign_is_like_random,
    assert_hostile_is_survived,
    assert_other_methods_are_refused,
    assert_scope_is_needed,
    assert_unknown_is_refused,
    error_of,
    hostile_bodies,
    names_field,
)

pytestmark = pytest.mark.django_db
NODES = f"{V1}/nodes"
VIEW, MANAGE = Scope.HIERARCHY_VIEW, Scope.HIERARCHY_MANAGE
ROW_CALLS = [
    lambda pk: Route("get", f"nodes/{pk}", VIEW),
    lambda pk: Route("patch", f"nodes/{pk}", MANAGE, {"name": "X"}),
    lambda pk: Route("delete", f"nodes/{pk}", MANAGE),
    lambda pk: Route("get", f"nodes/{pk}/tree", VIEW),
    lambda pk: Route("get", f"nodes/{pk}/ancestors", VIEW),
    lambda pk: Route("get", f"nodes/{pk}/children", VIEW),
]


def routes_of(tree: Tree) -> list[Route]:
    """Every route of nodes."""
    parent = {"parent_node_id": str(tree.nodes["mill"].pk)}
    return [
        Route("get", "nodes", VIEW),
        Route("post", "nodes", MANAGE, {"name": "New", **parent}),
        Route("get", "nodes/parents", VIEW),
        *(call(tree.nodes["north"].pk) for call in ROW_CALLS),
        Route("post", f"nodes/{tree.nodes['north'].pk}/move", MANAGE, parent),
    ]


def new(tree: Tree, parent: str = "root", **others: Any) -> dict[str, Any]:
    """The body of a new node."""
    return {"parent_node_id": str(tree.nodes[parent].pk), "name": "New"} | others


def test_a_node_is_made_shown_changed_moved_and_deleted(api, tree: Tree) -> None:
    body = new(
        tree,
        "quay",
        node_type="pier",
        slug="p-7",
        external_id="p:7",
        description="Wooden,\nold",
        metadata={"a": [1]},
    )

    created = api.post(NODES, body, format="json")
    row = created.json()
    address = f"{NODES}/{row['id']}"
    shown = api.get(address)
    by_own_id = api.get(f"{NODES}/ext:p:7")
    changed = api.patch(
        address,
        {"name": "Pier", "status": "inactive", "description": None, "metadata": None},
        format="json",
    )
    moved = api.post(f"{address}/move", {"parent_node_id": "ext:n-1"}, format="json")
    deleted = api.delete(address)

    assert created.status_code == 201
    assert {**row, "id": 0, "created_at": 0, "updated_at": 0} == {
        "id": 0,
        "parent_node_id": str(tree.nodes["quay"].pk),
        "node_type": "pier",
        "name": "New",
        "slug": "p-7",
        "external_id": "p:7",
        "description": "Wooden,\nold",
        "status": "active",
        "metadata": {"a": [1]},
        "depth": 4,
        "child_count": 0,
        "created_at": 0,
        "updated_at": 0,
        "version": 1,
    }
    assert row["created_at"].endswith("Z")
    assert shown.json() == by_own_id.json() == row
    assert created["ETag"] == shown["ETag"] == '"1"'
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    assert changed.json() == {
        **row,
        "name": "Pier",
        "status": "inactive",
        "description": None,
        "metadata": {},
        "version": 2,
        "updated_at": changed.json()["updated_at"],
    }
    assert changed.json()["updated_at"] > row["updated_at"]
    assert (moved.status_code, moved["ETag"], moved.json()["depth"]) == (200, '"3"', 2)
    assert moved.json()["parent_node_id"] == str(tree.nodes["north"].pk)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for answer in (api.get(address), api.delete(address), api.get(f"{NODES}/ext:p:7")):
        error_of(answer, 404, "nodes.not_found")
    assert find_problems() == []


def test_a_node_may_move_by_a_change_of_its_parent(api, tree: Tree) -> None:
    answer = api.patch(
        f"{NODES}/{tree.nodes['harbour'].pk}",
        {"parent_node_id": str(tree.nodes["mill"].pk), "name": "Dock", "external_id": "d"},
        format="json",
    )

    assert (answer.status_code, answer["ETag"]) == (200, '"2"')
    row = answer.json()
    assert (row["name"], row["external_id"], row["depth"], row["child_count"]) == (
        "Dock",
        "d",
        3,
        1,
    )
    assert api.get(f"{NODES}/ext:d/ancestors").json()["items"][-1] == row
    cleared = api.patch(f"{NODES}/ext:d", {"external_id": None}, format="json")
    assert cleared.json()["external_id"] is None


def test_ancestors_come_root_first_and_children_in_pages(api, tree: Tree) -> None:
    tree.add("inn", "north")
    north = api.get(f"{NODES}/ext:n-1").json()

    above = api.get(f"{NODES}/{tree.nodes['quay'].pk}/ancestors").json()
    first = api.get(f"{NODES}/ext:n-1/children?take=1").json()
    last = api.get(f"{NODES}/ext:n-1/children?take=1&page=2&sort_by=name").json()

    assert [row["depth"] for row in above["items"]] == [0, 1, 2, 3]
    assert above["items"][1] == north
    assert above["items"][3]["id"] == str(tree.nodes["quay"].pk)
    assert (north["child_count"], above["items"][0]["child_count"]) == (2, 2)
    assert [row["name"] for row in first["items"] + last["items"]] == ["harbour", "inn"]
    assert first["pagination"] == {
        "page": 1,
        "take": 1,
        "item_count": 2,
        "page_count": 2,
        "has_previous_page": False,
        "has_next_page": True,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["b", "c", "a"]),
        ("order=desc", ["a", "c", "b"]),
        ("sort_by=name", ["a", "b", "c"]),
        ("sort_by=name&order=desc", ["c", "b", "a"]),
        ("sort_by=created_at", ["b", "c", "a"]),
        ("q=C", ["c"]),
        ("q=%25", []),
        ("page=2&take=2", ["a"]),
        ("page=9", []),
    ],
)
def test_children_are_sorted_searched_and_paged(api, tree: Tree, query, found) -> None:
    for name in ("b", "c", "a"):
        tree.add(name, "quay")

    rows = api.get(f"{NODES}/{tree.nodes['quay'].pk}/children?{query}").json()["items"]

    assert [row["name"] for row in rows] == found


def test_nodes_need_their_scopes(client_of, tree: Tree) -> None:
    assert_scope_is_needed(client_of, tree.environment, routes_of(tree))

    assert len(tree.shape()) == 6


def test_nodes_of_another_environment_are_not_there(api, tree: Tree, others: Tree) -> None:
    parent = {"parent_node_id": str(tree.nodes["mill"].pk)}
    calls = [
        *ROW_CALLS,
        lambda pk: Route("post", f"nodes/{pk}/move", MANAGE, parent),
        lambda pk: Route("post", "nodes", MANAGE, {"name": "X", "parent_node_id": str(pk)}),
        lambda pk: Route("post", "nodes/ext:n-1/move", MANAGE, {"parent_node_id": str(pk)}),
        lambda pk: Route("patch", "nodes/ext:n-1", MANAGE, {"parent_node_id": str(pk)}),
    ]

    assert_foreign_is_like_random(api, calls, others.nodes["theirs"].pk)

    assert others.shape() == [(0, "root"), (1, "theirs")]
    assert others.now("theirs").version == tree.now("north").version == 1


def test_a_foreign_external_id_is_like_one_that_nobody_has(api, tree: Tree, others: Tree) -> None:
    others.change("theirs", external_id="t-1")

    for suffix in ("", "/tree", "/children", "/ancestors"):
        error_of(api.get(f"{NODES}/ext:t-1{suffix}"), 404, "nodes.not_found")
    taken = api.post(NODES, new(tree, external_id="t-1"), format="json")
    assert taken.status_code == 201


@pytest.mark.parametrize(
    "bad",
    ["x", "1", "%00", "ext:", "ext:a b", "email:a@example.org", "root", "x/tree", "x/children"],
)
def test_what_is_no_id_is_not_there(api, tree: Tree, bad) -> None:
    error_of(api.get(f"{NODES}/{bad}"), 404)


def test_other_methods_are_refused(api, tree: Tree) -> None:
    assert_other_methods_are_refused(api, routes_of(tree))


def test_what_is_unknown_is_named(api, tree: Tree) -> None:
    assert_unknown_is_refused(api, routes_of(tree))

    assert Node.objects.filter(version=1, deleted_at=None).count() == 6


@pytest.mark.parametrize(
    ("others", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"parent_node_id": None}, "parent_node_id"),
        ({"parent_node_id": "x"}, "parent_node_id"),
        ({"parent_node_id": "email:a@example.org"}, "parent_node_id"),
        ({"node_type": ""}, "node_type"),
        ({"node_type": "x" * 51}, "node_type"),
        ({"slug": ""}, "slug"),
        ({"slug": "Big"}, "slug"),
        ({"slug": "a--b"}, "slug"),
        ({"slug": "-a"}, "slug"),
        ({"slug": "a\n"}, "slug"),
        ({"slug": 7}, "slug"),
        ({"slug": "x" * 101}, "slug"),
        ({"slug": None}, "slug"),
        ({"external_id": ""}, "external_id"),
        ({"external_id": "a b"}, "external_id"),
        ({"external_id": "x" * 129}, "external_id"),
        ({"external_id": "8a4c2f06-5cc0-4bfa-9e43-97ba5c93bb29"}, "external_id"),
        ({"description": "x" * 2001}, "description"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "x" * 17_000}}, "metadata"),
        ({"status": "inactive"}, "status"),
        ({"path": "0001"}, "path"),
        ({"depth": 1}, "depth"),
        ({"environment": "x"}, "environment"),
        ({"version": 1}, "version"),
    ],
)
def test_a_wrong_field_is_named(api, tree: Tree, others, field) -> None:
    assert names_field(api.post(NODES, new(tree, **others), format="json"), field)
    assert len(tree.shape()) == 6


@pytest.mark.parametrize("missing", ["name", "parent_node_id"])
def test_a_missing_field_is_named(api, tree: Tree, missing) -> None:
    body = {name: value for name, value in new(tree).items() if name != missing}

    assert names_field(api.post(NODES, body, format="json"), missing)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"status": "gone"}, "status"),
        ({"slug": "A"}, "slug"),
        ({"node_type": "x"}, "node_type"),
        ({"parent_node_id": None}, "parent_node_id"),
        ({"deleted_at": None}, "deleted_at"),
    ],
)
def test_a_wrong_field_of_a_change_is_named(api, tree: Tree, body, field) -> None:
    assert names_field(api.patch(f"{NODES}/ext:n-1", body, format="json"), field)
    assert tree.now("north").version == 1


@pytest.mark.parametrize("body", [{}, {"parent_node_id": 1}, {"parent_node_id": "root"}])
def test_a_wrong_place_is_named(api, tree: Tree, body) -> None:
    assert names_field(api.post(f"{NODES}/ext:n-1/move", body, format="json"), "parent_node_id")


@pytest.mark.parametrize("value", ["1", "True", "yes", ""])
def test_cascade_is_true_or_false(api, tree: Tree, value) -> None:
    assert names_field(api.delete(f"{NODES}/ext:n-1?cascade={value}"), "cascade")


@pytest.mark.parametrize(
    ("query", "field"),
    [("take=0", "take"), ("take=101", "take"), ("page=0", "page"), ("sort_by=path", "sort_by")],
)
def test_a_wrong_parameter_of_children_is_named(api, tree: Tree, query, field) -> None:
    assert names_field(api.get(f"{NODES}/ext:n-1/children?{query}"), field)


@pytest.mark.parametrize("index", [1, 2, -1])
def test_a_stale_version_is_answered_with_the_node_as_it_is(api, tree: Tree, index) -> None:
    route = [*routes_of(tree)[3:6], routes_of(tree)[-1]][index]
    tree.change("north", description="newer")

    answer = route.call(api, HTTP_IF_MATCH='"1"')

    now = api.get(f"{NODES}/ext:n-1").json()
    assert error_of(answer, 409, "version_conflict")["data"] == now
    assert (now["version"], now["description"]) == (2, "newer")
    assert route.call(api, HTTP_IF_MATCH='"2"').status_code in (200, 204)


def test_what_is_taken_is_answered_409(api, tree: Tree) -> None:
    slug = api.post(NODES, new(tree, slug="north"), format="json")
    external = api.post(NODES, new(tree, external_id="n-1"), format="json")
    renamed = api.patch(f"{NODES}/{tree.nodes['south'].pk}", {"slug": "north"}, format="json")
    tree.add("mill", "north")
    there = Node.objects.get(slug="mill", parent=tree.nodes["south"])
    moved = api.post(f"{NODES}/{there.pk}/move", {"parent_node_id": "ext:n-1"}, format="json")

    for answer in (slug, renamed, moved):
        assert error_of(answer, 409, "nodes.slug_taken")["details"] == ["slug: is taken"]
    assert error_of(external, 409, "nodes.external_id_taken")["details"] == [
        "external_id: is taken"
    ]
    assert find_problems() == []


def test_the_rules_of_the_tree_are_answered_400(api, tree: Tree) -> None:
    root = tree.nodes["root"].pk
    into = {"parent_node_id": str(tree.nodes["quay"].pk)}

    error_of(api.delete(f"{NODES}/{root}"), 400, "nodes.root_cannot_go")
    error_of(api.post(f"{NODES}/{root}/move", into, format="json"), 400, "nodes.root_cannot_move")
    error_of(
        api.patch(f"{NODES}/{root}", {"status": "inactive"}, format="json"),
        400,
        "nodes.root_stays_active",
    )
    assert names_field(api.post(f"{NODES}/ext:n-1/move", into, format="json"), "parent_node_id")
    tree.add_chain("l", 32)
    assert names_field(api.post(NODES, new(tree, "l 32"), format="json"), "parent_node_id")


def test_an_unknown_parent_is_answered_404(api, tree: Tree) -> None:
    body = new(tree) | {"parent_node_id": str(uuid4())}

    error_of(api.post(NODES, body, format="json"), 404, "nodes.parent_not_found")


def test_hostile_bodies_are_refused_and_the_tree_still_works(api, tree: Tree) -> None:
    parent = str(tree.nodes["mill"].pk)
    full = {
        "name": "n",
        "parent_node_id": parent,
        "slug": "s",
        "external_id": "e",
        "description": "d",
        "metadata": {"a": 1},
        "node_type": "t",
    }
    mill = f"nodes/{parent}"

    sent = assert_hostile_is_survived(api, "post", "nodes", hostile_bodies(full))
    sent += assert_hostile_is_survived(
        api, "patch", mill, hostile_bodies({"name": "n"}, [*full, "status"])
    )
    sent += assert_hostile_is_survived(
        api, "post", f"{mill}/move", hostile_bodies({"parent_node_id": "ext:n-1"})
    )

    assert sent > 400
    for path in ("nodes?format=flat&limit=200", "nodes?q=n", f"{mill}/children", "nodes/ext:n-1"):
        assert api.get(f"{V1}/{path}").status_code == 200
    assert b"".join(api.get(NODES)).endswith(b"]}")
    assert find_problems() == []
