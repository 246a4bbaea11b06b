"""The isolation matrix: every operation of the OpenAPI file, every place for an id, every wrong caller.

What a caller may not know is answered like what nobody has, byte for byte apart from the ids that were sent;
nothing is changed, and no name of another environment, or of a node elsewhere, is in any answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Now
from rest_framework.test import APIClient

from environments.actors import Actor
from environments.keys import hash_key
from environments.models import ApiKey, Environment
from environments.scopes import Scope
from hierarchy.models import Node
from hierarchy.queries import get_root
from hierarchy.services.environments import create_environment
from tests.contracts.operations import NOWHERE, OPERATIONS, Operation, Rows, body_for, make_rows
from tests.contracts.positions import Described, Position, described, normal, with_id
from tests.factories import make_key

pytestmark = pytest.mark.django_db

CANARY = "canary"
# Roles and permissions belong to the whole environment: a key that is bound to a node may read them.
CHOIR = "choir"
OF_ALL = {"roles", "permissions"}
# A decision is the truth about whoever is asked about, seen or not; its names are those of roles, and of
# nodes that the caller sees.
DECISIONS = ("/api/v1/permissions/evaluate", "/api/v1/access/")
# A key without a place in the environment is answered alike, whatever is wrong with it.
WITHOUT_A_KEY = ("none", "garbage", "disabled", "expired", "deleted")
FOREIGN = ("other environment", "other account", "bound elsewhere")
CALLERS = (*WITHOUT_A_KEY, "too little scope", *FOREIGN)
BINDABLE = (
    Scope.HIERARCHY_VIEW,
    Scope.HIERARCHY_MANAGE,
    Scope.ROLES_VIEW,
    Scope.ASSIGNMENTS_VIEW,
    Scope.ASSIGNMENTS_MANAGE,
    Scope.EVALUATE,
    Scope.IDENTITY_VIEW,
)
BY_NAME = {(operation.method, normal(operation.address)): operation for operation in OPERATIONS}


@dataclass(frozen=True)
class Stage:
    """An environment whose rows are at stake, and clients of everyone who may not touch them.

    Args:
        rows: the rows, all named after the canary.
        callers: a client for each kind of caller.
        own: the rows of each foreign caller's own environment, or of its own node.
    """

    rows: Rows
    callers: dict[str, APIClient]
    own: dict[str, Rows]


def operation_of(entry: Described) -> Operation:
    """The operation behind an entry of the file."""
    return BY_NAME[entry.method, normal(entry.path)]


def client_with(text: str | None) -> APIClient:
    """A client that is answered 500 where another would raise."""
    client = APIClient(raise_request_exception=False)
    if text is not None:
        client.credentials(HTTP_X_API_KEY=text)
    return client


def changed_key(environment: Environment, *scopes: Scope, **changes: Any) -> str:
    """A key that was good until it was changed."""
    text = make_key(environment, *scopes)
    ApiKey.objects.filter(key_hash=hash_key(text)).update(**changes)
    return text


def sing(rows: Rows) -> None:
    """Name every row after the canary, so that an answer that tells of one is found out."""
    models = {name.rpartition(".")[2].lower(): name for name in (
        "hierarchy.Node", "assignments.Role", "assignments.Permission", "environments.ApiKey",
    )}  # fmt: skip
    for name in models.values():
        model = apps.get_model(name)
        sung = CHOIR if name.startswith("assignments") else CANARY
        model.objects.filter(pk__in=rows.ids.values()).update(
            name=Concat(Value(f"{sung} "), F("name"))
        )
    apps.get_model("identities.Identity").objects.filter(pk__in=rows.ids.values()).update(
        first_name=CANARY, email=f"{CANARY}@example.org"
    )


@pytest.fixture
def stage(
    environment: Environment,
    api: APIClient,
    actor: Actor,
    make_environment: Callable[[], Environment],
) -> Stage:
    """The rows, and everyone who may not touch them."""
    rows = make_rows(api)
    beside = create_environment(actor=actor, account=environment.account, name="Production")
    away = make_environment()
    elsewhere = Node.objects.add_child(
        get_root(environment),
        instance=Node(
            environment=environment,
            parent=get_root(environment),
            name="Elsewhere",
            slug="elsewhere",
            node_type="node",
        ),
    )
    clients = {
        "none": client_with(None),
        "garbage": client_with("trl_" + "0" * 38),
        "disabled": client_with(changed_key(environment, is_active=False)),
        "expired": client_with(changed_key(environment, expires_at=Now())),
        "deleted": client_with(changed_key(environment, deleted_at=Now())),
        "other environment": client_with(make_key(beside)),
        "other account": client_with(make_key(away)),
        "bound elsewhere": client_with(changed_key(environment, *BINDABLE, node_id=elsewhere.pk)),
    }
    own = {name: make_rows(clients[name]) for name in ("other environment", "other account")}
    own["bound elsewhere"] = Rows({**NOWHERE.ids, "nodes": elsewhere.pk})
    sing(rows)
    return Stage(rows, clients, own)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is written in the block is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def content_of(answer: Any) -> str:
    """All that an answer says, streamed or not."""
    content = b"".join(answer) if answer.streaming else answer.content
    return content.decode()


def told(answer: Any, *sent: object) -> str:
    """An answer without its time, its request and the ids that were sent."""
    text = content_of(answer)
    try:
        body = json.loads(text)
    except ValueError:
        body = text
    if isinstance(body, dict):
        for name in ("timestamp", "request_id", "path"):
            body.get("error", {}).pop(name, None)
    plain = json.dumps([answer.status_code, body], sort_keys=True)
    for row_id in sent:
        plain = plain.replace(str(row_id), "…")
    return plain


def fingerprint() -> dict[str, Any]:
    """What every table of ours holds, but for keys' last use and the limits."""
    left_out = {"environments_ratewindow", "environments_heartbeat"}
    ours = {"accounts", "environments", "hierarchy", "identities", "assignments"}
    tables = sorted(
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.app_label in ours and model._meta.db_table not in left_out
    )
    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for table in tables:
            told = f"SELECT (to_jsonb(t) - 'last_used_at')::text AS told FROM {table} t"  # noqa: S608  # our own tables
            cursor.execute(f"SELECT md5(string_agg(told, '|' ORDER BY told)) FROM ({told}) rows")  # noqa: S608  # as above
            found[table] = cursor.fetchone()
    return found


def ask(
    operation: Operation, client: APIClient, rows: Rows, position: Position | None, row_id: object
) -> Any:
    """Call an operation about rows, with an id of its own at one position."""
    pk: object = rows[operation.resource] if operation.names_a_row else None
    body = body_for(operation, rows)
    query = ""
    match position:
        case Position("path"):
            pk = row_id
        case Position("query", (name,)):
            query = f"?{name}={row_id}"
        case Position("body", steps):
            body = with_id(body, steps, str(row_id))
    return operation.send(client, pk, body, query)


def test_the_file_and_the_addresses_tell_of_the_same_operations() -> None:
    listed = {(entry.method, normal(entry.path)) for entry in described()}

    assert listed == set(BY_NAME)
    assert len(described()) == len(OPERATIONS)


@pytest.mark.parametrize("entry", described(), ids=str)
def test_no_wrong_caller_gets_through(
    entry: Described, stage: Stage, environment: Environment
) -> None:
    operation = operation_of(entry)
    others = [scope for scope in Scope if scope != operation.endpoint.scope]
    too_little = client_with(make_key(environment, *others))
    before = fingerprint()
    classified = 0

    answers = set()
    for caller in WITHOUT_A_KEY:
        answer = ask(operation, stage.callers[caller], stage.rows, None, None)
        assert answer.status_code == 401, caller
        assert CANARY not in content_of(answer)
        answers.add(told(answer) if caller != "none" else None)
        classified += 1
    assert len(answers) == 2, "a wrong key is answered alike, whatever is wrong with it"

    answer = ask(operation, too_little, stage.rows, None, None)
    assert answer.status_code == 403
    assert CANARY not in content_of(answer)
    classified += 1

    for caller in FOREIGN:
        for position in entry.positions or (None,):
            classified += classify(operation, stage, caller, position)

    assert fingerprint() == before
    assert classified == len(WITHOUT_A_KEY) + 1 + len(FOREIGN) * max(1, len(entry.positions))


def is_silent(caller: str, content: str) -> bool:
    """Whether an answer names nothing that its caller may not know."""
    return CANARY not in content and (caller == "bound elsewhere" or CHOIR not in content)


def classify(operation: Operation, stage: Stage, caller: str, position: Position | None) -> int:
    """Compare the answer about a row at stake with the answer about one that nobody has."""
    client, own = stage.callers[caller], stage.own[caller]
    if position is None:
        with undone():
            answer = ask(operation, client, own, None, None)
            content = content_of(answer)
            assert answer.status_code < 500, content
            assert is_silent(caller, content), (caller, str(operation))
        return 1
    kind = operation.resource if position.where == "path" else position.kind
    at_stake, nowhere = stage.rows[kind], uuid4()
    with undone():
        about = ask(operation, client, own, position, at_stake)
        said = told(about, at_stake)
        assert is_silent(caller, said), (caller, str(operation), str(position))
        assert about.status_code < 500, said
    if caller == "bound elsewhere" and (
        kind in OF_ALL or (kind == "identities" and operation.address.startswith(DECISIONS))
    ):
        return 1
    with undone():
        expected = told(ask(operation, client, own, position, nowhere), nowhere)
    assert said == expected, (caller, str(operation), str(position))
    return 1


@pytest.mark.parametrize("entry", [entry for entry in described() if entry.positions], ids=str)
def test_every_position_takes_an_id_of_ones_own(
    entry: Described, environment: Environment, api: APIClient
) -> None:
    """Otherwise the matrix would compare one refusal of a malformed call with another."""
    operation = operation_of(entry)
    rows = make_rows(api)

    for position in entry.positions:
        kind = operation.resource if position.where == "path" else position.kind
        with undone():
            answer = ask(operation, api, rows, position, rows[kind])
            content = content_of(answer)
            assert answer.status_code < 300 or fits_otherwise(answer), (str(position), content)
            if answer.status_code == 207:
                assert json.loads(content)["summary"]["succeeded"], content


def fits_otherwise(answer: Any) -> bool:
    """Whether the row was found, and only what was asked of it does not fit its state."""
    return answer.status_code == 409 or answer.json()["error"]["code"] == "nodes.into_itself"
