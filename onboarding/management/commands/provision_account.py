"""Make an account for scripts, beside a running service or before it."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts.models import Account, User
from common.commands import database_at_hand
from common.errors import DomainError
from common.text import UnwantedCharacter, clean_text
from environments.actors import Actor
from onboarding.services.provisioning import Provisioned, provision_account

LONGEST_NAME = Account._meta.get_field("name").max_length or 0


class Command(BaseCommand):
    """Prints the ids and the keys, which are shown this once."""

    help = (
        "Make an owner with a verified address, an account and its two environments with one "
        "full-access key each. Runs beside `make run` and leaves it alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """See `BaseCommand`."""
        parser.add_argument("--email", required=True, help="the owner's address")
        parser.add_argument("--account", required=True, help="the account's name")
        parser.add_argument(
            "--password-file",
            type=Path,
            help="a file whose first line is the owner's password; without it the owner sets one "
            "by the reset page",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """See `BaseCommand`.

        Raises:
            CommandError: if a value cannot be used, the address is taken, or the database is away.
        """
        email, name = _read_email(options["email"]), _read_name(options["account"])
        password = _read_password(options["password_file"], email)
        with database_at_hand():
            try:
                made = provision_account(
                    actor=Actor.system("provision_account"),
                    email=email,
                    name=name,
                    password=password,
                )
            except DomainError as refusal:
                raise CommandError(f"{email}: {refusal.message}") from refusal
        self.stdout.write(json.dumps(_told(made), indent=2) if options["json"] else _said(made))


def _read_email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise CommandError(f"{text!r} is not an e-mail address.") from error
    return text.lower()


def _read_name(text: str) -> str:
    try:
        name = clean_text(text).strip()
    except UnwantedCharacter as error:
        raise CommandError(f"The account's name {error}.") from error
    if not 0 < len(name) <= LONGEST_NAME:
        raise CommandError(f"The account's name has 1 to {LONGEST_NAME} characters.")
    return name


def _read_password(file: Path | None, email: str) -> str | None:
    if file is None:
        return None
    try:
        password = file.read_text().partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The password cannot be read from {file}: {error}") from error
    try:
        validate_password(password, User(email=email))
    except ValidationError as error:
        raise CommandError(f"The password is refused: {' '.join(error.messages)}") from error
    return password


def _told(made: Provisioned) -> dict[str, Any]:
    account = made.account
    return {
        "account": {"id": str(account.pk), "name": account.name, "slug": account.slug},
        "environments": [
            {
                "name": environment.name,
                "id": str(environment.pk),
                "slug": environment.slug,
                "api_key": key,
            }
            for environment, key in made.environments
        ],
    }


def _said(made: Provisioned) -> str:
    lines = [f"Account {made.account.name} ({made.account.slug}) is open at {settings.BASE_URL}"]
    for environment, key in made.environments:
        lines.append(f"  {environment.name:<12} {environment.pk}  {key}")
    return "\n".join([*lines, "The keys are shown this once."])
