"""An Idempotency-Key: done once, answered again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from assignments.models import Role
from environments.api.once import KEPT
from environments.models import IdempotencyRecord
from tests.rituals import V1, error_of

pytestmark = pytest.mark.django_db

BODY = {"name": "Reader"}


def post(client, path="roles", body=None, key="k-1", **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return client.post(
        f"{V1}/{path}?{asked}" if asked else f"{V1}/{path}",
        BODY if body is None else body,
        format="json",
        headers={"Idempotency-Key": key},
    )


def test_the_same_call_is_done_once_and_answered_again(api) -> None:
    first = post(api)
    second = post(api)

    assert (first.status_code, second.status_code) == (201, 201)
    assert list(first.json().items()) == list(second.json().items())
    assert second["ETag"] == first["ETag"] == '"1"'
    assert second["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Role.objects.count() == 1


@pytest.mark.parametrize("name", ["\0", "\ud800", "\u202e"])
def test_what_a_row_was_refused_for_is_told_again_whatever_it_holds(api, name) -> None:
    text = json.dumps({"identities": [{name: name}]})
    headers = {"Idempotency-Key": "k-1"}
    answers = [
        api.generic(
            "POST", f"{V1}/identities/bulk-create", text, "application/json", headers=headers
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [207, 207]
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert answers[0].json() == answers[1].json()


def test_another_body_with_the_same_key_is_422(api) -> None:
    post(api)

    error_of(post(api, body={"name": "Writer"}), 422, "idempotency.other_body")
    assert Role.objects.count() == 1


def test_the_query_is_part_of_what_makes_two_calls_the_same(api) -> None:
    rows = {"assignments": [{"identity_id": "ext:a", "node_id": "ext:b", "role_id": "x"}]}
    first = post(api, "assignments/bulk-create", rows)

    assert first.status_code == 207
    error_of(
        post(api, "assignments/bulk-create", rows, atomic="true"), 422, "idempotency.other_body"
    )


def test_a_refusal_is_not_kept(api) -> None:
    error_of(post(api, body={"name": ""}), 400)
    assert not IdempotencyRecord.objects.exists()

    assert post(api).status_code == 201


def test_a_plan_is_not_kept(api) -> None:
    assert (
        post(api, "assignments/bulk-create", {"assignments": [{}]}, dry_run="true").status_code
        == 200
    )

    assert not IdempotencyRecord.objects.exists()


def test_a_replay_leaves_the_secret_out(api) -> None:
    body = {"name": "sync", "access_mode": "full_access"}
    first = post(api, "api-keys", body).json()
    second = post(api, "api-keys", body).json()

    assert first["key"].startswith("trl_")
    assert second["key"] is None
    assert second["secret_available"] is False
    assert second["id"] == first["id"]
    assert first["key"] not in str(IdempotencyRecord.objects.get().response)


def test_it_belongs_to_its_key_its_path_and_its_environment(
    api, client_of, environment, make_environment
) -> None:
    post(api)
    same_environment, other = client_of(environment), client_of(make_environment())

    error_of(post(same_environment), 409, "roles.name_taken")
    assert post(other).status_code == 201
    assert post(api, "permissions", {"permissions": [{"key": "a.b"}]}).status_code == 201


def test_after_a_day_the_key_is_free_again(api) -> None:
    post(api)
    IdempotencyRecord.objects.update(created_at=F("created_at") - KEPT - timedelta(seconds=1))
    Role.objects.all().delete()

    again = post(api)

    assert again.status_code == 201
    assert "Idempotent-Replayed" not in again


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "ä", "a\x00"])
def test_what_is_no_key_is_400(api, key) -> None:
    error = error_of(post(api, key=key), 400, "invalid")

    assert error["details"][0].startswith("Idempotency-Key: ")
    assert not Role.objects.exists()


def test_what_cannot_be_kept_is_not_done(api) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE environments_idempotencyrecord ADD CONSTRAINT unkept"
            " CHECK (method <> 'POST') NOT VALID"
        )
    api.raise_request_exception = False

    assert post(api).status_code == 500
    assert not Role.objects.exists()
