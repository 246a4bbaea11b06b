"""Compare every tree's index with its parent pointers."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.commands import database_at_hand
from hierarchy.queries import find_problems


class Command(BaseCommand):
    """Exits with 1 and one line a problem if a tree is not whole."""

    help = "Compare every tree's index with its parent pointers; one statement, nothing is changed."

    def handle(self, *args: Any, **options: Any) -> None:
        """See `BaseCommand`.

        Raises:
            CommandError: if anything is wrong, or the database is away.
        """
        with database_at_hand():
            problems = find_problems()
        for found in problems:
            self.stderr.write(f"{found.environment_id} {found.node_id}: {found.problem}")
        if problems:
            raise CommandError(f"{len(problems)} problems in the tree.")
        self.stdout.write("Every tree is whole.")
