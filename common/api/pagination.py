"""Lists by page and feeds by cursor, each in the one envelope of its kind."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.core import signing
from django.db.models import F, QuerySet
from rest_framework import serializers

from common.api.errors import ApiError

Rows = TypeVar("Rows", bound=QuerySet[Any])
_SALT = "trellis.cursor"


def paged(
    rows: QuerySet[Any], query: Mapping[str, Any], present: Callable[[Any], Any]
) -> dict[str, Any]:
    """One page of a list: two statements, whatever the number of rows.

    Args:
        rows: the whole list, in an order that ends in a unique key.
        query: validated `ListQuery` parameters.
        present: shapes one row.

    Returns:
        `{"items", "pagination"}` as the API promises it.
    """
    page, take = query["page"], query["take"]
    total = rows.order_by().count()
    items = [present(row) for row in rows[(page - 1) * take : page * take]]
    pages = -(-total // take)
    return {
        "items": items,
        "pagination": {
            "page": page,
            "take": take,
            "item_count": total,
            "page_count": pages,
            "has_previous_page": page > 1,
            "has_next_page": page < pages,
        },
    }


def ordered(rows: Rows, query: Mapping[str, Any], columns: Mapping[str, Sequence[str]]) -> Rows:
    """A list in the order that was asked for; the newest come first where no direction was named.

    Args:
        rows: the whole list.
        query: validated parameters, `sort_by` among them.
        columns: what each choice of `sort_by` compares, first to last.

    Returns:
        The list, in an order that ends in a unique key.
    """
    newest_first = query["sort_by"] == "created_at" and "order" not in query
    descending = newest_first or query.get("order") == "desc"
    compared = [F(name) for name in columns[query["sort_by"]]]
    order = [column.desc() if descending else column.asc() for column in compared]
    return rows.order_by(*order, "pk")


def query_digest(environment_id: object, query: Mapping[str, Any]) -> str:
    """What a cursor belongs to: the environment and every parameter but the cursor and the limit.

    Args:
        environment_id: whose rows are listed.
        query: the validated parameters.

    Returns:
        Sixteen hexadecimal digits.
    """
    kept = {key: str(value) for key, value in query.items() if key not in ("cursor", "limit")}
    text = json.dumps([str(environment_id), kept], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sign_cursor(position: Sequence[Any], digest: str) -> str:
    """A cursor that only we can make.

    Args:
        position: the sort key of the last row sent, JSON-ready.
        digest: of the query it belongs to.

    Returns:
        URL-safe text.
    """
    return signing.dumps([digest, list(position)], salt=_SALT, compress=True)


def read_cursor(cursor: str | None, digest: str) -> list[Any] | None:
    """The position that a cursor holds.

    Args:
        cursor: what the caller sent, if anything.
        digest: of the query that is asked now.

    Returns:
        The position, or None at the beginning.

    Raises:
        ApiError: 400 `cursor_invalid` if it is not ours or belongs to another query.
    """
    if cursor is None:
        return None
    try:
        made_for, position = signing.loads(cursor, salt=_SALT)
    except (signing.BadSignature, ValueError) as error:
        raise _invalid() from error
    if made_for != digest:
        raise _invalid()
    return position


def _invalid() -> ApiError:
    return ApiError(400, "cursor_invalid", "This cursor does not belong to this query.")


class Pagination(serializers.Serializer):
    """Where a page stands in its list."""

    page = serializers.IntegerField()
    take = serializers.IntegerField()
    item_count = serializers.IntegerField()
    page_count = serializers.IntegerField()
    has_previous_page = serializers.BooleanField()
    has_next_page = serializers.BooleanField()


class CursorPagination(serializers.Serializer):
    """Where a feed goes on."""

    next_cursor = serializers.CharField(allow_null=True)


def list_of(item: type[serializers.Serializer], name: str) -> type[serializers.Serializer]:
    """The shape of a whole list: `{"items": [...]}`.

    Args:
        item: the shape of one row.
        name: what the OpenAPI file calls the list.

    Returns:
        A serializer class, for the OpenAPI file.
    """
    return type(name, (serializers.Serializer,), {"items": item(many=True)})


def page_of(item: type[serializers.Serializer], name: str) -> type[serializers.Serializer]:
    """The shape of a paged list: `{"items": [...], "pagination": {...}}`.

    Args:
        item: the shape of one row.
        name: what the OpenAPI file calls the page.

    Returns:
        A serializer class, for the OpenAPI file.
    """
    fields = {"items": item(many=True), "pagination": Pagination()}
    return type(name, (serializers.Serializer,), fields)


def feed_of(item: type[serializers.Serializer], name: str) -> type[serializers.Serializer]:
    """The shape of a feed: `{"items": [...], "pagination": {"next_cursor"}}`.

    Args:
        item: the shape of one row.
        name: what the OpenAPI file calls the page.

    Returns:
        A serializer class, for the OpenAPI file.
    """
    fields = {"items": item(many=True), "pagination": CursorPagination()}
    return type(name, (serializers.Serializer,), fields)
