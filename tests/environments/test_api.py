"""The ritual of every endpoint, shown on API keys; and what all routes share."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from rest_framework.test import APIClient

from environments.models import ApiKey
from environments.scopes import Scope
from tests.factories import EnvironmentFactory, make_key

pytestmark = pytest.mark.django_db
KEYS = "/api/v1/api-keys"
FULL_ACCESS = {"name": "sync", "access_mode": "full_access"}


def client(environment, *scopes: Scope) -> APIClient:
    caller = APIClient()
    caller.credentials(HTTP_X_API_KEY=make_key(environment, *scopes))
    return caller


def test_a_key_is_created_listed_switched_and_deleted() -> None:
    caller = client(EnvironmentFactory.create())

    created = caller.post(KEYS, FULL_ACCESS, format="json")
    address = f"{KEYS}/{created.data['id']}"
    switched = caller.patch(address, {"is_active": False}, format="json")
    deleted = caller.delete(address)

    assert created.status_code == 201
    assert created.data["key"].startswith("trl_")
    assert switched.data["is_active"] is False
    assert "key" not in switched.data
    assert deleted.status_code == 204
    assert caller.get(address).status_code == 404
    assert [row["name"] for row in caller.get(KEYS).data["items"]] == ["test"]


def test_the_new_key_opens_the_same_environment_as_a_bearer_token() -> None:
    environment = EnvironmentFactory.create()
    text = client(environment).post(KEYS, FULL_ACCESS, format="json").data["key"]
    caller = APIClient()
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")

    assert len(caller.get(KEYS).data["items"]) == 2


def test_use_of_a_key_is_written_once_a_minute(django_assert_num_queries) -> None:
    caller = client(EnvironmentFactory.create())

    with django_assert_num_queries(3):
        caller.get(KEYS)
    with django_assert_num_queries(2):
        caller.get(KEYS)

    assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_X_API_KEY": ""},
        {"HTTP_X_API_KEY": "trl_" + "x" * 38},
        {"HTTP_X_API_KEY": "\xff" * 42},
        {"HTTP_AUTHORIZATION": "Bearer"},
        {"HTTP_AUTHORIZATION": "Basic dTpw"},
        {"HTTP_AUTHORIZATION": "Bearer \xe9\xe9"},
    ],
)
def test_without_a_usable_key_nothing_is_said(headers) -> None:
    answer = APIClient().get(KEYS, **headers)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="trellis"'
    assert answer.json()["error"]["code"] == "unauthorized"


def test_disabled_expired_and_deleted_keys_are_answered_like_unknown_ones() -> None:
    environment = EnvironmentFactory.create()
    unknown = make_key(environment)
    ApiKey.objects.all().delete()
    answers = [APIClient().get(KEYS, HTTP_X_API_KEY=unknown)]
    for change in (
        {"is_active": False},
        {"expires_at": Now() - timedelta(seconds=1)},
        {"deleted_at": Now()},
    ):
        text = make_key(environment)
        ApiKey.objects.update(**change)
        answers.append(APIClient().get(KEYS, HTTP_X_API_KEY=text))

    said = {
        (answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"])
        for answer in answers
    }

    assert len(said) == 1
    assert answers[0].status_code == 401


def test_a_key_without_the_scope_learns_its_name_only() -> None:
    caller = client(EnvironmentFactory.create(), Scope.EVALUATE)

    answer = caller.post(KEYS, {"nonsense": 1}, format="json")

    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "This needs the scope api_key.manage."
    assert "details" not in answer.json()["error"]


def test_a_key_of_another_environment_is_answered_like_a_random_one() -> None:
    theirs = client(EnvironmentFactory.create()).post(KEYS, FULL_ACCESS, format="json").data["id"]
    caller = client(EnvironmentFactory.create())

    def said(key_id: object) -> list[dict[str, object]]:
        answers = [
            caller.get(f"{KEYS}/{key_id}"),
            caller.patch(f"{KEYS}/{key_id}", {"is_active": False}, format="json"),
            caller.delete(f"{KEYS}/{key_id}"),
        ]
        varying = ("timestamp", "path", "request_id")
        return [
            {key: value for key, value in answer.json()["error"].items() if key not in varying}
            for answer in answers
        ]

    assert said(theirs) == said(uuid4())
    assert ApiKey.objects.get(pk=theirs).is_active


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"access_mode": "full_access"}, "name"),
        ({**FULL_ACCESS, "name": 5}, "name"),
        ({**FULL_ACCESS, "name": "a\0"}, "name"),
        ({**FULL_ACCESS, "access_mode": "root"}, "access_mode"),
        ({**FULL_ACCESS, "scopes": ["all"]}, "scopes"),
        ({**FULL_ACCESS, "scopes": ["identity.view"]}, "scopes"),
        ({**FULL_ACCESS, "expires_at": "2027-01-01"}, "expires_at"),
        ({**FULL_ACCESS, "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({**FULL_ACCESS, "environment": str(uuid4())}, "environment"),
        ({**FULL_ACCESS, "key_hash": "x"}, "key_hash"),
    ],
)
def test_a_wrong_field_is_named(body, named) -> None:
    caller = client(EnvironmentFactory.create())

    answer = caller.post(KEYS, body, format="json")

    assert answer.status_code == 400
    assert any(line.startswith(f"{named}") for line in answer.json()["error"]["details"])
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b'{"a":1,"a":2}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"a=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "application/json; charset=utf-16", 415),
        (b'"' + b"x" * (5 * 1024 * 1024) + b'"', "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body, content_type, status) -> None:
    caller = client(EnvironmentFactory.create())

    answer = caller.generic("POST", KEYS, body, content_type=content_type)

    assert answer.status_code == status
    assert answer.json()["error"]["statusCode"] == status


def test_every_error_has_the_same_shape() -> None:
    caller = client(EnvironmentFactory.create())
    answers = {
        400: caller.get(f"{KEYS}?dryrun=true"),
        401: APIClient().get(KEYS),
        404: caller.get("/api/v1/nothing-here"),
        405: caller.put(KEYS, {}, format="json"),
        415: caller.generic("POST", KEYS, "<a/>", content_type="text/xml"),
    }

    for status, answer in answers.items():
        error = answer.json()["error"]
        assert answer.status_code == error["statusCode"] == status
        assert set(error) - {"details"} == {
            "statusCode", "code", "message", "timestamp", "path", "method", "request_id",
        }  # fmt: skip
        assert error["request_id"] == answer["X-Request-ID"]
        assert answer["Cache-Control"] == "no-store"
        assert answer["Content-Type"] == "application/json"


def test_unknown_and_repeated_query_parameters_are_named() -> None:
    caller = client(EnvironmentFactory.create())

    unknown = caller.delete(f"{KEYS}/{uuid4()}?dryrun=true")
    repeated = caller.get(f"{KEYS}?a=1&a=2")

    assert unknown.json()["error"]["details"] == ["dryrun: unknown parameter"]
    assert repeated.json()["error"]["details"] == ["a: stands more than once"]


def test_the_request_id_is_echoed_when_it_is_harmless() -> None:
    caller = client(EnvironmentFactory.create())

    assert caller.get(KEYS, HTTP_X_REQUEST_ID="deploy-7")["X-Request-ID"] == "deploy-7"
    assert caller.get(KEYS, HTTP_X_REQUEST_ID="a b")["X-Request-ID"] != "a b"
    assert caller.get(KEYS, HTTP_X_REQUEST_ID="x" * 500)["X-Request-ID"] != "x" * 500
