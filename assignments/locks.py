"""Locks on roles and permissions: those who give one share it, whoever deletes or disables it has it alone."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import connection

from environments.models import Environment


def lock_roles_shared(environment: Environment, role_ids: Collection[UUID]) -> None:
    """Keep roles from being deleted or disabled until the transaction ends, together with others.

    Args:
        environment: whose roles; what another has is not touched, whoever knows its id.
        role_ids: which; those that do not exist do no harm.

    Raises:
        OperationalError: if a role is not free within the lock timeout; doors answer 503.
    """
    with connection.cursor() as cursor:
        # The ORM knows FOR UPDATE only, and a role is shared by everyone who assigns it.
        cursor.execute(
            "SELECT id FROM assignments_role WHERE environment_id = %s AND id = ANY(%s)"
            " ORDER BY id FOR SHARE",
            [environment.pk, list(role_ids)],
        )


def lock_permissions_shared(environment: Environment, keys: Iterable[str]) -> None:
    """Keep permissions from being deleted until the transaction ends, together with others.

    Args:
        environment: whose permissions.
        keys: which; those that do not exist do no harm.

    Raises:
        OperationalError: if a permission is not free within the lock timeout; doors answer 503.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM assignments_permission WHERE environment_id = %s AND key = ANY(%s)"
            " ORDER BY id FOR KEY SHARE",
            [environment.pk, list(keys)],
        )
