"""The whole of a list as lines of JSON, sent while it is read: memory does not grow with the list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final

from django.http import StreamingHttpResponse
from rest_framework.request import Request

from common.api.errors import ApiError

LINES: Final = "application/x-ndjson"
_CHARACTERS_A_PIECE: Final = 65_536
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def wants_lines(request: Request) -> bool:
    """Whether a caller would rather have lines of JSON than a page.

    Args:
        request: what was asked.

    Returns:
        True if its Accept header says so.

    Raises:
        ApiError: 400 where it also names a part: lines are the whole answer.
    """
    if request._request.get_preferred_type(["application/json", LINES]) != LINES:
        return False
    parts = [name for name in ("cursor", "limit") if name in request.query_params]
    if parts:
        lines = [f"{name}: does not go with {LINES}" for name in parts]
        raise ApiError(400, "invalid", "The request is not valid.", details=lines)
    return True


def answer_in_lines(items: Iterator[Any]) -> StreamingHttpResponse:
    """An answer of one JSON value a line.

    Args:
        items: JSON-ready; what the first of them raises is raised here, before anything is sent.

    Returns:
        The answer, sent while it is made.
    """
    first = list(islice(items, 1))
    lines = (f"{_encode(item)}\n" for item in chain(first, items))
    return StreamingHttpResponse(gathered(lines), content_type=LINES)


def gathered(pieces: Iterable[str]) -> Iterator[bytes]:
    """Text in pieces that are worth sending.

    Args:
        pieces: in any number of parts.

    Yields:
        UTF-8.
    """
    held: list[str] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= _CHARACTERS_A_PIECE:
            yield "".join(held).encode()
            held, length = [], 0
    yield "".join(held).encode()
