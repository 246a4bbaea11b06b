"""Nobody moves more power than they have: keys that lack a scope, a place or the time try every way.

Each way is tried by a key that may do it too, or its refusal would prove nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from environments.models import Environment
from environments.scopes import ALL_SCOPES, Scope
from hierarchy.models import Node
from tests.contracts.operations import OPERATIONS, Operation, Rows, body_for, make_rows
from tests.contracts.positions import normal
from tests.contracts.power import BY_ID, BY_OWN, Way, World, make_world, ways
from tests.contracts.test_guard import CONFERRING
from tests.contracts.test_isolation import client_with, content_of, undone
from tests.contracts.traces import traces
from tests.factories import make_key
from tests.rituals import V1, error_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
VIEWING = [scope for scope in Scope if ".view" in scope or scope == Scope.EVALUATE]
# Fields that are ours to fill.
OURS = (
    "id", "path", "depth", "numchild", "environment_id", "account_id", "status", "created_by", "created_at",
    "nonce", "token", "key", "key_hash", "former_hash", "batch_id", "revoked_at", "counts_from", "version",
    "deleted_at", "node_id", "scopes", "expires_at", "access_mode", "actor_id", "source", "is_system_role",
    "is_staff",
)  # fmt: skip
with_a_body = pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if operation.endpoint.body], ids=str
)


@pytest.fixture
def world(api: APIClient, root: Node) -> World:
    """Rows that are worth having power over."""
    return make_world(api, str(root.pk))


def refusal_of(answer: Any) -> str:
    """The code by which a call, or the only row of it, was refused; nothing else may be told."""
    told = json.loads(content_of(answer) or "{}")
    if answer.status_code < 400:
        codes = [row.get("error", {}).get("code") for row in told["results"]]
        assert all(row["status"] == "error" and "data" not in row for row in told["results"]), told
        assert told["batch_id"] is None
    else:
        codes = [told["error"]["code"]]
        assert "data" not in told["error"]
    assert len(set(codes)) == 1
    return str(codes[0])


def queries_of(way: Way) -> list[str]:
    """As it is, as a plan, and with all rows or none."""
    return ["", *["dry_run=true"] * way.plans, *["atomic=true"] * way.many]


def test_every_act_that_asks_the_guard_is_one_of_the_ways(world: World) -> None:
    tried = {
        f"{way.method.upper()} {V1}/" + re.sub("[0-9a-f-]{36}", "{}", way.path.partition("?")[0])
        for way in ways(world, BY_ID)
    }

    assert {normal(operation) for operation in CONFERRING} <= tried


@pytest.mark.parametrize("form", [BY_ID, BY_OWN])
def test_a_key_that_may_do_it_all_goes_every_way(world: World, api: APIClient, form: str) -> None:
    for way in ways(world, form):
        with undone():
            answer = way.send(api)
            assert answer.status_code in (200, 201, 204), (way.name, answer.content)


def test_a_key_goes_no_way_for_which_it_lacks_one_scope(
    world: World, environment: Environment
) -> None:
    without = {
        scope: client_with(make_key(environment, *sorted(ALL_SCOPES - {scope}))) for scope in Scope
    }
    before = traces()

    for way in ways(world, BY_ID):
        for scope in sorted(way.scopes):
            for query in queries_of(way):
                answer = way.send(without[scope], query)
                assert answer.status_code == 403 or query, (way.name, scope, answer.content)
                assert refusal_of(answer) == "scope_missing", (way.name, scope)
                assert f"needs the scope {scope}." in content_of(answer), (way.name, scope)
                assert traces() == before, (way.name, scope)


def test_a_key_goes_each_way_with_the_scopes_that_it_takes_and_no_others(
    world: World, environment: Environment
) -> None:
    for way in ways(world, BY_ID):
        with undone():
            client = client_with(make_key(environment, *sorted(way.scopes)))
            answer = way.send(client)
            assert answer.status_code in (200, 201, 204), (way.name, answer.content)


def test_a_key_that_only_views_goes_no_way(world: World, environment: Environment) -> None:
    viewer = client_with(make_key(environment, *VIEWING))
    before = traces()

    for way in ways(world, BY_ID):
        for query in queries_of(way):
            assert refusal_of(way.send(viewer, query)) == "scope_missing", way.name
    for header in ({"HTTP_IF_MATCH": version} for version in ('"1"', '"9"', "*", "x")):
        for way in ways(world, BY_ID):
            assert refusal_of(way.send(viewer, **header)) == "scope_missing", way.name

    assert traces() == before


# What a key that is bound to a sibling is told: what it may not see is not there.
UNSEEN = {
    "assign": "assignments.node_not_found",
    "assign many": "assignments.node_not_found",
    "change an assignment": "assignments.not_found",
    "lengthen an assignment": "assignments.not_found",
    "change many": "assignments.not_found",
    "revoke": "assignments.not_found",
    "revoke many": "assignments.not_found",
    "add a node": "nodes.parent_not_found",
    "add many nodes": "not_all",
    "move theirs under mine": "nodes.not_found",
    "move mine under theirs": "nodes.parent_not_found",
    "move my top": "beyond_own_node",
    "move mine to the root": "nodes.parent_not_found",
    "move theirs by a change": "nodes.not_found",
    "wake a node": "nodes.not_found",
    "delete a node with its assignments": "nodes.not_found",
    "undo a batch of assignments": "batches.not_found",
    "undo a batch of a node": "batches.not_found",
    "undo a batch of a person": "batches.not_found",
    "undo a batch of a role": "batches.not_found",
}
# The same of one row of many, which a plan tells.
PLANNED = {"add many nodes": {"nodes.parent_not_found"}}


@pytest.mark.parametrize("form", [BY_ID, BY_OWN])
def test_a_key_that_is_bound_to_a_sibling_goes_no_way(
    world: World, environment: Environment, form: str
) -> None:
    bound = client_with(make_key(environment, node=Node.objects.get(pk=world.ids["mine"])))
    before, tried = traces(), set()

    for way in ways(world, form):
        for query in queries_of(way):
            code = refusal_of(way.send(bound, query))
            expected = {UNSEEN.get(way.name, "scope_missing"), *["not_all"] * way.many}
            assert code in (expected | PLANNED.get(way.name, set())), (way.name, query, code)
            tried.add(way.name)
            assert traces() == before, way.name

    assert set(UNSEEN) <= tried


def test_a_bound_key_cannot_delete_or_leave_its_own_node(
    world: World, environment: Environment
) -> None:
    mine = world.ids["mine"]
    bound = client_with(make_key(environment, node=Node.objects.get(pk=mine)))
    before = traces()

    for method, path, body in (
        ("delete", f"nodes/{mine}?cascade=true", None),
        ("post", f"nodes/{mine}/move", {"parent_node_id": world.ids["my-room"]}),
        ("patch", f"nodes/{mine}", {"parent_node_id": world.ids["theirs"]}),
        ("patch", "hierarchy-schema", {"max_depth": 2}),
    ):
        answer = getattr(bound, method)(f"{V1}/{path}", body, format="json")
        assert answer.status_code in (400, 403, 404), answer.content
        assert refusal_of(answer) in (
            "beyond_own_node",
            "nodes.into_itself",
            "nodes.parent_not_found",
        )

    assert traces() == before


def test_a_key_that_ends_soon_makes_and_touches_none_that_outlives_it(
    world: World, environment: Environment
) -> None:
    soon = client_with(make_key(environment, expires_at=timezone.now() + HOUR))
    later = (timezone.now() + 2 * HOUR).isoformat()
    before = traces()

    for way in ways(world, BY_ID):
        if way.path.startswith("api-keys"):
            assert refusal_of(way.send(soon)) == "beyond_own_expiry", way.name
            if way.path == "api-keys":
                way.body["expires_at"] = later
                assert refusal_of(way.send(soon)) == "beyond_own_expiry", way.name

    assert traces() == before


def test_the_former_text_of_a_key_makes_none_that_outlives_it(
    world: World, environment: Environment
) -> None:
    former = make_key(environment)
    [row] = [key for key in keys_of(client_with(former)) if key["key_preview"][-4:] == former[-4:]]
    rotate = f"{V1}/api-keys/{row['id']}/rotate-secret"
    assert (
        client_with(former).post(rotate, {"grace_seconds": 600}, format="json").status_code == 200
    )
    before = traces()

    for way in ways(world, BY_ID):
        if way.path.startswith("api-keys"):
            assert refusal_of(way.send(client_with(former))) == "beyond_own_expiry", way.name
    again = client_with(former).post(rotate, {"grace_seconds": 604_800}, format="json")

    error_of(again, 403, "beyond_own_expiry")
    assert traces() == before


def keys_of(client: APIClient) -> list[dict[str, Any]]:
    """Every key that a client sees."""
    told: list[dict[str, Any]] = client.get(f"{V1}/api-keys").json()["items"]
    return told


def test_what_one_key_was_answered_is_replayed_to_no_other(
    world: World, environment: Environment, api: APIClient
) -> None:
    once = {"HTTP_IDEMPOTENCY_KEY": "the first"}
    viewer = client_with(make_key(environment, *VIEWING))
    equal = client_with(make_key(environment))

    for way in ways(world, BY_ID):
        if way.method != "post" or way.path.endswith(("permissions", "move", "activate")):
            continue
        with undone():
            assert way.send(api, **once).status_code in (200, 201, 204), way.name
            before = traces()
            assert refusal_of(way.send(viewer, **once)) == "scope_missing"
            assert traces() == before
            other = way.send(equal, **once)
            assert "Idempotent-Replayed" not in other, way.name


@pytest.mark.parametrize(
    "path", ["audit-events?limit=1", "nodes?format=flat&limit=1", "access/nodes?limit=1"]
)
def test_a_cursor_is_of_no_use_to_others(
    path: str,
    world: World,
    environment: Environment,
    api: APIClient,
    make_environment: Callable[[], Environment],
) -> None:
    def ask(client: APIClient, cursor: str = "") -> Any:
        address = f"{V1}/{path}&cursor={cursor}" if cursor else f"{V1}/{path}"
        if "access" not in path:
            return client.get(address)
        body = {"identity_id": world.ids["insider"], "permission": "vault.see"}
        return client.post(address, body, format="json")

    made = ask(api).json()["pagination"]["next_cursor"]
    away = client_with(make_key(make_environment()))
    bound = client_with(make_key(environment, node=Node.objects.get(pk=world.ids["my-room"])))

    assert ask(api, made).status_code == 200
    error_of(ask(away, made), 400, "cursor_invalid")
    told = ask(bound, made)
    error_of(told, 403 if "audit" in path else 400, None if "audit" in path else "cursor_invalid")


@with_a_body
def test_fields_that_are_ours_to_fill_are_refused(operation: Operation, api: APIClient) -> None:
    rows: Rows = make_rows(api)
    body = body_for(operation, rows)
    known = set(operation.endpoint.body().fields) if operation.endpoint.body else set()
    theirs = [name for name in OURS if name not in known]
    before = traces()

    answer = operation.send(api, rows[operation.resource], {**body, **dict.fromkeys(theirs, 1)})

    lines = error_of(answer, 400, "invalid")["details"]
    assert set(lines) <= {f"{name}: unknown field" for name in theirs}
    assert len(lines) == min(20, len(theirs))
    for name, rows_of in body.items():
        if isinstance(rows_of, list) and rows_of and isinstance(rows_of[0], dict):
            inner = {**body, name: [{**rows_of[0], "environment_id": 1, "path": "0001"}]}
            with undone():
                answer = operation.send(api, rows[operation.resource], inner)
                assert "path: unknown field" in content_of(answer)
                assert answer.status_code == 400 or answer.json()["summary"]["succeeded"] == 0
    assert traces() == before
