"""The hostile corpus in every place of every operation: refused in the one shape, or taken, and never a fault.

Whatever was taken, every list and every feed still works afterwards; whatever was refused has left nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from environments.models import Environment
from tests.contracts.hostile import (
    JSON,
    broken_bodies,
    extra_names,
    send_with,
    some_values_for,
    times_for,
    values_for,
)
from tests.contracts.operations import OPERATIONS, Operation, Rows, body_for, make_rows
from tests.contracts.places import EVERY_PLACE, Place, places_of
from tests.contracts.test_isolation import client_with, content_of, undone
from tests.contracts.traces import traces
from tests.factories import make_key
from tests.rituals import error_of

pytestmark = pytest.mark.django_db
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)

VALUES_A_PLACE = 5
# What the calls ask that write nothing, though they are posts.
QUESTIONS = ("/api/v1/permissions/evaluate", "/api/v1/access/")
# Refusals of the body as a whole, which no field can be blamed for.
OF_THE_WHOLE = {"parse_error"}
# How a name is shown that is empty.
QUOTES = '""'
LISTS = [operation for operation in OPERATIONS if operation.method == "GET"]


@pytest.fixture
def client(environment: Environment, settings: Any) -> APIClient:
    """Full access to the environment, and a 500 is an answer."""
    settings.RATE_LIMITS = {"evaluate": 10**9, "others": 10**9}
    return client_with(make_key(environment))


@pytest.fixture
def own(api: APIClient) -> Rows:
    """Rows of the caller's environment."""
    return make_rows(api)


def is_question(operation: Operation) -> bool:
    """Whether it writes nothing, whatever it answers."""
    return operation.method == "GET" or operation.address.startswith(QUESTIONS)


def refusals_in(told: Any) -> Iterator[dict[str, Any]]:
    """The errors of single rows in an answer about many."""
    for row in told.get("results", []) if isinstance(told, dict) else []:
        if row.get("status") == "error":
            yield row["error"]


def is_named(place: Place, lines: Iterable[str], *, in_a_row: bool = False) -> bool:
    """Whether a line begins with the place, with what holds it, or with what stands in it."""
    steps = [step or "0" for step in place.steps][2 if in_a_row else 0 :]
    path = ".".join(steps)
    for line in lines:
        name = line.partition(":")[0]
        # A whole row is named by its index, and what is wrong in it by the line.
        if in_a_row and not steps:
            return bool(name)
        if name == path or name.startswith(f"{path}.") or path.startswith(f"{name}."):
            return True
    return False


def faults_of(answer: Any, place: Place | None) -> Iterator[str]:
    """What is wrong with an answer, if anything is."""
    status, text = answer.status_code, content_of(answer)
    if status >= 500:
        yield f"is {status}: {text[:300]}"
        return
    if status == 204:
        return
    told = json.loads(text)
    if status < 400:
        for error in refusals_in(told):
            lines = error.get("details", [])
            if place and error["code"] == "invalid" and not is_named(place, lines, in_a_row=True):
                yield f"does not name the field of the row: {error}"
        return
    error = error_of(answer, status) if not answer.streaming else told["error"]
    if error["code"] == "invalid":
        lines = error.get("details", [])
        if not lines or (place and not is_named(place, lines)):
            yield f"does not name it: {error}"
    elif status == 400 and place is None and error["code"] not in OF_THE_WHOLE:
        yield f"blames a rule: {error}"


def read_everything(client: APIClient, rows: Rows) -> None:
    """Every list, feed and row of the API answers, with valid JSON."""
    for operation in LISTS:
        pk = rows[operation.resource] if operation.names_a_row else None
        answer = operation.send(client, pk)
        assert answer.status_code == 200, (str(operation), content_of(answer))
        json.loads(content_of(answer))


def storm(
    operation: Operation,
    client: APIClient,
    own: Rows,
    values: Callable[[Operation, Place], Iterable[str]],
) -> None:
    """Send values to each place of an operation, and read everything when it is over."""
    before, faults, taken = traces(), [], []
    for place in places_of(operation):
        for value in (*values(operation, place), *times_for(place)):
            with undone():
                answer = send_with(operation, client, own, place, value)
                found = [*faults_of(answer, place)]
                if outcome_of(answer) != refused_by(place).get(value, outcome_of(answer)):
                    found.append(f"is answered {outcome_of(answer)}")
                if answer.status_code < 400 and not is_question(operation):
                    taken.append((place, value))
                elif traces() != before:
                    found.append("has left something")
            faults += [f"{place} {value[:60]!r} {fault}" for fault in found]
    assert faults == []
    for place, value in taken:
        send_with(operation, client, own, place, value)
    if taken and operation.method != "DELETE":
        read_everything(client, own)


def outcome_of(answer: Any) -> int:
    """The status of an answer, or that of its first row where some were refused."""
    if answer.status_code == 207:
        return int(answer.json()["results"][0]["code"])
    return int(answer.status_code)


def refused_by(place: Place) -> dict[str, int]:
    """What a place refuses in any case, and the status it does so with."""
    if place.where == "path":
        return dict.fromkeys(values_for(place), 404)
    empty = {"": 400} if place.where == "query" else {}
    return empty | dict.fromkeys(times_for(place), 400)


@each_operation
def test_some_of_the_corpus_in_every_place(
    operation: Operation, client: APIClient, own: Rows
) -> None:
    def some(operation: Operation, place: Place) -> Iterable[str]:
        return (
            *some_values_for(operation, place, VALUES_A_PLACE),
            *refused_by(place).keys() & {""},
        )

    storm(operation, client, own, some)
    refuse_whole_bodies(operation, client, own)
    name_what_is_unknown(operation, client, own)


@pytest.mark.soak
@each_operation
def test_the_whole_corpus_in_every_place(
    operation: Operation, client: APIClient, own: Rows
) -> None:
    storm(operation, client, own, lambda _, place: values_for(place))


def test_every_place_sees_several_values_and_every_value_several_places() -> None:
    seen: Counter[tuple[str, str]] = Counter()
    everything: set[tuple[str, str]] = set()
    for operation, place in EVERY_PLACE:
        some = some_values_for(operation, place, VALUES_A_PLACE)
        assert len(set(some)) == VALUES_A_PLACE
        seen.update((place.where, value) for value in some)
        everything.update((place.where, value) for value in values_for(place))

    assert set(seen) == everything
    assert min(seen.values()) >= 2


def refuse_whole_bodies(operation: Operation, client: APIClient, own: Rows) -> None:
    """A body that is wrong as a whole, or beyond its size, is refused and has left nothing."""
    path, body = operation.path(own[operation.resource]), body_for(operation, own)
    before = traces()

    for wrong, headers in broken_bodies(body):
        with undone():
            answer = client.generic(operation.method, path, wrong, **headers)
            assert list(faults_of(answer, None)) == [], wrong[:60]
            if operation.endpoint.body is not None:
                assert answer.status_code in (400, 415), (wrong[:60], headers)
                assert traces() == before
    with undone():
        padded: Any = json.dumps(body or {}).encode().ljust(operation.endpoint.max_body_bytes + 1)
        answer = client.generic(operation.method, path, padded, content_type=JSON)
        assert answer.status_code < 500
        if operation.endpoint.body is not None:
            error_of(answer, 413, "too_large")
            assert traces() == before


def name_what_is_unknown(operation: Operation, client: APIClient, own: Rows) -> None:
    """Fields and parameters that nothing has, or that stand twice, are named, and nothing is done."""
    body, pk = body_for(operation, own), own[operation.resource]
    before = traces()

    if operation.endpoint.body is not None:
        for name in extra_names():
            text = f"{json.dumps(body)[:-1]}, {name}: 1}}"
            path = operation.path(pk)
            answer = client.generic(operation.method, path, text, content_type=JSON)
            [line] = error_of(answer, 400, "invalid")["details"]
            assert line == f"{json.loads(name)[:100] or QUOTES}: unknown field"
    known = [place.steps[0] for place in places_of(operation) if place.where == "query"]
    for query, name in (
        *((f"{name}=1&{name}=1", name) for name in known),
        *((f"{name}[]=1", f"{name}[]") for name in known[:1]),
        ("a%00b=1", "a\x00b"), ("%ED%A0%80=1", "\ufffd"), ("=1", QUOTES), ("x" * 5_000 + "=1", "x" * 100),
    ):  # fmt: skip
        answer = operation.send(client, pk, body, f"?{query}")
        assert error_of(answer, 400, "invalid")["details"][0].startswith(f"{name}"), query

    assert traces() == before


@pytest.mark.parametrize(
    "path", ["%00", "nodes%00", "nodes/%ED%A0%80/x", "%FF", "x" * 20_000, "%2e%2e/"]
)
def test_addresses_that_nothing_has_are_404_in_the_one_shape(path: str, client: APIClient) -> None:
    for method in ("get", "post", "put", "patch", "delete"):
        error_of(getattr(client, method)(f"/api/v1/{path}"), 404, "not_found")
