"""Whatever writes is told in the audit log, by the key and the request that did it, and never with a secret.

What only reads, what is only planned and what is refused leaves no event; what cannot be told is not done.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from rest_framework.test import APIClient

from assignments.models import RolePermission
from environments.keys import hash_key
from environments.models import ActorType, ApiKey, AuditEvent, Environment
from environments.scopes import ALL_SCOPES
from identities.models import Identity, Invitation
from tests.contracts.operations import NOWHERE, OPERATIONS, Operation, Rows, body_for, make_rows
from tests.contracts.test_hostile import is_question
from tests.contracts.test_isolation import client_with, content_of, undone
from tests.contracts.traces import traces
from tests.factories import make_key

pytestmark = pytest.mark.django_db

READING = [operation for operation in OPERATIONS if is_question(operation)]
WRITING = [operation for operation in OPERATIONS if not is_question(operation)]
each_writing = pytest.mark.parametrize("operation", WRITING, ids=str)
each_reading = pytest.mark.parametrize("operation", READING, ids=str)
REQUEST_ID = "the-request-that-is-told"
# The kind of resource that a resource of the API is told as, and the rows that it is.
TOLD = {
    "api-keys": "api_key",
    "assignments": "assignment",
    "batches": "assignment",
    "hierarchy-schema": "hierarchy_schema",
    "identities": "identity",
    "identity-invites": "invite",
    "nodes": "node",
    "permissions": "permission",
    "roles": "role",
}
MODELS = {
    "api_key": "environments.ApiKey",
    "assignment": "assignments.Assignment",
    "batch": "environments.Batch",
    "hierarchy_schema": "environments.Environment",
    "identity": "identities.Identity",
    "invite": "identities.Invitation",
    "node": "hierarchy.Node",
    "permission": "assignments.Permission",
    "role": "assignments.Role",
}


@pytest.fixture
def text(environment: Environment) -> str:
    """The text of a key that may do everything."""
    return make_key(environment)


@pytest.fixture
def client(text: str) -> APIClient:
    """A client with that key, which is answered 500 where another would raise."""
    return client_with(text)


@pytest.fixture
def own(api: APIClient) -> Rows:
    """Rows about which each act is more than no change."""
    return make_rows(api)


def prepare(operation: Operation, own: Rows) -> Any:
    """Let the act be more than no change; gives its body."""
    if operation.address.endswith("/activate"):
        Identity.objects.filter(pk=own["identities"]).update(status="inactive")
    body = body_for(operation, own)
    if str(operation) == "PATCH /api/v1/api-keys/<uuid:pk>":
        return {"is_active": False}
    if str(operation) == "POST /api/v1/identity-invites/<uuid:pk>/resend":
        return {"send_email": False}
    if operation.resource == "identity-invites" and operation.method == "POST":
        return {**body, "send_email": False} if "email" in body else body
    if operation.resource == "roles" and operation.address.endswith("/permissions"):
        if operation.method == "POST":
            RolePermission.objects.filter(role_id=own["roles"]).delete()
        return {"permission_keys": []} if operation.method == "PUT" else body
    return body


def call(operation: Operation, client: APIClient, own: Rows, body: Any, **headers: str) -> Any:
    """Call it about its row, as the request that is told."""
    path = operation.path(own[operation.resource])
    cascade = "cascade" in operation.endpoint.query().fields
    send = getattr(client, operation.method.lower())
    address = f"{path}?cascade=true" if cascade else path
    return send(address, body, format="json", HTTP_X_REQUEST_ID=REQUEST_ID, **headers)


def events_after(count: int) -> list[AuditEvent]:
    """The events that were written since there were so many."""
    return list(AuditEvent.objects.order_by("created_at", "pk")[count:])


def secrets_of(answer: Any) -> Iterator[str]:
    """Everything that opens something, or what it is made of, in each form in which it might be written."""
    told = json.loads(content_of(answer) or "null")
    for row in [told, *(told.get("results", []) if isinstance(told, dict) else [])]:
        for holder in (row, row.get("data", {})) if isinstance(row, dict) else ():
            for name in ("key", "accept_url"):
                if holder.get(name) and str(holder[name]).startswith(("trl_", "http")):
                    yield str(holder[name]).rpartition("/")[2]
    kept: list[Any] = list(Invitation.objects.values_list("nonce", flat=True))
    for key in ApiKey.objects.all():
        kept += [key.key_hash, key.former_hash]
    for raw in filter(None, kept):
        yield bytes(raw).hex()
        yield b64encode(bytes(raw)).decode()
        yield str(bytes(raw))


@each_writing
def test_a_write_is_told_by_whom_in_which_request_and_of_what(
    operation: Operation, client: APIClient, text: str, own: Rows, environment: Environment
) -> None:
    body, count = prepare(operation, own), AuditEvent.objects.count()

    answer = call(operation, client, own, body)

    assert answer.status_code < 300, answer.content
    events = events_after(count)
    assert events, "nothing was told"
    me = ApiKey.objects.get(key_hash=hash_key(text))
    for event in events:
        assert event.environment_id == environment.pk
        assert (event.actor_type, event.actor_id) == (ActorType.API_KEY, me.pk)
        assert event.actor_label == me.name
        assert event.correlation_id == REQUEST_ID
        assert event.outcome == AuditEvent.Outcome.SUCCESS
        assert event.resource_type == event.action.partition(".")[0]
        assert apps.get_model(MODELS[event.resource_type])._base_manager.filter(
            pk=event.resource_id
        ).exists() or (
            operation.method == "DELETE" and event.resource_id == own[operation.resource]
        )
    fitting = {
        event.resource_id for event in events if event.resource_type == TOLD[operation.resource]
    }
    assert fitting, [event.action for event in events]
    if operation.names_a_row and operation.resource != "batches":
        assert own[operation.resource] in fitting


@each_writing
def test_no_secret_is_told(operation: Operation, client: APIClient, text: str, own: Rows) -> None:
    answer = call(operation, client, own, prepare(operation, own))

    assert answer.status_code < 300, answer.content
    told = json.dumps(
        list(AuditEvent.objects.values_list("metadata", "resource_label", "actor_label")),
        default=str,
    )
    secrets = [text, text[8:-4], *secrets_of(answer)]
    assert [secret for secret in secrets if secret in told] == []


def test_the_acts_that_answer_with_a_secret_are_looked_through_for_it(
    client: APIClient, own: Rows
) -> None:
    """Otherwise the test above would look for nothing."""
    found = {}
    for operation in WRITING:
        if operation.endpoint.secrets:
            with undone():
                answer = call(operation, client, own, prepare(operation, own))
            told = content_of(answer)
            found[str(operation)] = [one for one in secrets_of(answer) if one in told]

    assert len(found) == 5
    assert all(found.values()), found


@each_reading
def test_reading_leaves_no_event(operation: Operation, client: APIClient, own: Rows) -> None:
    before = traces()

    answer = call(operation, client, own, body_for(operation, own))

    content_of(answer)
    assert answer.status_code == 200
    assert traces() == before


@each_writing
def test_a_refusal_or_a_plan_leaves_no_event(
    operation: Operation, client: APIClient, own: Rows, environment: Environment
) -> None:
    body, path = prepare(operation, own), operation.path(own[operation.resource])
    others = sorted(ALL_SCOPES - {operation.endpoint.scope})
    before = traces()

    refused = {
        401: call(operation, client_with("trl_nothing"), own, body),
        403: call(operation, client_with(make_key(environment, *others)), own, body),
        400: operation.send(client, own[operation.resource], body, "?dryrun=true"),
    }
    if operation.names_a_row:
        refused[404] = call(operation, client, NOWHERE, body)
    if operation.endpoint.versioned:
        refused[409] = call(operation, client, own, body, HTTP_IF_MATCH='"99"')
    plan = operation.send(client, own[operation.resource], body, "?dry_run=true")

    assert {status: answer.status_code for status, answer in refused.items()} == {
        status: status for status in refused
    }
    assert plan.status_code == (200 if operation.endpoint.plans else 400), path
    after = traces()
    # The key that had too little scope was made on the way, and told.
    made = {"environments_apikey", "environments_auditevent"}
    assert {name for name in after if after[name] != before[name]} <= made
    assert AuditEvent.objects.filter(correlation_id=REQUEST_ID).count() == 0
    assert AuditEvent.objects.latest("created_at").action == "api_key.created"


@each_writing
def test_what_cannot_be_told_is_not_done(
    operation: Operation, client: APIClient, own: Rows
) -> None:
    body = prepare(operation, own)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE environments_auditevent ADD CONSTRAINT untold"
            f" CHECK (correlation_id <> '{REQUEST_ID}') NOT VALID"
        )
    before = traces()

    answer = call(operation, client, own, body, HTTP_IDEMPOTENCY_KEY=str(uuid4()))

    assert answer.status_code == 500, content_of(answer)
    assert answer.json()["error"]["code"] == "internal_error"
    assert traces() == before
