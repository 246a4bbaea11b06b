"""Bring the local database up to date: migrations and the cache's table, in one Django start."""

import os
import sys

import django
from django.core.management import CommandError, call_command
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def main() -> int:
    """Migrate if anything is pending, and make the cache's table if it is missing.

    Returns:
        The exit status; on failure the last line printed says what is wrong.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False)
        call_command("createcachetable")
    except (CommandError, DatabaseError) as error:
        sys.stderr.write(f"{str(error).strip()}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
