"""What every operation of the API does alike; an operation that is added is tested from its first day."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from environments.models import AuditEvent, Environment
from environments.scopes import ALL_SCOPES, Scope
from tests.contracts.operations import NOWHERE, OPERATIONS, Operation, Rows, body_for, make_rows

pytestmark = pytest.mark.django_db
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)
with_a_row = pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if operation.names_a_row], ids=str
)
with_a_body = pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if operation.endpoint.body], ids=str
)
naming_rows = pytest.mark.parametrize(
    "operation",
    [
        operation
        for operation in OPERATIONS
        if any(str(row) in json.dumps(body_for(operation, NOWHERE)) for row in NOWHERE.ids.values())
    ],
    ids=str,
)
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture
def foreign(
    make_environment: Callable[[], Environment], client_of: Callable[..., APIClient]
) -> Rows:
    """Rows of another account's environment."""
    return make_rows(client_of(make_environment()))


@pytest.fixture
def own(api: APIClient) -> Rows:
    """Rows of the caller's environment."""
    return make_rows(api)


def told(answer: Any) -> tuple[int, Any]:
    """What an answer says, apart from when, to which address and in answer to what."""
    body = answer.json()
    for name in ("timestamp", "request_id", "path"):
        body.get("error", {}).pop(name, None)
    return answer.status_code, body


def without(text: tuple[int, Any], rows: Rows) -> str:
    """The same with the ids that were sent, and are echoed, left out."""
    plain = json.dumps(text)
    for row_id in rows.ids.values():
        plain = plain.replace(str(row_id), "…")
    return plain


@each_operation
def test_without_a_key_it_is_401(operation: Operation) -> None:
    answer = operation.send(APIClient(), uuid4(), body_for(operation, NOWHERE))

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"]
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["error"]["code"] == "unauthorized"


@each_operation
def test_without_the_scope_it_is_403_that_names_the_scope_and_nothing_else(
    operation: Operation, environment: Environment, own: Rows, client_of: Callable[..., APIClient]
) -> None:
    others = [Scope(scope) for scope in ALL_SCOPES if scope != operation.endpoint.scope]
    client = client_of(environment, *others)

    there = operation.send(client, own[operation.resource], body_for(operation, own))
    nowhere = operation.send(client, uuid4(), {"no such field": 1})

    assert there.status_code == 403
    assert there.json()["error"]["code"] == "scope_missing"
    assert there.json()["error"]["message"] == f"This needs the scope {operation.endpoint.scope}."
    assert "data" not in there.json()["error"]
    assert told(there) == told(nowhere)


@each_operation
def test_an_unknown_parameter_is_400_that_names_it(
    operation: Operation, api: APIClient, own: Rows
) -> None:
    body = body_for(operation, own)

    answer = operation.send(api, own[operation.resource], body, query="?dryrun=true")

    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == ["dryrun: unknown parameter"]


@with_a_body
def test_an_unknown_field_is_400_that_names_it(
    operation: Operation, api: APIClient, own: Rows
) -> None:
    body = {**body_for(operation, own), "environment_id": str(uuid4()), "path": "0001"}

    answer = operation.send(api, own[operation.resource], body)

    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == [
        "environment_id: unknown field",
        "path: unknown field",
    ]


@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS if each.method != "GET" and each.endpoint.body is None],
    ids=str,
)
def test_a_field_where_none_is_taken_is_400_that_names_it(
    operation: Operation, api: APIClient, own: Rows
) -> None:
    answer = operation.send(api, own[operation.resource], {"dry_run": True})

    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == ["dry_run: unknown field"]


@with_a_body
@pytest.mark.parametrize("body", [[], "text", 1, None, [{}]], ids=str)
def test_a_body_that_is_no_object_is_400(
    operation: Operation, api: APIClient, own: Rows, body: Any
) -> None:
    path = operation.path(own[operation.resource])

    answer = api.generic(operation.method, path, json.dumps(body), content_type="application/json")

    assert answer.status_code == 400, answer.content


@with_a_row
def test_a_row_of_another_environment_is_answered_as_one_that_is_nowhere(
    operation: Operation, api: APIClient, own: Rows, foreign: Rows
) -> None:
    body = body_for(operation, own)
    events = AuditEvent.objects.count()

    answer = operation.send(api, foreign[operation.resource], body)
    expected = operation.send(api, NOWHERE[operation.resource], body)

    assert answer.status_code == 404
    assert without(told(answer), foreign) == without(told(expected), NOWHERE)
    assert AuditEvent.objects.count() == events


@naming_rows
def test_ids_of_another_environment_in_a_body_are_answered_as_ids_of_nothing(
    operation: Operation, api: APIClient, own: Rows, foreign: Rows
) -> None:
    events = AuditEvent.objects.count()
    there = body_for(operation, foreign)
    nowhere = body_for(operation, NOWHERE)

    answer = operation.send(api, own[operation.resource], there)
    expected = operation.send(api, own[operation.resource], nowhere)

    assert without(told(answer), foreign) == without(told(expected), NOWHERE)
    assert answer.status_code in (200, 207, 404, 409)
    assert answer.status_code == 404 or "true" not in json.dumps(answer.json())
    assert AuditEvent.objects.count() == events


@pytest.mark.parametrize("address", sorted({operation.address for operation in OPERATIONS}))
def test_other_methods_are_405(address: str, api: APIClient, own: Rows) -> None:
    here = [operation for operation in OPERATIONS if operation.address == address]

    for method in METHODS - {operation.method for operation in here}:
        answer = Operation(method, address, here[0].endpoint).send(api, own[here[0].resource])

        assert answer.status_code == 405, method
        assert answer.json()["error"]["code"] == "method_not_allowed"


@with_a_row
@pytest.mark.parametrize("pk", ["1", "ext:", "ext:a b", "%00", "email:x", "a" * 300, "..", "’"])
def test_what_is_no_id_leads_nowhere(operation: Operation, api: APIClient, pk: str) -> None:
    answer = operation.send(api, pk)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
