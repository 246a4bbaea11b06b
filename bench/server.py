"""PostgreSQL and the service beside each other on one core, under production settings."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.local.postgres import Cluster

THREADS = 4
DATABASE = "bench"


def production_settings(cluster: Cluster, data: Path) -> dict[str, str]:
    """The environment variables of a production server on this database.

    Args:
        cluster: PostgreSQL.
        data: a folder for what is kept outside the database.

    Returns:
        Variables to their values.
    """
    return {
        "TRELLIS_PRODUCTION": "1",
        "TRELLIS_BASE_URL": "https://trellis.example",
        "TRELLIS_DATA": str(data),
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": cluster.url(DATABASE),
        "DATABASE_POOL_SIZE": str(THREADS),
        "EMAIL_URL": "consolemail://",
        "LOG_LEVEL": "WARNING",
        # The load comes over plain HTTP, as behind a proxy that ends TLS.
        "SECURE_SSL_REDIRECT": "0",
        # Limits are on, and higher than one key can reach here.
        "RATE_LIMIT_EVALUATE": "600000",
        "RATE_LIMIT_OTHERS": "600000",
    }


SHOWN = (
    "TRELLIS_PRODUCTION",
    "DATABASE_POOL_SIZE",
    "LOG_LEVEL",
    "SECURE_SSL_REDIRECT",
    "RATE_LIMIT_EVALUATE",
    "RATE_LIMIT_OTHERS",
)


def shown(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that explain a figure, and how the server is started.

    Args:
        settings: all of them.

    Returns:
        What the report prints.
    """
    kept = {name: settings[name] for name in SHOWN}
    return {**kept, "granian": f"1 worker with {THREADS} threads"}


@contextmanager
def database() -> Iterator[tuple[Cluster, Path]]:
    """A PostgreSQL of this run's own, with its own settings left as they come.

    Yields:
        The server with an empty database, and a folder for other data.
    """
    with tempfile.TemporaryDirectory(prefix="trellis-bench-", dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o711)  # PostgreSQL's account passes through when we are root
        cluster = Cluster(home / "postgres", home / "socket", home / "postgres.log")
        cluster.create()
        cluster.start()
        try:
            cluster.create_database(DATABASE)
            yield cluster, home / "data"
        finally:
            cluster.stop()


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_django(settings: Mapping[str, str]) -> str:
    """Make this process a Django of these settings, with the tables made.

    Args:
        settings: environment variables.

    Returns:
        The database's own name and version, and whether it waits for its disk.
    """
    os.environ.update(settings)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0, interactive=False, stdout=sys.stderr)
    call_command("createcachetable", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
    return f"PostgreSQL {version} with fsync {fsync}"
