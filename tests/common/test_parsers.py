import time

import pytest
from rest_framework.exceptions import ParseError

from common.api.parsers import MAX_DEPTH, parse_json


def test_parse_json_reads_what_json_says() -> None:
    assert parse_json(b'{"a": [1, 2.5, "\\u00e9", null, true]}') == {"a": [1, 2.5, "é", None, True]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1234567890123456789}',
        b"\xff\xfe{}",
        b'{"a": "\xc3\x28"}',
        b"{} {}",
    ],
)
def test_parse_json_refuses_what_two_readers_could_read_differently(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse_json(body)


def test_parse_json_counts_depth_and_not_brackets() -> None:
    flat = b"[" + b",".join([b'["[[[["]'] * 100) + b"]"

    assert len(parse_json(flat)) == 100
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(ParseError):
        parse_json(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_parse_json_survives_a_hundred_thousand_levels() -> None:
    with pytest.raises(ParseError):
        parse_json(b"[" * 100_000)


@pytest.mark.parametrize("text", [b"[[[", b"]]]", b'\\u005b\\"]', b"plain"])
@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 2 * MAX_DEPTH, 5_000])
def test_parse_json_counts_levels_of_both_kinds_whatever_the_texts_hold(
    levels: int, text: bytes
) -> None:
    opened, closed = b"", b""
    for level in range(levels - 1):
        opened, closed = (
            (opened + b"[", b"]" + closed) if level % 2 else (opened + b'{"a":', b"}" + closed)
        )
    body = opened + b'["' + text + b'"]' + closed

    if levels <= MAX_DEPTH:
        assert parse_json(body)
    else:
        with pytest.raises(ParseError, match="nests deeper"):
            parse_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"' + b"[" * 65 + b'","b":"' + b'\\"' * 2_000_000,
        b"[" * 65 + b'"' * 2_000_001,
        b"[" * 65 + b"\\" * 4_000_001,
        b"[" * 65 + b'"\\' * 2_000_001,
        b'{"\\' + b"[" * 4_000_000,
    ],
)
def test_parse_json_takes_no_longer_for_a_hostile_body_than_its_length(body: bytes) -> None:
    before = time.process_time()

    with pytest.raises(ParseError):
        parse_json(body)

    assert time.process_time() - before < 3
