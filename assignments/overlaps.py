"""Which live assignments stand in the way of new windows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.db import connection

from assignments.grants import live, overlaps

_End: TypeAlias = tuple[int, datetime]


@dataclass(frozen=True, slots=True)
class Place:
    """Who would hold what, where and when.

    Args:
        identity_id: who.
        role_id: what.
        node_id: where.
        start: from when; None from always.
        end: until when, exclusive; None for ever.
        state: what it would be now, by the database's clock; empty until `find_overlaps` was asked.
        replaces: the assignment whose other form it is, which does not stand in its own way.
    """

    identity_id: UUID
    role_id: UUID
    node_id: UUID
    start: datetime | None
    end: datetime | None
    state: str = ""
    replaces: UUID | None = None

    def at(self, now: datetime) -> Place:
        """The same with its state.

        Args:
            now: the database's time.

        Returns:
            A place with `state` scheduled, active or expired.
        """
        if self.end is not None and self.end <= now:
            return replace(self, state="expired")
        return replace(self, state="scheduled" if self.start and self.start > now else "active")


# A window that is over when it is made grants nothing, so it neither blocks nor is blocked. The role is
# compared in a way that no index answers: ten thousand places of one role, looked up by their role before
# PostgreSQL has counted them, are a hundred million comparisons.
_STATEMENT = f"""
SELECT statement_timestamp(), asked.position, a.id
  FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::uuid[])
       WITH ORDINALITY AS asked
       (identity_id, role_id, node_id, effective_from, effective_to, replaces, position)
  LEFT JOIN LATERAL (
       SELECT a.id FROM assignments_assignment a
        WHERE a.identity_id = asked.identity_id AND a.node_id = asked.node_id
          AND a.role_id IS NOT DISTINCT FROM asked.role_id AND a.id IS DISTINCT FROM asked.replaces
          AND a.id <> ALL(%s::uuid[])
          AND {live("a")}
          AND {overlaps("a", "asked.effective_from", "asked.effective_to")}
        ORDER BY a.created_at, a.id
        LIMIT 1) a ON asked.effective_to IS NULL OR asked.effective_to > statement_timestamp()
"""


def find_overlaps(
    places: Sequence[Place], *, leaving: Collection[UUID] = ()
) -> tuple[datetime, dict[int, UUID]]:
    """Live assignments that new ones would overlap; one statement.

    Args:
        places: what shall be held.
        leaving: ids of assignments that do not count, because the same act ends them first.

    Returns:
        The database's time, and the overlapped assignment by the place's index.
    """
    columns: list[list[Any]] = [
        [place.identity_id for place in places],
        [place.role_id for place in places],
        [place.node_id for place in places],
        [place.start for place in places],
        [place.end for place in places],
        [place.replaces for place in places],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, [*columns, list(leaving)])
        rows = cursor.fetchall()
    found = {position - 1: overlapped for _, position, overlapped in rows if overlapped}
    return rows[0][0], found


class Windows:
    """Windows of one identity, role and node, given by one act, that do not overlap."""

    def __init__(self) -> None:
        # In order, so that a holder of ten thousand windows is not compared fifty million times.
        self._taken: list[tuple[_End, _End]] = []

    def take(self, place: Place, now: datetime) -> bool:
        """Add a window, unless it overlaps one that was taken before.

        Args:
            place: the window's.
            now: the database's time; what is over by then overlaps nothing.

        Returns:
            Whether it could be taken.
        """
        if place.end is not None and place.end <= now:
            return True
        window = (_end(place.start, -1), _end(place.end, 1))
        position = bisect_right(self._taken, window)
        if position and self._taken[position - 1][1] > window[0]:
            return False
        if position < len(self._taken) and self._taken[position][0] < window[1]:
            return False
        self._taken.insert(position, window)
        return True


def _end(at: datetime | None, beyond: int) -> _End:
    """An end of a window that compares with others; an open one lies beyond them all."""
    return (beyond, datetime.min) if at is None else (0, at)
