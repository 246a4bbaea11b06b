"""What may be sent where it hurts, and calls with it in one place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from rest_framework.test import APIClient

from tests.contracts.operations import Operation, Rows, body_for
from tests.contracts.places import EVERY_PLACE, Place
from tests.contracts.positions import with_id
from tests.rituals import HOSTILE_VALUES, UNWANTED_TIMES

JSON = "application/json"
MARK = "the hostile value stands here"
# As JSON texts, beside those that every endpoint is put through.
VALUES = (
    *HOSTILE_VALUES,
    '"a\\u2028b\\u0007"',
    '"\\ufdd0\\uffff"',
    '"e' + "\\u0301" * 2_000 + '"',
    '"\\u200b"',
    '"=cmd()"',
    '"<script>alert(1)</script>"',
    '"${7*7}{{7*7}}"',
    '"../../etc/passwd"',
    '"\\ud83d\\ude00"',
    '"00000000-0000-0000-0000-000000000000\\n"',
    '"ext:\\n"',
    "-0.0",
    "0.1",
    "2147483648",
    '{"__proto__": {"admin": true}}',
    '{"": ""}',
    '{"a": 1, "a": 2}',
    "[[]]",
    "[null]",
    "[{}]",
    '["\\u0000"]',
    "[" + ",".join(["1"] * 60_000) + "]",
)
_NO_TIMES = (*UNWANTED_TIMES, "2026-05-01T00:00:00+99:00", "10000-01-01T00:00:00Z")
TIMES = tuple(json.dumps(value) for value in _NO_TIMES)
TIMES_IN_A_QUERY = tuple(quote(value) for value in _NO_TIMES if isinstance(value, str))
# As they stand in an address, escapes and all.
IN_A_QUERY = (
    "", "%20", "%00", "a%00b", "%ED%A0%80", "%FF%FE", "%E2%80%AE", "%EF%BB%BF", "%0A", "1%0A",
    "1" + "0" * 30, "9" * 4_000, "-1", "0", "1e308", "NaN", "Infinity", "true", "null", "x" * 5_000,
    "%5B%5D", "%7B%22a%22:1%7D", "'%3B%20DROP%20TABLE%20assignments_role%3B--", "%25s", "%25%25",
    "ext:", "ext:%00", "email:@", "email:%ED%A0%80@example.org", "%D9%A3", "%EF%BC%91", "%2B1",
    "1_0", "0x10", "1.0", "1,2", "%F0%9F%98%80", "%CC%81" * 200, "..%2F..", "=cmd()", "%", "%zz",
)  # fmt: skip
IN_A_PATH = (
    "%00", "a%00b", "%ED%A0%80", "%FF%FE", "%E2%80%AE", "1" + "0" * 30, "-1", "0", "null", "x" * 5_000,
    "ext:", "ext:%00", "ext:a%20b", "ext:..%2F", "ext:" + "x" * 129, "email:@", "email:%00@example.org",
    "email:%ED%A0%80@example.org", "email:" + "x" * 300 + "@example.org", "%2F", "%5C", "%2e%2e", "%0A",
    "%D9%A3", "{id}", "<uuid:pk>", "%25s", "'%3B--", "%7B%7D", "%EF%BC%91", "%zz",
)  # fmt: skip
IN_A_HEADER = {
    "If-Match": (
        '""', '"', "abc", "-1", "1.0", "1e5", '"1" "2"', '"1", "2"', 'W/"1"', "9" * 400, "\u0661",
        "\x00", "é", "1\n", '"1',
    ),
    "Idempotency-Key": ("", "x" * 256, "é", "\x00", "a\tb", "a\x7f", "\u202e", "x" * 70_000, "\n"),
}  # fmt: skip


def values_for(place: Place) -> Sequence[str]:
    """Everything that is sent to a place, as it is sent, but for times that are none."""
    match place.where:
        case "body":
            return VALUES
        case "query":
            return IN_A_QUERY
        case "path":
            return IN_A_PATH
    return IN_A_HEADER[place.steps[0]]


def times_for(place: Place) -> Sequence[str]:
    """Times that are none, where a time belongs."""
    if place.kind != "date-time":
        return ()
    return TIMES if place.where == "body" else TIMES_IN_A_QUERY


def some_values_for(operation: Operation, place: Place, count: int) -> Sequence[str]:
    """A few of them, each place going on where the place before it stopped."""
    values = values_for(place)
    alike = [other for other in EVERY_PLACE if values_for(other[1]) is values]
    first = alike.index((operation, place)) * count
    return [values[(first + turn) % len(values)] for turn in range(count)]


def send_with(operation: Operation, client: APIClient, rows: Rows, place: Place, value: str) -> Any:
    """Call an operation with a value in one place, and all else as it should be."""
    pk = str(rows[operation.resource]) if operation.names_a_row else None
    body = body_for(operation, rows)
    query = ""
    headers: dict[str, Any] = {}
    match place.where:
        case "path":
            pk = value
        case "query":
            query = f"?{place.steps[0]}={value}"
        case "header":
            headers["HTTP_" + place.steps[0].upper().replace("-", "_")] = value
        case "body":
            body = with_id(body, place.steps, MARK)
    text = "" if body is None else json.dumps(body).replace(json.dumps(MARK), value)
    return client.generic(
        operation.method, f"{operation.path(pk)}{query}", text, content_type=JSON, **headers
    )


def broken_bodies(body: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Bodies that are wrong as a whole, with the headers they come with."""
    text = json.dumps(body or {})
    plain = text.encode()
    return [
        (f"{text[:-1]}, {text[1:]}".encode(), {"content_type": JSON}),
        *(
            (b, {"content_type": JSON})
            for b in (b"\xff\xfe", b"null", b'"text"', b"1", b"[]", b"NaN")
        ),
        (plain + b"\0", {"content_type": JSON}),
        (text.encode("utf-16"), {"content_type": f"{JSON}; charset=utf-16"}),
        (plain, {"content_type": f"{JSON}; charset=iso-8859-1"}),
        (plain, {"content_type": "text/plain"}),
        (plain, {"content_type": "application/x-www-form-urlencoded"}),
        (plain, {"content_type": "multipart/form-data; boundary=x"}),
        (plain, {"content_type": "application/xml"}),
        (plain, {"content_type": "\u0000"}),
        (plain, {"content_type": ""}),
        (gzip.compress(plain), {"content_type": JSON, "HTTP_CONTENT_ENCODING": "gzip"}),
        (b"\xef\xbb\xbf" + plain, {"content_type": JSON}),
        (plain + plain, {"content_type": JSON}),
        (plain[:-1], {"content_type": JSON}),
        (b"[" * 100_000, {"content_type": JSON}),
        (b'{"a":' * 100_000, {"content_type": JSON}),
        (b'{"' + b'\\"' * 40_000, {"content_type": JSON}),
    ]


def extra_names() -> list[str]:
    """Names of fields that no object has, as JSON texts."""
    return [
        '"\\ud800"', '"\\u0000"', '""', '"__proto__"', '"\\u202e"', f'"{"x" * 10_000}"', '"a.b"',
        f'"{uuid4()}"', '"id"', '"non_field_errors"', '"name "', '"NAME"', '"pk"', '"self"',
    ]  # fmt: skip
