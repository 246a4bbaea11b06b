"""How an access question is put: a page of its answer, or the whole of it bit by bit; one statement each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, Final, Generic, NamedTuple, TypeVar

from django.db import connection

from common.errors import NotFound

Item = TypeVar("Item")
_Row = tuple[Any, ...]
_ROWS_A_FETCH: Final = 2_000


class Listing(NamedTuple, Generic[Item]):
    """An access question, ready to be put.

    Args:
        statement: its text, which takes `after` and `limit` besides its parameters.
        parameters: all others, by name.
        refusals: what is raised where the identity, node or permission is not there.
        shape: makes items of what follows the rows' standing columns.
    """

    statement: str
    parameters: Mapping[str, Any]
    refusals: Mapping[str, NotFound]
    shape: Callable[[Iterator[_Row]], Iterator[Item]]


class Page(NamedTuple, Generic[Item]):
    """A part of an answer.

    Args:
        items: in the question's order.
        tree_version: of the tree that it was read from.
        more: whether something follows.
    """

    items: list[Item]
    tree_version: int
    more: bool


def listing_statement(
    *,
    asks: Mapping[str, str],
    joins: str,
    items: str,
    columns: str,
    sight: str,
    timed: bool,
) -> str:
    """The statement of an access question; its rows begin with how the question stands.

    Args:
        asks: which of `identity`, `node` and `permission` must be there, each with its alias.
        joins: SQL texts that join them.
        items: an SQL text that joins the items as `found`, none of them where nobody is allowed.
        columns: of an item, the first of them never null.
        sight: an SQL text that tells whether the caller sees the identity.
        timed: whether an instant is named.

    Returns:
        An SQL text with named parameters.
    """
    missing = " ".join(f"WHEN {alias}.id IS NULL THEN '{name}'" for name, alias in asks.items())
    return (
        f"SELECT e.tree_version, CASE {missing} END, {sight}, {columns}"
        " FROM (SELECT %(environment)s::uuid AS environment_id, %(bound)s::uuid AS bound,"
        " %(identity)s::text AS identity, %(permission)s::text AS permission,"
        f" %(node)s::text AS node, {'%(at)s' if timed else 'NULL'}::timestamptz AS at) c"
        f" JOIN environments_environment e ON e.id = c.environment_id{joins}{items}"
    )


def page_of(listing: Listing[Item], after: str | None, limit: int) -> Page[Item]:
    """A part of the answer; one statement, however far into the list.

    Args:
        listing: the question.
        after: the position of the last item of the part before; None at the beginning.
        limit: how many items at most.

    Returns:
        The part.

    Raises:
        NotFound: `identities.not_found`, `nodes.not_found` or `permissions.not_found`.
    """
    with connection.cursor() as cursor:
        cursor.execute(listing.statement, _parameters(listing, after, limit + 1))
        rows = cursor.fetchall()
    _require(listing, rows[0])
    found = list(_items(listing, iter(rows)))
    return Page(found[:limit], rows[0][0], len(found) > limit)


def whole_of(listing: Listing[Item]) -> Iterator[Item]:
    """The whole answer from one snapshot and at one instant, fetched while it is taken.

    Args:
        listing: the question.

    Yields:
        The items, in the question's order.

    Raises:
        NotFound: with the first item, as for a part.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(listing.statement, _parameters(listing, None, None))
        first = cursor.fetchmany(_ROWS_A_FETCH)
        _require(listing, first[0])
        rest = iter(partial(cursor.fetchmany, _ROWS_A_FETCH), [])
        yield from _items(listing, chain(first, chain.from_iterable(rest)))


def _items(listing: Listing[Item], rows: Iterator[_Row]) -> Iterator[Item]:
    # The only row of an empty answer tells how the question stands, and has no item.
    return listing.shape(row[3:] for row in rows if row[3] is not None)


def _parameters(listing: Listing[Any], after: str | None, limit: int | None) -> dict[str, Any]:
    return {**listing.parameters, "after": after, "limit": limit}


def _require(listing: Listing[Any], first: _Row) -> None:
    """Refuse a question about what is not there, or about whom a bound caller does not see."""
    _, missing, seen, *item = first
    if item[0] is None and not seen:
        missing = "identity"
    if missing is not None:
        raise listing.refusals[missing]
