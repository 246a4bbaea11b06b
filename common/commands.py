"""What a command says when the database is not there, instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError


@contextmanager
def database_at_hand() -> Iterator[None]:
    """Turn a missing or empty database into one plain sentence.

    Raises:
        CommandError: saying what to do.
    """
    try:
        yield
    except OperationalError as error:
        where = f"in {settings.DATA_DIR}" if settings.EMBEDDED_DATABASE else "at DATABASE_URL"
        raise CommandError(
            f"The database {where} does not answer. Is `make run` running, with the same "
            f"TRELLIS_DATA?\n{error}"
        ) from error
    except ProgrammingError as error:
        raise CommandError(
            f"The database is not up to date; run `manage.py migrate` first.\n{error}"
        ) from error
