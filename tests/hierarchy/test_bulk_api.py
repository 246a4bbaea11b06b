"""`POST /nodes/bulk-create`: all nodes or none, parents in any order."""

from __future__ import annotations

from typing import Any

import pytest

from environments.models import Batch
from hierarchy.models import Node
from hierarchy.queries import find_problems
from tests.assignments.cast import snapshot
from tests.hierarchy.trees import Tree
from tests.rituals import (
    V1,
    assert_hostile_is_survived,
    error_of,
    hostile_bodies,
    names_field,
    statements_of,
)

pytestmark = pytest.mark.django_db
ADDRESS = f"{V1}/nodes/bulk-create"


def send(api: Any, *rows: Any, query: str = "", **headers: str) -> Any:
    """Send rows."""
    return api.post(f"{ADDRESS}{query}", {"nodes": list(rows)}, format="json", **headers)


def test_nodes_come_back_in_the_order_in_which_they_were_sent(api, tree: Tree) -> None:
    answer = send(
        api,
        {"name": "Room", "parent_ref": "h", "external_id": "room", "metadata": {"a": 1}},
        {"name": "Hall", "ref": "h", "parent_node_id": "ext:n-1", "description": "big"},
        {"name": "East", "node_type": "region", "slug": "orient"},
    )

    assert answer.status_code == 201
    room, hall, east = answer.json()["items"]
    assert [api.get(f"{V1}/nodes/{row['id']}").json() for row in (room, hall, east)] == [
        room, hall, east,
    ]  # fmt: skip
    assert (room["parent_node_id"], room["depth"], room["metadata"]) == (hall["id"], 3, {"a": 1})
    assert (hall["parent_node_id"], hall["child_count"]) == (str(tree.nodes["north"].pk), 1)
    assert (east["parent_node_id"], east["slug"]) == (str(tree.nodes["root"].pk), "orient")
    assert Batch.objects.get(pk=answer.json()["batch_id"]).counts == {"succeeded": 3}
    assert find_problems() == []


def test_a_plan_shows_the_nodes_that_the_act_then_makes(api, tree: Tree) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "Room", "parent_ref": "h"},
        {"name": "Hall", "ref": "h", "parent_node_id": "ext:n-1", "external_id": "hall"},
        {"name": "Hall", "parent_node_id": "ext:n-1"},
    ]
    before = snapshot(tree.environment)

    planned = send(api, *rows, query="?dry_run=true").json()
    untouched = snapshot(tree.environment) == before
    made = send(api, *rows).json()["items"]

    assert untouched
    assert (planned["dry_run"], planned["batch_id"]) == (True, None)
    assert planned["summary"] == {"total": 3, "succeeded": 3, "failed": 0}
    unwritten = dict.fromkeys(("id", "created_at", "updated_at"))
    below_planned = {"parent_node_id": None}
    assert [row["data"] for row in planned["results"]] == [
        {**made[0], **unwritten, **below_planned},
        {**made[1], **unwritten},
        {**made[2], **unwritten},
    ]
    assert [row["code"] for row in planned["results"]] == [201] * 3


@pytest.mark.parametrize(
    ("rows", "status", "lines"),
    [
        ([{"name": "a"}, {"name": "b", "slug": "north"}], 409, ["nodes.1.slug: is taken"]),
        (
            [{"name": "a", "external_id": "n-1"}, {"name": "b", "parent_node_id": "ext:no"}],
            409,
            ["nodes.0.external_id: is taken", "nodes.1.parent_node_id: does not exist"],
        ),
        (
            [{"name": "a", "external_id": "a"}, {"name": "b", "parent_node_id": "ext:a"}],
            409,
            ["nodes.1.parent_node_id: does not exist; a row of this call is named by parent_ref"],
        ),
        ([{"name": "a", "parent_ref": "x"}], 409, ["nodes.0.parent_ref: is no row's ref"]),
        (
            [{"name": "a", "ref": "a", "parent_ref": "a"}, {"name": "b"}],
            400,
            ["nodes.0.parent_ref: goes round in a circle"],
        ),
        (
            [{"name": "a", "ref": "a"}, {"name": "b", "ref": "a"}],
            400,
            ["nodes.1.ref: stands twice"],
        ),
        ([{"name": "a"}, {"name": ""}], 400, ["nodes.1.name: This field may not be blank."]),
        ([{"name": "a"}, "text"], 400, ["nodes.1.body: must be an object"]),
        ([{"name": "a", "status": "active"}], 400, ["nodes.0.status: unknown field"]),
        (
            [{"name": "a", "parent_ref": "a", "parent_node_id": "ext:n-1"}],
            400,
            ["nodes.0.parent_ref: goes without parent_node_id"],
        ),
    ],
)
def test_one_refused_row_refuses_all_and_is_named(api, tree: Tree, rows, status, lines) -> None:
    before = snapshot(tree.environment)
    named = {int(line.split(".")[1]) for line in lines}

    answer = send(api, *rows)
    planned = send(api, *rows, query="?dry_run=true").json()

    error = error_of(answer, status, "not_all")
    assert error["details"] == lines
    assert snapshot(tree.environment) == before
    results = answer.json()["results"]
    assert {row["index"] for row in results if row["code"] != 424} == named
    assert planned["results"] == results
    assert planned["summary"] == answer.json()["summary"]
    assert answer.json()["summary"]["failed"] == len(rows)


def test_a_row_below_a_refused_one_is_not_blamed_for_it(api, tree: Tree) -> None:
    answer = send(
        api,
        {"name": "a", "ref": "a", "parent_ref": "no such row"},
        {"name": "b", "ref": "b", "parent_ref": "a"},
        {"name": "c", "parent_ref": "b"},
    )

    codes = [row["error"]["code"] for row in answer.json()["results"]]
    assert codes == ["nodes.parent_not_found", "not_written", "not_written"]


def test_it_knows_no_other_way_than_all_or_none(api, tree: Tree) -> None:
    assert send(api, {"name": "a"}, query="?atomic=true").status_code == 201
    assert names_field(send(api, {"name": "b"}, query="?atomic=false"), "atomic")


@pytest.mark.parametrize("rows", [None, [], {}, "x"])
def test_there_must_be_rows(api, tree: Tree, rows) -> None:
    assert names_field(api.post(ADDRESS, {"nodes": rows}, format="json"), "nodes")


def test_there_are_at_most_50_000_rows(api, tree: Tree) -> None:
    body = '{"nodes": [' + ",".join(["1"] * 50_001) + "]}"

    answer = api.post(ADDRESS, body, content_type="application/json")

    assert names_field(answer, "nodes")
    assert Node.objects.filter(environment=tree.environment).count() == 6


def test_the_same_call_twice_with_a_key_adds_once(api, tree: Tree) -> None:
    first = send(api, {"name": "a"}, HTTP_IDEMPOTENCY_KEY="once")
    again = send(api, {"name": "a"}, HTTP_IDEMPOTENCY_KEY="once")

    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Node.objects.filter(environment=tree.environment).count() == 7


def test_3_000_rows_take_as_many_statements_as_30(api, tree: Tree) -> None:
    api.get(f"{V1}/nodes/ext:n-1")
    counts = []
    for total in (30, 3_000):
        rows = [
            {
                "name": f"n {total} {n}",
                "ref": str(n),
                "external_id": f"{total}-{n}",
                "parent_ref": str(n // 8),
            }
            for n in range(1, total)
        ]
        rows.append({"name": "top", "ref": "0", "parent_node_id": "ext:n-1"})
        counts.append(
            [
                statements_of(lambda rows=rows: send(api, *rows, query="?dry_run=true")),  # type: ignore[misc]
                statements_of(lambda rows=rows: send(api, *rows)),  # type: ignore[misc]
            ]
        )

    # The key, the read-only mark, the parent, schema, last paths, slugs and external ids; then the writes.
    assert counts == [[7, 12], [7, 12]]
    assert Node.objects.filter(environment=tree.environment).count() == 3_036
    assert find_problems() == []


def test_hostile_rows_are_survived(api, tree: Tree) -> None:
    row = {
        "name": "n", "ref": "r", "parent_node_id": "ext:n-1", "slug": "s", "external_id": "e",
        "description": "d", "metadata": {"a": 1}, "node_type": "t",
    }  # fmt: skip
    bodies = [b'{"nodes": [' + body + b"]}" for body in hostile_bodies(row, ["parent_ref"])]

    assert assert_hostile_is_survived(api, "post", "nodes/bulk-create", bodies) > 200
    assert find_problems() == []
