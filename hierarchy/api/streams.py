"""Whole trees as JSON text, written while the rows arrive: memory does not grow with the tree."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse

from common.api.feeds import gathered
from hierarchy.api.serializers import node_row

_ROWS_A_FETCH = 2_000
_encode = DjangoJSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def json_stream(pieces: Iterable[str]) -> StreamingHttpResponse:
    """An answer that is sent while it is made.

    Args:
        pieces: JSON text, in any number of parts.

    Returns:
        The answer.
    """
    return StreamingHttpResponse(gathered(pieces), content_type="application/json")


def tree_text(nodes: Any, top: UUID | None) -> Iterator[str]:
    """`{"tree": [...]}` with children inside their parents.

    Args:
        nodes: a queryset in tree order, the first node being the highest.
        top: the topmost node that the caller sees, if it does not see the root.

    Yields:
        JSON text.
    """
    yield '{"tree":['
    open_depths: list[int] = []
    for node in nodes.iterator(chunk_size=_ROWS_A_FETCH):
        closed = 0
        while open_depths and open_depths[-1] >= node.depth:
            open_depths.pop()
            closed += 1
        if closed:
            yield "]}" * closed + ","
        yield _encode(node_row(node, top))[:-1] + ',"children":['
        open_depths.append(node.depth)
    yield "]}" * len(open_depths) + "]}"


def parents_text(nodes: Any, top: UUID | None) -> Iterator[str]:
    """`{"items": [{id, parent_node_id}]}`.

    Args:
        nodes: a queryset in tree order.
        top: the topmost node that the caller sees, if it does not see the root.

    Yields:
        JSON text.
    """
    yield '{"items":['
    separator = ""
    pairs = nodes.values_list("pk", "parent_id")
    for node_id, parent_id in pairs.iterator(chunk_size=_ROWS_A_FETCH):
        shown_parent = None if node_id == top else parent_id
        parent = json.dumps(shown_parent and str(shown_parent))
        yield f'{separator}{{"id":"{node_id}","parent_node_id":{parent}}}'
        separator = ","
    yield "]}"
