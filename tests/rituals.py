"""What every endpoint is put through: scope, foreign ids, methods, fields, versions and hostile bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from environments.models import Environment
from environments.scopes import ALL_SCOPES, Scope

V1 = "/api/v1"
METHODS = ("get", "post", "put", "patch", "delete")
UNWANTED_TIMES = [
    "2026-05-01T00:00:00",
    "2026-05-01",
    "2026-W18-5T00:00:00Z",
    "2026-05-01T24:00:00Z",
    "2026-05-01T23:59:60Z",
    "0001-01-01T00:00:00+02:00",
    "9999-12-31T23:59:59-02:00",
    "2026-02-30T00:00:00Z",
    "now",
    "",
    1777593600,
    True,
    [],
]
# Each stands where a value of any field may stand; as JSON texts, since some are no Python values.
HOSTILE_VALUES = [
    '"a\\u0000b"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"a\\u202eb"',
    '"\\ufeff"',
    '""',
    '"   "',
    '"' + "x" * 10_000 + '"',
    "null",
    "true",
    "0",
    "-1",
    "1e308",
    "999999999999999999",
    "9" * 400,
    "1e999",
    "NaN",
    "-Infinity",
    "[]",
    "{}",
    '[{"a": ["\\ud800"]}]',
    '{"\\ud800": "\\u0000"}',
    "[" * 60 + "]" * 60,
    "[" * 100_000,
    '"email:\\u0000@example.org"',
    '"email:\\ud800@example.org"',
    '"email:@"',
    '"ext:\\u0000"',
    '"ext:"',
    '"\'; DROP TABLE assignments_role; --"',
    '"%s"',
]


@dataclass(frozen=True)
class Route:
    """One endpoint as its tests call it.

    Args:
        method: in small letters.
        path: below `/api/v1/`.
        scope: the right it needs.
        body: a body that it takes.
    """

    method: str
    path: str
    scope: Scope
    body: Mapping[str, Any] | None = None

    def call(self, client: APIClient, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
        """Send it, with its own body or another."""
        sent = self.body if body is None else body
        send = getattr(client, self.method)
        return send(
            f"{V1}/{self.path}", sent, format="json" if sent is not None else None, **headers
        )


def error_of(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """The error of an answer, which must have this status and code and the one shape."""
    assert answer.status_code == status, answer.content
    error: dict[str, Any] = answer.json()["error"]
    assert error["statusCode"] == status
    assert code is None or error["code"] == code, error
    assert set(error) - {"details", "data"} == {
        "statusCode", "code", "message", "timestamp", "path", "method", "request_id",
    }  # fmt: skip
    return error


def names_field(answer: Any, field: str) -> bool:
    """Whether a 400 names a field in its details."""
    lines = error_of(answer, 400).get("details", [])
    return any(line.startswith((f"{field}:", f"{field}.")) for line in lines)


def said(answer: Any, *ids: object) -> bytes:
    """All of an answer but its time, its request and the ids that were asked for."""
    body = json.loads(answer.content)
    del body["error"]["timestamp"], body["error"]["request_id"]
    text = json.dumps([answer.status_code, body, sorted(set(answer.headers) - {"X-Request-ID"})])
    for one in ids:
        text = text.replace(str(one), "<id>")
    return text.encode()


def assert_scope_is_needed(
    client_of: Callable[..., APIClient], environment: Environment, routes: Iterable[Route]
) -> None:
    """A key with every scope but the route's learns its name and nothing else."""
    for route in routes:
        client = client_of(environment, *sorted(ALL_SCOPES - {route.scope}))
        error = error_of(route.call(client), 403, "scope_missing")
        assert error["message"] == f"This needs the scope {route.scope}."
        assert "details" not in error
        assert "data" not in error


def assert_other_methods_are_refused(client: APIClient, routes: Iterable[Route]) -> None:
    """A method that an address does not have is answered 405."""
    known: dict[str, set[str]] = {}
    for route in routes:
        known.setdefault(route.path, set()).add(route.method)
    for path, methods in known.items():
        for method in set(METHODS) - methods:
            answer = getattr(client, method)(f"{V1}/{path}")
            error_of(answer, 405, "method_not_allowed")


def assert_foreign_is_like_random(
    client: APIClient, calls: Iterable[Callable[[object], Route]], theirs: object
) -> None:
    """The id of another environment's row is answered byte for byte like one that nobody has."""
    for call in calls:
        random = uuid4()
        foreign, unknown = call(theirs).call(client), call(random).call(client)
        assert said(foreign, theirs) == said(unknown, random)
        error_of(foreign, 404)


def assert_unknown_is_refused(client: APIClient, routes: Iterable[Route]) -> None:
    """Unknown fields and unknown query parameters are named, and nothing is done."""
    for route in routes:
        asked = Route(route.method, f"{route.path}?dryrun=true", route.scope, route.body)
        assert names_field(asked.call(client), "dryrun"), route
        if route.body is not None:
            assert names_field(route.call(client, {**route.body, "surprise": 1}), "surprise"), route


def hostile_bodies(body: Mapping[str, Any], fields: Iterable[str] = ()) -> Iterator[bytes]:
    """A body with a hostile value in the place of each of its fields, and bodies that are no JSON.

    Args:
        body: one that is taken.
        fields: further fields that may stand in it.
    """
    for name in {*body, *fields}:
        for value in HOSTILE_VALUES:
            others = [f"{json.dumps(key)}: {json.dumps(body[key])}" for key in body if key != name]
            yield ("{" + ", ".join([*others, f"{json.dumps(name)}: {value}"]) + "}").encode()
    text = json.dumps(body)
    yield f'{text[:-1]}, "\\ud800": 1}}'.encode()
    yield f'{text[:-1]}, "\\u0000": 1}}'.encode()
    yield f"{text[:-1]}, {text[1:]}".encode()
    yield text.encode("utf-16")
    yield text.encode() + b"\0"
    yield b"\xff\xfe"
    yield b""
    yield b"null"
    yield b'"text"'


def assert_hostile_is_survived(
    client: APIClient, method: str, path: str, bodies: Iterable[Any]
) -> int:
    """No hostile body is answered with a fault of ours, and every refusal has the one shape."""
    sent = 0
    for body in bodies:
        answer = client.generic(
            method.upper(), f"{V1}/{path}", body, content_type="application/json"
        )
        assert answer.status_code < 500, (path, body[:200], answer.content[:300])
        if answer.status_code >= 400:
            assert answer.json()["error"]["statusCode"] == answer.status_code
        sent += 1
    return sent


# What a key costs once a minute, whenever that minute comes.
_ONCE_A_MINUTE = ("environments_ratewindow", 'UPDATE "environments_apikey"')


def statements_of(act: Callable[[], Any]) -> int:
    """How many SQL statements an act takes, without savepoints and what is due once a minute."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return sum(
        not any(part in query["sql"] for part in ("SAVEPOINT", *_ONCE_A_MINUTE))
        for query in captured.captured_queries
    )
