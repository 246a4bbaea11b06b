"""What a call leaves behind: everything our tables hold, keys included."""

from __future__ import annotations

from typing import Any

from django.db import connection

from tests.contracts.test_isolation import fingerprint

# All of a key but when it was used last, which any call may write.
_KEYS = """
    SELECT md5(string_agg((to_jsonb(k) - 'last_used_at')::text, '|' ORDER BY k.id))
    FROM environments_apikey k
"""


def traces() -> dict[str, Any]:
    """What every table of ours holds, but for when keys were used and how much of the limits."""
    with connection.cursor() as cursor:
        cursor.execute(_KEYS)
        return {**fingerprint(), "environments_apikey": cursor.fetchone()}
