"""`/api-keys`: no key gains power through another, secrets are told once, and what ends stays ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from rest_framework.test import APIClient

from environments.models import ApiKey, AuditEvent, Environment, IdempotencyRecord
from environments.scopes import BOUND_SCOPES, Scope
from hierarchy.models import Node
from tests.assignments.cast import Cast, make_cast, text
from tests.factories import make_key
from tests.rituals import (
    V1,
    Route,
    assert_foreign_is_like_random,
    assert_hostile_is_survived,
    error_of,
    hostile_bodies,
    names_field,
)

pytestmark = pytest.mark.django_db
KEYS = f"{V1}/api-keys"
FULL = {"name": "sync", "access_mode": "full_access"}
ASKS = {"name": "asks", "access_mode": "scoped", "scopes": ["permissions.evaluate"]}
ROW = {
    "id", "name", "description", "key_preview", "access_mode", "scopes", "node_id", "is_active",
    "last_used_at", "expires_at", "former_until", "created_by", "created_at",
}  # fmt: skip
BOUND_CALLS = [
    ("get", "", None),
    ("post", "", ASKS),
    ("get", "/{}", None),
    ("patch", "/{}", {"is_active": True}),
    ("patch", "/{}", {"is_active": False}),
    ("post", "/{}/rotate-secret", {}),
    ("delete", "/{}", None),
]


@pytest.fixture
def cast(environment: Environment) -> Cast:
    """A small cast: a tree of three, two roles, one person."""
    return make_cast(environment)


def client_with(key_text: str) -> APIClient:
    """A client with a key."""
    client = APIClient()
    client.credentials(HTTP_X_API_KEY=key_text)
    return client


def send(client: APIClient, method: str, address: str, body: Any = None, **headers: str) -> Any:
    """Call an address below `/api-keys`."""
    return getattr(client, method)(f"{KEYS}{address}", body, format="json", **headers)


def made(client: APIClient, **body: Any) -> dict[str, Any]:
    """A new key as it is answered."""
    answer = send(client, "post", "", {**FULL, **body})
    assert answer.status_code == 201, answer.content
    row: dict[str, Any] = answer.json()
    return row


def state() -> list[Any]:
    """Every key but for its last use, and how much is written down."""
    keys = ApiKey.objects.order_by("pk").defer("last_used_at").values()
    return [[{**key, "last_used_at": 0} for key in keys], AuditEvent.objects.count()]


def acts_on(key_id: object) -> list[tuple[str, str, Any]]:
    """Every act on one key."""
    return [
        ("patch", f"/{key_id}", {"is_active": True}),
        ("patch", f"/{key_id}", {"is_active": False}),
        ("post", f"/{key_id}/rotate-secret", {}),
        ("post", f"/{key_id}/rotate-secret", {"grace_seconds": 604_800}),
        ("delete", f"/{key_id}", None),
    ]


def soon(hours: float) -> datetime:
    """So many hours from now, to the second."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


def test_no_key_makes_a_stronger_one(environment, client_of) -> None:
    small = client_of(environment, Scope.KEY_MANAGE, Scope.IDENTITY_VIEW)
    before = state()

    for body, lacked in (
        (FULL, "hierarchy.view"),
        ({**ASKS, "scopes": ["identity.manage"]}, "identity.manage"),
        ({**ASKS, "scopes": ["api_key.manage", "audit.view"]}, "audit.view"),
    ):
        error = error_of(send(small, "post", "", body), 403, "scope_missing")
        assert error["message"] == f"This needs the scope {lacked}."

    assert state() == before
    assert made(small, access_mode="scoped", scopes=["identity.view"])["scopes"] == [
        "identity.view"
    ]


@pytest.mark.parametrize(
    "stronger", [FULL, {**ASKS, "scopes": ["identity.manage"]}], ids=["full", "scoped"]
)
def test_no_key_takes_over_or_stops_a_stronger_one(environment, api, client_of, stronger) -> None:
    key_id = made(api, **stronger)["id"]
    small = client_of(environment, Scope.KEY_MANAGE, Scope.KEY_VIEW, Scope.IDENTITY_VIEW)
    before = state()

    for call in acts_on(key_id):
        error_of(send(small, *call), 403, "scope_missing")

    assert state() == before


def test_no_key_gives_what_it_was_denied_in_two_steps(environment, client_of) -> None:
    """What a small key makes may no more than it, however often it makes another."""
    small = client_of(environment, Scope.KEY_MANAGE)
    child = client_with(made(small, access_mode="scoped", scopes=["api_key.manage"])["key"])

    error_of(send(child, "post", "", FULL), 403, "scope_missing")
    error_of(send(child, "post", "", ASKS), 403, "scope_missing")
    assert send(child, "get", "").status_code == 403


def test_no_key_outlives_itself_by_making_another(environment) -> None:
    ends = soon(1)
    client = client_with(make_key(environment, expires_at=ends))
    before = state()

    for later in ({}, {"expires_at": text(ends + timedelta(seconds=1))}):
        error_of(send(client, "post", "", {**FULL, **later}), 403, "beyond_own_expiry")

    assert state() == before
    assert made(client, expires_at=text(ends))["expires_at"] == text(ends)


def test_no_key_outlives_itself_by_rotation(environment, api) -> None:
    ends = soon(1)
    own = make_key(environment, expires_at=ends)
    own_id, lasting = ApiKey.objects.get(expires_at=ends).pk, made(api)["id"]
    client = client_with(own)
    before = state()

    for call in acts_on(lasting):
        error_of(send(client, *call), 403, "beyond_own_expiry")
    assert state() == before

    rotated = send(client, "post", f"/{own_id}/rotate-secret", {}).json()
    assert rotated["expires_at"] == text(ends)
    ApiKey.objects.filter(pk=own_id).update(expires_at=Now() - timedelta(seconds=1))
    assert send(client_with(rotated["key"]), "get", "").status_code == 401
    error_of(send(api, "post", f"/{own_id}/rotate-secret", {}), 409, "api_keys.expired")


def test_the_holder_of_a_former_text_cannot_make_its_grace_last(environment, api) -> None:
    """A leaked text that was rotated away with grace must not win the key back."""
    leaked = made(api)
    thief = client_with(leaked["key"])
    rotated = send(api, "post", f"/{leaked['id']}/rotate-secret", {"grace_seconds": 3600})
    ends = rotated.json()["former_until"]
    before = state()

    assert send(thief, "get", "").status_code == 200
    for call in (
        *acts_on(leaked["id"]),
        ("post", "", FULL),
        ("post", "", {**FULL, "expires_at": text(soon(2))}),
    ):
        error_of(send(thief, *call), 403, "beyond_own_expiry")

    assert state() == before
    assert made(thief, expires_at=ends)["expires_at"] == ends
    mine = client_with(rotated.json()["key"])
    assert send(mine, "post", f"/{leaked['id']}/rotate-secret", {}).status_code == 200
    assert send(thief, "get", "").status_code == 401


def test_a_bound_key_can_do_nothing_about_keys(cast, api, client_of) -> None:
    bound = client_of(cast.environment, node=cast.site)
    others = [made(api)["id"], made(api, **ASKS, node_id=str(cast.room.pk))["id"]]
    own = ApiKey.objects.get(node_id=cast.site.pk).pk
    before = state()

    for key_id in (*others, own, uuid4()):
        for method, address, body in BOUND_CALLS:
            answer = send(bound, method, address.format(key_id), body)
            scope = "api_key.view" if method == "get" else "api_key.manage"
            assert error_of(answer, 403, "scope_missing")["message"].endswith(f"{scope}.")

    assert state() == before


def test_a_key_is_shown_with_who_made_it_and_its_node(cast, api) -> None:
    row = made(api, **ASKS, node_id="ext:site-1", description="Asks", expires_at=text(soon(1)))

    assert set(row) == ROW | {"key"}
    assert row["node_id"] == str(cast.site.pk)
    assert row["created_by"] == "test"
    shown = send(api, "get", f"/{row['id']}").json()
    assert shown == {name: row[name] for name in ROW}
    assert shown in send(api, "get", "").json()["items"]


@pytest.mark.parametrize("scope", sorted(set(Scope) - BOUND_SCOPES))
def test_a_bound_key_carries_no_scope_of_the_whole_environment(cast, api, scope) -> None:
    body = {**ASKS, "scopes": ["permissions.evaluate", scope], "node_id": str(cast.site.pk)}

    answer = send(api, "post", "", body)

    assert names_field(answer, "scopes")
    assert ApiKey.objects.count() == 1


def test_a_key_with_full_access_is_bound_to_no_node(cast, api) -> None:
    answer = send(api, "post", "", {**FULL, "node_id": str(cast.site.pk)})

    error_of(answer, 400, "api_keys.scopes_beyond_node")
    assert names_field(answer, "access_mode")


def test_a_node_that_is_not_there_is_named(cast, api, make_environment) -> None:
    theirs = make_cast(make_environment())
    for node_id in (str(uuid4()), str(theirs.site.pk), "ext:nobody"):
        answer = send(api, "post", "", {**ASKS, "node_id": node_id})

        error = error_of(answer, 404, "api_keys.node_not_found")
        assert error["details"] == ["node_id: does not exist"]
        assert error["message"] == f"There is no node {node_id}."


def test_a_key_whose_node_is_deleted_sees_nothing_and_changes_nothing(cast, api) -> None:
    cast.give(node=cast.site)
    key_text = made(
        api, access_mode="scoped", scopes=sorted(BOUND_SCOPES), node_id=str(cast.site.pk)
    )["key"]
    bound = client_with(key_text)
    question = {"identity_id": str(cast.ada.pk), "permission": "invoice.read"}
    here = {**question, "scope": "node", "node_id": str(cast.site.pk)}
    asked = bound.post(f"{V1}/permissions/evaluate", here, format="json").json()
    assert asked["allowed"]

    assert api.delete(f"{V1}/nodes/{cast.site.pk}?cascade=true").status_code == 204

    assert b"".join(bound.get(f"{V1}/nodes")) == b'{"tree":[]}'
    for node in (cast.site, cast.room, cast.root):
        error_of(bound.get(f"{V1}/nodes/{node.pk}"), 404, "nodes.not_found")
        here = {**question, "scope": "node", "node_id": str(node.pk)}
        told = bound.post(f"{V1}/permissions/evaluate", here, format="json").json()
        assert not told["allowed"]
        assert told["denial_reason"] in ("identity_not_found", "node_not_found")
        new = bound.post(f"{V1}/assignments", cast.body(node_id=str(node.pk)), format="json")
        assert new.status_code == 404
        child = {"parent_node_id": str(node.pk), "name": "New"}
        assert bound.post(f"{V1}/nodes", child, format="json").status_code == 404
    anywhere = {**question, "scope": "app_wide"}
    assert not bound.post(f"{V1}/permissions/evaluate", anywhere, format="json").json()["allowed"]
    assert bound.get(f"{V1}/assignments").json()["items"] == []
    assert bound.get(f"{V1}/identities").json()["items"] == []
    assert not Node.objects.filter(name="New").exists()


def test_a_secret_is_told_once_whatever_is_sent_again(api) -> None:
    once = {"HTTP_IDEMPOTENCY_KEY": "make-1"}
    first = send(api, "post", "", FULL, **once)
    again = send(api, "post", "", FULL, **once)

    assert again.status_code == 201
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == {**first.json(), "key": None, "secret_available": False}
    assert ApiKey.objects.count() == 2
    assert first.json()["key"] not in str(IdempotencyRecord.objects.get().response)


def test_a_rotation_is_done_once_and_its_secret_told_once(api) -> None:
    key = made(api)
    address, once = f"/{key['id']}/rotate-secret", {"HTTP_IDEMPOTENCY_KEY": "rotate-1"}
    first = send(api, "post", address, {"grace_seconds": 60}, **once)
    again = send(api, "post", address, {"grace_seconds": 60}, **once)

    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == {**first.json(), "key": None, "secret_available": False}
    assert AuditEvent.objects.filter(action="api_key.rotated").count() == 1
    assert first.json()["key"] not in str(IdempotencyRecord.objects.get().response)
    for key_text in (key["key"], first.json()["key"]):
        assert send(client_with(key_text), "get", "").status_code == 200


def test_a_rotated_key_stops_at_the_next_request(api) -> None:
    key = made(api)
    client = client_with(key["key"])
    assert send(client, "get", "").status_code == 200

    rotated = api.post(f"{KEYS}/{key['id']}/rotate-secret")

    assert rotated.status_code == 200
    assert set(rotated.json()) == ROW | {"key"}
    assert rotated.json()["former_until"] is None
    assert rotated["Cache-Control"] == "no-store"
    assert send(client, "get", "").status_code == 401
    assert send(client_with(rotated.json()["key"]), "get", "").status_code == 200


def test_a_key_may_rotate_itself(api) -> None:
    key = made(api)
    client = client_with(key["key"])

    rotated = send(client, "post", f"/{key['id']}/rotate-secret", {}).json()

    assert send(client, "get", "").status_code == 401
    assert send(client_with(rotated["key"]), "get", "").status_code == 200


def test_a_disabled_key_stops_at_the_next_request_in_its_grace_as_well(api) -> None:
    key = made(api)
    rotated = send(api, "post", f"/{key['id']}/rotate-secret", {"grace_seconds": 3600}).json()
    clients = [client_with(key["key"]), client_with(rotated["key"])]
    assert [send(client, "get", "").status_code for client in clients] == [200, 200]

    send(api, "patch", f"/{key['id']}", {"is_active": False})
    assert [send(client, "get", "").status_code for client in clients] == [401, 401]

    send(api, "patch", f"/{key['id']}", {"is_active": True})
    assert [send(client, "get", "").status_code for client in clients] == [200, 200]
    send(api, "delete", f"/{key['id']}")
    assert [send(client, "get", "").status_code for client in clients] == [401, 401]


def test_grace_ends_by_itself(api) -> None:
    key = made(api)
    client = client_with(key["key"])
    rotated = send(api, "post", f"/{key['id']}/rotate-secret", {"grace_seconds": 1}).json()
    assert send(client, "get", "").status_code == 200

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1.1)")

    assert send(client, "get", "").status_code == 401
    assert send(client_with(rotated["key"]), "get", "").status_code == 200


@pytest.mark.parametrize("grace", [-1, 604_801, 1.5, "60", None, True, [], 10**9])
def test_a_wrong_grace_is_named_and_nothing_is_rotated(api, grace) -> None:
    key = made(api)

    answer = send(api, "post", f"/{key['id']}/rotate-secret", {"grace_seconds": grace})

    assert names_field(answer, "grace_seconds")
    assert send(client_with(key["key"]), "get", "").status_code == 200


def test_keys_are_not_planned(api) -> None:
    key_id = made(api)["id"]
    before = state()

    for method, address, body in [("post", "", FULL), *acts_on(key_id)]:
        assert names_field(send(api, method, f"{address}?dry_run=true", body), "dry_run")

    assert state() == before


def test_a_key_of_another_environment_is_answered_like_a_random_one(
    api, client_of, make_environment
) -> None:
    theirs = made(client_of(make_environment()))["id"]
    before = state()

    assert_foreign_is_like_random(
        api,
        [
            lambda pk: Route("get", f"api-keys/{pk}", Scope.KEY_VIEW),
            lambda pk: Route("patch", f"api-keys/{pk}", Scope.KEY_MANAGE, {"is_active": False}),
            lambda pk: Route("post", f"api-keys/{pk}/rotate-secret", Scope.KEY_MANAGE, {}),
            lambda pk: Route("delete", f"api-keys/{pk}", Scope.KEY_MANAGE),
        ],
        theirs,
    )

    assert state() == before


def test_hostile_bodies_are_refused_and_the_list_still_works(api) -> None:
    key_id = made(api)["id"]
    fields = ["description", "scopes", "node_id", "expires_at"]

    sent = assert_hostile_is_survived(api, "post", "api-keys", hostile_bodies(FULL, fields))
    sent += assert_hostile_is_survived(
        api, "patch", f"api-keys/{key_id}", hostile_bodies({"is_active": True})
    )
    sent += assert_hostile_is_survived(
        api, "post", f"api-keys/{key_id}/rotate-secret", hostile_bodies({"grace_seconds": 1})
    )

    assert sent > 200
    assert send(api, "get", "").status_code == 200
