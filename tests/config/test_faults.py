"""What callers see when the database is busy, away or refuses, and when we are at fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import close_old_connections, connection, connections, transaction
from rest_framework.test import APIClient

from assignments.models import Role
from environments.models import Environment
from hierarchy.locks import lock_tree
from hierarchy.queries import get_root
from tests.assignments.cast import make_cast

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(client_of: Callable[..., APIClient], environment: Environment) -> APIClient:
    """A client that takes a fault as its answer tells it, as a real one must."""
    client = client_of(environment)
    client.raise_request_exception = False
    return client


@pytest.fixture
def beside() -> Iterator[psycopg.Connection[Any]]:
    """A second connection to the same database, as another process has one."""
    parameters = connections["default"].get_connection_params()
    chosen = {
        name: parameters[name] for name in ("dbname", "user", "host", "port") if name in parameters
    }
    with psycopg.connect(**chosen, autocommit=True) as other:
        yield other


def test_a_lock_that_stays_taken_is_503_with_retry_after(
    api: APIClient, environment: Environment, beside: psycopg.Connection[Any]
) -> None:
    root = get_root(environment)
    taken: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        taken.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note), transaction.atomic():
        lock_tree(environment.pk)
    sql, params = next(row for row in taken if "advisory" in row[0])
    with beside.transaction():
        beside.execute(sql, params)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 200")

        answer = api.post(
            "/api/v1/nodes", {"parent_node_id": str(root.pk), "name": "Site"}, format="json"
        )

    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"
    assert answer.json()["error"]["code"] == "busy"
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 3000")
    again = api.post(
        "/api/v1/nodes", {"parent_node_id": str(root.pk), "name": "Site"}, format="json"
    )
    assert again.status_code == 201


def test_nobody_waits_for_a_role_of_another_environment(
    api: APIClient,
    environment: Environment,
    make_environment: Callable[[], Environment],
    beside: psycopg.Connection[Any],
) -> None:
    cast, theirs = make_cast(environment), make_cast(make_environment())
    with beside.transaction(), connection.cursor() as cursor:
        beside.execute(
            "SELECT id FROM assignments_role WHERE id = %s FOR UPDATE", [theirs.reader.pk]
        )
        cursor.execute("SET lock_timeout = 200")

        answer = api.post(
            "/api/v1/assignments", cast.body(role_id=str(theirs.reader.pk)), format="json"
        )

        cursor.execute("SET lock_timeout = 3000")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "assignments.role_not_found"


def test_a_lost_connection_is_503_and_the_next_request_is_well_again(
    api: APIClient, beside: psycopg.Connection[Any]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone() or (0,)
    beside.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    answer = api.get("/api/v1/roles")
    close_old_connections()
    again = api.get("/api/v1/roles")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"
    assert answer.json()["error"]["code"] == "unavailable"
    assert "allowed" not in answer.json()
    assert again.status_code == 200


def test_a_statement_that_takes_too_long_is_503(api: APIClient) -> None:
    def slow(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "assignments_role" in sql:
            execute("SET statement_timeout = 50", None, False, context)
            return execute("SELECT pg_sleep(2)", None, False, context)
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(slow):
            answer = api.get("/api/v1/roles")
    finally:
        connection.close()

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "timeout"


def test_a_name_that_only_the_database_saw_taken_is_409(
    api: APIClient, environment: Environment
) -> None:
    def meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT INTO") and "assignments_role" in sql and not raced:
            raced.append(sql)
            Role.objects.create(environment=environment, name="auditor")
        return execute(sql, params, many, context)

    raced: list[str] = []
    with connection.execute_wrapper(meanwhile):
        answer = api.post("/api/v1/roles", {"name": "Auditor"}, format="json")

    assert raced
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "roles.name_taken"


def test_a_fault_of_ours_is_500_that_tells_nothing_of_itself(
    api: APIClient,
) -> None:
    def broken(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "assignments_role" in sql:
            raise ZeroDivisionError("the secret is quokka")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(broken):
        answer = api.get("/api/v1/roles")

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert b"quokka" not in answer.content
    assert b"ZeroDivisionError" not in answer.content


def test_a_row_that_was_deleted_meanwhile_is_409(
    api: APIClient, environment: Environment, beside: psycopg.Connection[Any]
) -> None:
    cast = make_cast(environment)

    def meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # By hand in the database: no act of ours deletes a node's row, or goes past the tree's lock.
        if sql.startswith("INSERT INTO assignments_assignment"):
            gone = beside.execute("DELETE FROM hierarchy_node WHERE id = %s", [cast.room.pk])
            deleted.append(gone.rowcount)
        return execute(sql, params, many, context)

    deleted: list[int] = []
    with connection.execute_wrapper(meanwhile):
        answer = api.post(
            "/api/v1/assignments", cast.body(node_id=str(cast.room.pk)), format="json"
        )

    assert deleted == [1]
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"
