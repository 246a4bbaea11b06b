"""Print a one-time link into the demo account of a local service."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from common.commands import database_at_hand
from common.errors import DomainError
from environments.actors import Actor
from onboarding.services.demo import make_demo_link


class Command(BaseCommand):
    """Makes the demo account with its sample data when there is none."""

    help = "Print a link into a demo account with sample data: good once, for 15 minutes."

    def handle(self, *args: Any, **options: Any) -> None:
        """See `BaseCommand`.

        Raises:
            CommandError: on a service in production, or if the database is away.
        """
        with database_at_hand():
            try:
                token = make_demo_link(actor=Actor.system("demo_link"))
            except DomainError as refusal:
                raise CommandError(refusal.message) from refusal
        self.stdout.write(settings.BASE_URL + reverse("demo", args=[token]))
