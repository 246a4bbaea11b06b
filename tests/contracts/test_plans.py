"""A plan is what then happens: dry_run and act are compared for every write that takes it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.db.models import F
from rest_framework.test import APIClient

from identities.models import Invitation
from tests.contracts.operations import OPERATIONS, Operation, Rows, body_for, make_rows
from tests.contracts.test_isolation import fingerprint

pytestmark = pytest.mark.django_db

PLANNED = [operation for operation in OPERATIONS if operation.endpoint.plans]
each_planned = pytest.mark.parametrize("operation", PLANNED, ids=str)
# What only a written row has, or what only the act can tell.
ONLY_WRITTEN = {"id", "created_at", "updated_at", "accept_url", "expires_at", "batch_id"}
WRITES_THAT_PLAN = ("nodes", "roles", "assignments", "identities", "identity-invites")


@pytest.fixture
def own(api: APIClient) -> Rows:
    """Rows of the caller's environment, with an invitation that is old enough to be renewed."""
    rows = make_rows(api)
    Invitation.objects.update(renewed_at=F("renewed_at") - timedelta(hours=1))
    return rows


def alike(told: Any) -> Any:
    """What is told, without what only a written row has."""
    match told:
        case dict():
            return {
                name: None if name in ONLY_WRITTEN else alike(value) for name, value in told.items()
            }
        case list():
            return [alike(value) for value in told]
        case _:
            return told


def send(operation: Operation, api: APIClient, own: Rows, **query: str) -> Any:
    pk = own[operation.resource] if operation.names_a_row else None
    if "cascade" in operation.endpoint.query().fields:
        query["cascade"] = "true"
    return operation.send(api, pk, body_for(operation, own), f"?{urlencode(query)}")


def planned(operation: Operation, api: APIClient, own: Rows) -> Any:
    answer = send(operation, api, own, dry_run="true")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["dry_run"] is True
    return told


def assert_same(plan: Any, answer: Any) -> None:
    """The plan's rows are what the act answered."""
    told = json.loads(answer.content) if answer.content else {}
    if "results" in told:
        assert alike(plan["results"]) == alike(told["results"])
        assert plan["summary"] == told["summary"]
        return
    if "items" in told:
        assert alike([row["data"] for row in plan["results"]]) == alike(told["items"])
        return
    [row] = plan["results"]
    assert row["code"] == answer.status_code
    if answer.status_code >= 400:
        assert row["status"] == "error"
        assert (row["error"]["code"], row["error"]["message"]) == (
            told["error"]["code"],
            told["error"]["message"],
        )
    elif set(told) - ONLY_WRITTEN == {"message"}:
        assert row["data"].get("message", told["message"]) == told["message"]
    elif told:
        assert alike(row["data"]) == alike(told)


def advisory_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        (count,) = cursor.fetchone()
    return int(count)


def test_every_write_of_what_the_contract_lists_can_be_planned() -> None:
    writes = {
        str(operation)
        for operation in OPERATIONS
        if operation.method != "GET" and operation.resource in WRITES_THAT_PLAN
    }

    assert writes <= {str(operation) for operation in PLANNED}


@each_planned
def test_a_plan_writes_nothing_and_takes_no_lock(
    operation: Operation, api: APIClient, own: Rows
) -> None:
    before, locks = fingerprint(), advisory_locks()

    planned(operation, api, own)

    assert fingerprint() == before
    assert advisory_locks() == locks


@each_planned
def test_the_act_does_what_the_plan_said(operation: Operation, api: APIClient, own: Rows) -> None:
    plan = planned(operation, api, own)
    answer = send(operation, api, own)

    assert answer.status_code < 300, answer.content
    assert plan["summary"]["failed"] == 0
    assert_same(plan, answer)


@each_planned
def test_what_is_done_a_second_time_is_planned_as_it_is_answered(
    operation: Operation, api: APIClient, own: Rows
) -> None:
    """The second time most acts are refused, or change nothing."""
    assert send(operation, api, own).status_code < 300

    plan = planned(operation, api, own)

    assert_same(plan, send(operation, api, own))


@each_planned
def test_a_plan_about_what_is_nowhere_is_refused_like_the_act(
    operation: Operation, api: APIClient, own: Rows
) -> None:
    gone = {**own.ids}
    for name in gone:
        if name in json.dumps([operation.resource]) or operation.endpoint.body:
            gone[name] = type(gone[name])(int=gone[name].int ^ 1)
    rows = Rows(gone)

    plan = planned(operation, api, rows)

    assert_same(plan, send(operation, api, rows))
