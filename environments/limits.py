"""Rate limits that all processes keep together: a fixed window of a minute, leased in small blocks.

A process leases up to a hundredth of the limit with one upsert and spends it without asking again, so the
hot path pays for a statement once in many requests; what was leased is counted as used, so the total never
exceeds the limit. The window is the database's minute; a lease ends with it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from math import ceil

from django.db import connection

WINDOW_SECONDS = 60
_SHARE_OF_A_LEASE = 100
_LEASES_KEPT = 10_000
_LEASES_AT_MOST = 3

# `used` may grow beyond the limit; what was granted is what still fitted below it.
_LEASE = """
INSERT INTO environments_ratewindow AS w (name, started_at, used)
VALUES (%(name)s, date_trunc('minute', clock_timestamp()), %(block)s)
ON CONFLICT (name) DO UPDATE SET
       used = CASE WHEN w.started_at < EXCLUDED.started_at THEN EXCLUDED.used
                   ELSE w.used + EXCLUDED.used END,
       started_at = GREATEST(w.started_at, EXCLUDED.started_at)
RETURNING used,
          EXTRACT(EPOCH FROM started_at + interval '1 minute' - clock_timestamp())::float8
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether one more request is within its limit.

    Args:
        granted: whether it is.
        limit: requests a minute.
        remaining: how many are left in this minute, at least as far as this process knows.
        reset_seconds: until the next minute begins, rounded up.
    """

    granted: bool
    limit: int
    remaining: int
    reset_seconds: int


@dataclass(slots=True)
class _Lease:
    left: int
    beyond: int  # what was not leased by anyone when this lease was taken
    ends_at: float  # by this process's monotonic clock


class RateLimiter:
    """The leases of one process."""

    def __init__(self) -> None:
        self._leases: dict[str, _Lease] = {}
        self._guard = threading.Lock()

    def take(self, name: str, limit: int) -> Allowance:
        """Count one request; one statement when a lease is used up, none otherwise.

        Args:
            name: what is limited, such as a key and the kind of its requests.
            limit: requests a minute.

        Returns:
            Whether it was within the limit.
        """
        with self._guard:
            spent = self._spend(self._leases.get(name), limit)
        # A lease taken as the minute turns is over when it arrives; the next one is of the new minute.
        for _ in range(_LEASES_AT_MOST):
            if spent is not None:
                return spent
            spent = self._spend_fresh(name, limit)
        return spent or Allowance(False, limit, 0, 1)

    def _spend_fresh(self, name: str, limit: int) -> Allowance | None:
        fresh = _lease(name, limit)
        with self._guard:
            current = self._leases.get(name)
            if current and current.ends_at > time.monotonic():
                # Another thread leased meanwhile: both leases are ours to spend.
                fresh.left += current.left
                fresh.ends_at = min(fresh.ends_at, current.ends_at)
            self._forget_ended()
            self._leases[name] = fresh
            return self._spend(fresh, limit)

    def forget(self) -> None:
        """Drop every lease, as a process that starts anew."""
        with self._guard:
            self._leases.clear()

    def is_spent(self, name: str) -> bool:
        """Whether this process knows that a limit is reached; no statement.

        Args:
            name: what is limited.

        Returns:
            True until the minute ends.
        """
        lease = self._leases.get(name)
        return bool(
            lease and not lease.left and not lease.beyond and lease.ends_at > time.monotonic()
        )

    def _spend(self, lease: _Lease | None, limit: int) -> Allowance | None:
        """One from the lease; None where the database must be asked."""
        now = time.monotonic()
        if lease is None or lease.ends_at <= now:
            return None
        reset = ceil(lease.ends_at - now)
        if lease.left:
            lease.left -= 1
            return Allowance(True, limit, lease.left + lease.beyond, reset)
        if lease.beyond:
            return None
        return Allowance(False, limit, 0, reset)

    def _forget_ended(self) -> None:
        if len(self._leases) < _LEASES_KEPT:
            return
        now = time.monotonic()
        self._leases = {name: kept for name, kept in self._leases.items() if kept.ends_at > now}


def _lease(name: str, limit: int) -> _Lease:
    block = max(1, limit // _SHARE_OF_A_LEASE)
    # Read before the database counts what is left of its minute, so that the lease never outlives it.
    asked_at = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(_LEASE, {"name": name, "block": block})
        used, left_of_minute = cursor.fetchone()
    granted = max(0, min(block, limit - (used - block)))
    return _Lease(granted, max(0, limit - used), asked_at + left_of_minute)


limiter = RateLimiter()
