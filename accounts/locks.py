"""Locks on accounts: their opening, one at a time in the whole installation; a team; a person."""

from uuid import UUID

from django.db import connection, transaction

from accounts.models import TeamMember, User

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


def lock_team(account_id: UUID) -> None:
    """Keep the places in an account's team as they are until the transaction ends.

    So that of two last owners who leave at once one stays: each sees what the other did.

    Args:
        account_id: whose team.

    Raises:
        OperationalError: if a place is not free within the lock timeout; doors answer 503.
    """
    rows = TeamMember.objects.filter(account=account_id).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def lock_user(user_id: UUID) -> None:
    """Keep whether someone may sign in, and what they may there, until the transaction ends.

    Args:
        user_id: who.

    Raises:
        OperationalError: if it is not free within the lock timeout; doors answer 503.
    """
    list(User.objects.filter(pk=user_id).select_for_update(no_key=True).values_list("pk"))
