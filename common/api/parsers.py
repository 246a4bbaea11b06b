"""JSON as strictly as RFC 8259 allows: what two readers could understand differently is refused."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from common.api.errors import ApiError

MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_BULK_BODY_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 64

_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
# Possessive, and an unfinished text runs to the end: otherwise each quote in one is a new beginning, and
# 80 KB of escaped quotes take half a minute.
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _moderate(text: str) -> int:
    if len(text) > 18:
        raise ValueError("a number is too large")
    return int(text)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # adds it
        raise ValueError(f"the key {twice[:100]!a} stands twice in one object")
    return found


_decoder = json.JSONDecoder(
    object_pairs_hook=_without_duplicates,
    parse_constant=_refuse_constant,
    parse_float=_finite,
    parse_int=_moderate,
)


def _is_deep(brackets: bytes) -> bool:
    """Whether taking away the innermost pairs, one level a turn, takes more than MAX_DEPTH turns."""
    for _ in range(MAX_DEPTH):
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    return b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH


def _too_deep(body: bytes) -> bool:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    if b"\\" not in body:
        # Without escapes every second piece between quotes is a text: thirty times as fast as below.
        return _is_deep(b"".join(body.split(b'"')[::2]).translate(_ONE_KIND, _OTHERS))
    depth = 0
    for token in _STRUCTURE.finditer(body):
        match token.group()[:1]:
            case b"[" | b"{":
                depth += 1
                if depth > MAX_DEPTH:
                    return True
            case b"]" | b"}":
                depth -= 1
    return False


def parse_json(body: bytes) -> Any:
    """Read one JSON text.

    Args:
        body: the text in UTF-8.

    Returns:
        What it says, in Python's types.

    Raises:
        ParseError: if it is not JSON, nests deeper than 64, repeats a key, or holds NaN or a number
            beyond 18 digits or a float's range.
    """
    if _too_deep(body):
        raise ParseError(f"The JSON nests deeper than {MAX_DEPTH}.")
    try:
        return _decoder.decode(body.decode())
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are kinds of it
        raise ParseError(f"The body is not valid JSON: {error}.") from error


class StrictJsonParser(BaseParser):
    """Reads `application/json` within the view's size limit."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """See `BaseParser`.

        Raises:
            ApiError: 413 if the body is larger than the view takes.
            UnsupportedMediaType: if it claims a character set other than UTF-8.
            ParseError: if it is not strict JSON.
        """
        context = parser_context or {}
        limit = getattr(context.get("view"), "max_body_bytes", MAX_BODY_BYTES)
        charset = re.search(r"charset\s*=\s*\"?([\w-]+)", media_type or "")
        if charset and charset[1].lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(media_type or "")
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise ApiError(413, "too_large", f"The body is larger than {limit // 1024 // 1024} MB.")
        return parse_json(body)
