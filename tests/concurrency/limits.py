"""What a hand does to a rate limit, with and without the protection."""

from __future__ import annotations

from django.db import connection

from environments.limits import limiter


def take_many(name: str, limit: int, times: int) -> int:
    """Ask for so many requests; gives how many were granted."""
    return sum(limiter.take(name, limit).granted for _ in range(times))


def take_many_racily(name: str, limit: int, times: int) -> int:
    """The same by a count that is read in one statement and written in another."""
    granted = 0
    for _ in range(times):
        with connection.cursor() as cursor:
            cursor.execute("SELECT used FROM environments_ratewindow WHERE name = %s", [name])
            (used,) = cursor.fetchone()
            if used < limit:
                granted += 1
                cursor.execute(
                    "UPDATE environments_ratewindow SET used = %s WHERE name = %s", [used + 1, name]
                )
    return granted


def forget() -> None:
    """Drop what this process has leased."""
    limiter.forget()
