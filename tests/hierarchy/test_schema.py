"""Node types and how they may nest: the rule, its setting over the API, and what it refuses."""

from __future__ import annotations

import random
from typing import Any

import pytest

from common.errors import Conflict
from environments.models import AuditEvent
from environments.scopes import Scope
from hierarchy.models import DEEPEST, Node
from hierarchy.queries import get_root
from hierarchy.schema import Schema, Spot, refuse_spot, require_unbroken
from hierarchy.services.schema import plan_schema_change
from tests.assignments.cast import snapshot
from tests.hierarchy.trees import ME, Tree
from tests.rituals import (
    V1,
    Route,
    assert_hostile_is_survived,
    assert_other_methods_are_refused,
    assert_scope_is_needed,
    assert_unknown_is_refused,
    error_of,
    hostile_bodies,
    names_field,
    statements_of,
)

pytestmark = pytest.mark.django_db
ADDRESS = f"{V1}/hierarchy-schema"
NODES = f"{V1}/nodes"
FIELDS = ("node_types", "allowed_children", "max_depth", "root_node_type")
# What the tree of the tests obeys: regions below the root, nodes below regions and nodes.
FITTING: dict[str, Any] = {
    "node_types": ["company", "region", "node"],
    "root_node_type": "company",
    "allowed_children": {"company": ["region"], "region": ["node"]},
    "max_depth": 4,
}
ROUTES = [
    Route("get", "hierarchy-schema", Scope.HIERARCHY_VIEW),
    Route("patch", "hierarchy-schema", Scope.HIERARCHY_MANAGE, FITTING),
]


def patch(api: Any, query: str = "", body: Any = None, **headers: str) -> Any:
    """Set the schema, the fitting one where nothing else is said."""
    return api.patch(
        f"{ADDRESS}{query}", FITTING if body is None else body, format="json", **headers
    )


def test_it_is_null_until_it_is_set(api, tree: Tree) -> None:
    answer = api.get(ADDRESS)

    assert answer.status_code == 200
    assert answer.json() == {**dict.fromkeys(FIELDS), "version": 1}
    assert answer["ETag"] == '"1"'


def test_it_is_set_shown_and_changed_in_parts(api, tree: Tree) -> None:
    first = patch(api)
    second = patch(api, body={"max_depth": 5})
    same = patch(api, body={"max_depth": 5})

    assert (first.status_code, first["ETag"]) == (200, '"2"')
    assert first.json() == {**FITTING, "version": 2}
    assert second.json() == {**FITTING, "max_depth": 5, "version": 3}
    assert same.json() == second.json() == api.get(ADDRESS).json()


def test_what_can_be_left_out_the_first_time_is_as_wide_as_possible(api, tree: Tree) -> None:
    types = {"node_types": ["root", "region", "node"], "root_node_type": "root"}

    answer = patch(api, body=types)

    assert answer.json() == {**types, "allowed_children": {}, "max_depth": DEEPEST, "version": 2}


@pytest.mark.parametrize("missing", ["node_types", "root_node_type"])
def test_what_is_needed_the_first_time_is_named(api, tree: Tree, missing) -> None:
    body = {name: value for name, value in FITTING.items() if name != missing}

    assert names_field(patch(api, body=body), missing)


def test_the_root_takes_on_the_type_of_the_root(api, tree: Tree) -> None:
    patch(api)

    root = get_root(tree.environment)
    assert (root.node_type, root.version) == ("company", 2)
    event = tree.told()[-1]
    assert event.metadata == {
        "before": {"node_type": "root"}, "after": {"node_type": "company"}, "version": 2,
    }  # fmt: skip


def test_a_change_is_told_with_what_was_and_what_is(api, tree: Tree) -> None:
    patch(api)
    patch(api, body={"max_depth": 5})

    first, second = AuditEvent.objects.filter(action="hierarchy_schema.updated").order_by(
        "created_at"
    )
    assert first.metadata == {"after": FITTING, "version": 2}
    assert second.metadata == {
        "before": FITTING, "after": {**FITTING, "max_depth": 5}, "version": 3,
    }  # fmt: skip
    assert second.resource_type == "hierarchy_schema"
    assert second.resource_id == tree.environment.pk


def test_a_plan_is_what_is_then_done_and_writes_nothing(api, tree: Tree) -> None:
    before = snapshot(tree.environment)

    planned = patch(api, "?dry_run=true").json()
    refused = patch(api, "?dry_run=true", {"node_types": ["a"], "root_node_type": "a"}).json()
    untouched = snapshot(tree.environment) == before
    done = patch(api)

    assert untouched
    assert planned["results"] == [
        {"index": 0, "status": "success", "code": 200, "data": done.json()}
    ]
    assert refused["results"][0]["code"] == 409
    assert refused["results"][0]["error"]["code"] == "hierarchy_schema.broken"


def test_a_stale_version_is_answered_with_the_schema_as_it_is(api, tree: Tree) -> None:
    patch(api)

    stale = patch(api, body={"max_depth": 9}, HTTP_IF_MATCH='"1"')

    assert error_of(stale, 409, "version_conflict")["data"] == api.get(ADDRESS).json()
    assert patch(api, body={"max_depth": 9}, HTTP_IF_MATCH='"2"').json()["version"] == 3


@pytest.mark.parametrize(
    ("others", "counts", "codes"),
    [
        (
            {"node_types": ["company", "node"], "allowed_children": {}},
            (2, 0, 0),
            {"nodes.type_unknown"},
        ),
        ({"allowed_children": {"node": []}}, (0, 1, 0), {"nodes.child_not_allowed"}),
        ({"allowed_children": {"company": ["node"]}}, (0, 2, 0), {"nodes.child_not_allowed"}),
        ({"max_depth": 2}, (0, 0, 1), {"nodes.too_deep"}),
        (
            {"node_types": ["company", "node"], "allowed_children": {"node": []}, "max_depth": 2},
            (2, 1, 0),
            {"nodes.type_unknown", "nodes.child_not_allowed"},
        ),
    ],
)
def test_what_existing_nodes_break_is_refused_and_they_are_named(
    api, tree: Tree, others, counts, codes
) -> None:
    before = snapshot(tree.environment)

    data = error_of(patch(api, body={**FITTING, **others}), 409, "hierarchy_schema.broken")["data"]

    assert snapshot(tree.environment) == before
    names = ("type_unknown_count", "child_not_allowed_count", "too_deep_count")
    assert tuple(data[name] for name in names) == counts
    assert data["node_count"] == sum(counts) == len(data["nodes"])
    assert {node["code"] for node in data["nodes"]} == codes
    assert set(data["nodes"][0]) == {"id", "name", "node_type", "code"}


def test_twenty_of_many_nodes_are_named(api, tree: Tree) -> None:
    for n in range(25):
        tree.add(f"n {n}")

    data = error_of(patch(api), 409)["data"]

    assert (data["child_not_allowed_count"], len(data["nodes"])) == (25, 20)


def test_what_is_deleted_breaks_nothing(api, tree: Tree) -> None:
    made = tree.add("stray", node_type="odd")
    assert patch(api).status_code == 409

    api.delete(f"{NODES}/{made.pk}")

    assert patch(api).status_code == 200


@pytest.mark.parametrize(
    ("others", "field"),
    [
        ({"node_types": []}, "node_types"),
        ({"node_types": None}, "node_types"),
        ({"node_types": "region"}, "node_types"),
        ({"node_types": ["company", "company"]}, "node_types"),
        ({"node_types": [f"t {n}" for n in range(101)]}, "node_types"),
        ({"node_types": ["company", ""]}, "node_types"),
        ({"node_types": ["company", "x" * 51]}, "node_types"),
        ({"node_types": ["company", 7]}, "node_types"),
        ({"node_types": ["company", "a\nb"]}, "node_types"),
        ({"node_types": ["region", "node"]}, "root_node_type"),
        ({"root_node_type": "planet"}, "root_node_type"),
        ({"root_node_type": None}, "root_node_type"),
        ({"max_depth": 0}, "max_depth"),
        ({"max_depth": 33}, "max_depth"),
        ({"max_depth": "4"}, "max_depth"),
        ({"max_depth": True}, "max_depth"),
        ({"max_depth": 1.5}, "max_depth"),
        ({"allowed_children": []}, "allowed_children"),
        ({"allowed_children": {"planet": []}}, "allowed_children"),
        ({"allowed_children": {"region": ["planet"]}}, "allowed_children"),
        ({"allowed_children": {"region": "node"}}, "allowed_children"),
        ({"allowed_children": {"region": ["node", "node"]}}, "allowed_children"),
        ({"allowed_children": {"region": [None]}}, "allowed_children"),
        ({"allowed_children": {"\u202e": []}}, "allowed_children"),
        ({"version": 3}, "version"),
    ],
)
def test_a_wrong_field_is_named(api, tree: Tree, others, field) -> None:
    assert names_field(patch(api, body={**FITTING, **others}), field)
    assert api.get(ADDRESS).json()["node_types"] is None


def test_a_type_that_is_still_named_elsewhere_cannot_go(api, tree: Tree) -> None:
    patch(api, body={**FITTING, "node_types": [*FITTING["node_types"], "pier"]})
    patch(api, body={"allowed_children": {"pier": []}})

    answer = patch(api, body={"node_types": FITTING["node_types"]})

    assert error_of(answer, 400, "hierarchy_schema.type_unknown")["details"] == [
        "allowed_children: pier is not one of node_types"
    ]


def test_every_act_that_places_a_node_obeys_it(api, tree: Tree) -> None:
    patch(api, body={**FITTING, "node_types": [*FITTING["node_types"], "pier"]})
    root, north, quay = (str(tree.nodes[name].pk) for name in ("root", "north", "quay"))
    lowest = api.post(NODES, {"parent_node_id": quay, "name": "4"}, format="json").json()["id"]
    rows = [
        ({"parent_node_id": root, "name": "x", "node_type": "odd"}, "nodes.type_unknown"),
        ({"parent_node_id": root, "name": "x"}, "nodes.child_not_allowed"),
        ({"parent_node_id": north, "name": "x", "node_type": "pier"}, "nodes.child_not_allowed"),
        ({"parent_node_id": lowest, "name": "x"}, "nodes.too_deep"),
    ]
    before = snapshot(tree.environment)

    for row, code in rows:
        single = error_of(api.post(NODES, row, format="json"), 400, code)
        [line] = single["details"]
        many = api.post(f"{NODES}/bulk-create", {"nodes": [row]}, format="json")
        assert error_of(many, 400, "not_all")["details"] == [f"nodes.0.{line}"]
        assert line.startswith(("node_type:", "parent_node_id:"))
    below = {"nodes": [{"name": "r", "ref": "r", "node_type": "region"}, {"name": "x", "parent_ref": "r", "node_type": "pier"}]}  # fmt: skip
    refused = api.post(f"{NODES}/bulk-create", below, format="json").json()["results"]
    assert refused[1]["error"]["code"] == "nodes.child_not_allowed"
    for path, target, code in (
        ("harbour", root, "nodes.child_not_allowed"),
        ("harbour", str(tree.nodes["mill"].pk), "nodes.too_deep"),
    ):
        address = f"{NODES}/{tree.nodes[path].pk}"
        for answer in (
            api.post(f"{address}/move", {"parent_node_id": target}, format="json"),
            api.patch(address, {"parent_node_id": target}, format="json"),
        ):
            assert error_of(answer, 400, code)["details"][0].startswith("parent_node_id:")
    assert snapshot(tree.environment) == before
    assert api.post(f"{NODES}/{tree.nodes['quay'].pk}/move", {"parent_node_id": str(tree.nodes["south"].pk)}, format="json").status_code == 200  # fmt: skip


def test_below_a_type_that_is_not_named_any_may_stand(api, tree: Tree) -> None:
    patch(api)
    body = {"parent_node_id": str(tree.nodes["mill"].pk), "name": "x", "node_type": "region"}

    assert api.post(NODES, body, format="json").status_code == 201


def test_a_bound_key_reads_it_but_does_not_change_it(client_of, tree: Tree) -> None:
    client = client_of(tree.environment, node=tree.nodes["north"])

    assert client.get(ADDRESS).status_code == 200
    error_of(patch(client), 403, "beyond_own_node")


def test_other_environments_keep_theirs(api, tree: Tree, others: Tree, client_of) -> None:
    patch(api)

    assert client_of(others.environment).get(ADDRESS).json()["node_types"] is None
    assert others.add("odd", node_type="odd").node_type == "odd"


def test_the_ritual(api, client_of, tree: Tree) -> None:
    assert_scope_is_needed(client_of, tree.environment, ROUTES)
    assert_unknown_is_refused(api, ROUTES)
    assert_other_methods_are_refused(api, ROUTES)
    assert_hostile_is_survived(api, "patch", "hierarchy-schema", hostile_bodies(FITTING))
    assert api.get(ADDRESS).status_code == 200


def test_the_check_takes_as_many_statements_for_300_nodes_as_for_6(tree: Tree) -> None:
    def plan() -> None:
        plan_schema_change(ME, tree.environment, changes=FITTING)

    before = statements_of(plan)
    for n in range(10):
        tree.add(f"r {n}", node_type="region")
        tree.add_chain(f"c {n}", 3, f"r {n}")

    assert statements_of(plan) == before == 2


@pytest.mark.parametrize("seed", range(20))
def test_the_rule_for_one_node_and_for_many_is_the_same(tree: Tree, seed: int) -> None:
    choose = random.Random(seed)
    types = ["root", "region", "node", "a"]
    for n in range(8):
        tree.add(f"n {n}", choose.choice(list(tree.nodes)), node_type=choose.choice(types))
    schema = Schema(
        ["root", *choose.sample(types[1:], choose.randint(0, 3))],
        {name: choose.sample(types, choose.randint(0, 4)) for name in choose.sample(types, 2)},
        choose.randint(1, 5),
        "root",
    )
    nodes = Node.objects.filter(environment=tree.environment, parent__isnull=False)
    refused = [
        refuse_spot(schema, Spot(node.node_type, node.parent.node_type, node.depth - 1), "x")
        for node in nodes.select_related("parent")
    ]
    expected = sorted(refusal.code for refusal in refused if refusal is not None)

    found: list[str] = []
    try:
        require_unbroken(tree.environment, schema)
    except Conflict as broken:
        found = sorted(node["code"] for node in broken.data["nodes"])

    assert found == expected
