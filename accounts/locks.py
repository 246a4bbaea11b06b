"""The lock under which accounts are opened: one at a time in the whole installation."""

from django.db import connection, transaction

_OPENING = "open an account"


def lock_opening() -> None:
    """Wait for the sole right to open an account until the transaction ends.

    So that "the first account" is one account, and two of one name get two slugs. It is rare, and making
    an environment queues for the installation's roots anyway; this lock comes first.

    Raises:
        OperationalError: if it is not free within the lock timeout; doors answer 503.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("The lock lives in a transaction.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_OPENING])
