"""Every operation takes the scopes that the contract's table gives it, no fewer and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from environments.models import Environment
from environments.scopes import ALL_SCOPES, Scope
from tests.contracts.operations import OPERATIONS, Operation, Rows, body_for, make_rows
from tests.contracts.scopes import TABLE, line_of

pytestmark = pytest.mark.django_db
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


@pytest.fixture
def own(api: APIClient) -> Rows:
    """Rows of the caller's environment."""
    return make_rows(api)


def send(operation: Operation, client: APIClient, own: Rows) -> Any:
    """Call an operation with its row and its body."""
    row = own[operation.resource] if operation.names_a_row else None
    return operation.send(client, row, body_for(operation, own))


@each_operation
def test_an_operation_has_the_scope_of_its_line(operation: Operation) -> None:
    assert operation.endpoint.scope == line_of(operation).scopes_of(operation)[0]


def test_every_scope_of_the_table_exists_and_every_scope_stands_in_it() -> None:
    named = {
        scope
        for line in TABLE
        for scope in (line.read, line.write, *line.also, *line.with_a_role)
        if scope
    }

    assert named == set(Scope.values)


def test_every_line_of_the_table_is_served() -> None:
    served = {id(line_of(operation)) for operation in OPERATIONS}

    waiting = [line.addresses[0] for line in TABLE if id(line) not in served]
    assert waiting == ["webhooks"]  # their scopes are given out already, their routes come later


@each_operation
def test_a_key_needs_each_scope_of_the_line(
    operation: Operation, environment: Environment, own: Rows, client_of: Callable[..., APIClient]
) -> None:
    for scope in line_of(operation).scopes_of(operation):
        client = client_of(environment, *sorted(ALL_SCOPES - {Scope(scope)}))

        answer = send(operation, client, own)

        assert answer.status_code == 403
        assert answer.json()["error"]["message"] == f"This needs the scope {scope}."


@each_operation
def test_a_key_needs_no_scope_beyond_its_line(
    operation: Operation, environment: Environment, own: Rows, client_of: Callable[..., APIClient]
) -> None:
    """But for acts on keys, which need what the other key carries."""
    line = line_of(operation)
    gives_a_role = "role_id" in json.dumps(body_for(operation, own))
    scopes = {*line.scopes_of(operation), *(line.with_a_role if gives_a_role else ())}
    client = client_of(environment, *sorted(map(Scope, scopes)))

    answer = send(operation, client, own)

    if operation.resource == "api-keys" and operation.method != "GET":
        assert answer.json()["error"]["code"] == "scope_missing"
    else:
        assert answer.status_code not in (401, 403), answer.content


@pytest.mark.parametrize("address", ["identities", "identity-invites"])
def test_giving_a_role_with_a_person_needs_the_scope_for_that_as_well(
    address: str, environment: Environment, own: Rows, client_of: Callable[..., APIClient]
) -> None:
    client = client_of(environment, Scope.IDENTITY_MANAGE, Scope.IDENTITY_VIEW)
    person = {"email": "new@example.org", "first_name": "New", "last_name": "Example"}
    role = {"role_id": str(own["roles"]), "node_id": str(own["nodes"])}

    with_a_role = client.post(f"/api/v1/{address}", {**person, **role}, format="json")
    without = client.post(f"/api/v1/{address}", person, format="json")

    assert with_a_role.status_code == 403
    assert with_a_role.json()["error"]["message"] == "This needs the scope rbac.manage_assignments."
    assert without.status_code == 201
