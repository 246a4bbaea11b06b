"""Commands run as people run them: as processes beside a running service."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

HOUSE = Path(__file__).parents[2]


def run_command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py against the test's own database.

    Args:
        words: the command and its arguments.
        environment: variables over the test's own.

    Returns:
        What it printed and how it ended.
    """
    parts = urlsplit(os.environ["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    return subprocess.run(
        [sys.executable, str(HOUSE / "manage.py"), *words],
        env={**os.environ, "DATABASE_URL": url, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
