"""Fill a fresh environment with the sample company."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.commands import database_at_hand
from common.errors import DomainError
from common.refs import is_uuid
from environments.actors import Actor
from environments.models import Environment
from onboarding.services.sample import load_sample


class Command(BaseCommand):
    """Refuses an environment that holds anything but its root."""

    help = "Fill a fresh environment with a small believable organisation."

    def add_arguments(self, parser: CommandParser) -> None:
        """See `BaseCommand`."""
        parser.add_argument(
            "--environment", required=True, help="its id, or account-slug/environment-slug"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """See `BaseCommand`.

        Raises:
            CommandError: if there is no such environment, it is not empty, or the database is away.
        """
        with database_at_hand():
            environment = _find(options["environment"])
            try:
                load_sample(actor=Actor.system("load_sample"), environment=environment)
            except DomainError as refusal:
                raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{environment.name} of {environment.account.name} is filled.")


def _find(text: str) -> Environment:
    account, _, slug = text.partition("/")
    wanted = {"pk": text} if is_uuid(text) else {"account__slug": account, "slug": slug}
    environment = Environment.objects.select_related("account").filter(**wanted).first()
    if environment is None:
        raise CommandError(f"There is no environment {text}.")
    return environment
