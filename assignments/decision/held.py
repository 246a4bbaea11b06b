"""What an identity may do at all."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection

from assignments.decision import sql
from assignments.grants import MAY_ACT, OBSTACLE
from environments.models import Environment
from identities.models import Identity


@cache
def _statement(*, bound: bool) -> str:
    return (
        "SELECT DISTINCT p.key FROM (SELECT %s::uuid AS environment_id, %s::uuid AS bound,"
        " NULL::timestamptz AS at) c"
        + (sql.BOUND if bound else "")
        + " JOIN identities_identity i ON i.id = %s AND i.environment_id = c.environment_id"
        f" AND {MAY_ACT}"
        f" JOIN assignments_assignment a ON a.identity_id = i.id{sql.IN_ROLE}"
        " JOIN assignments_rolepermission rp ON rp.role_id = r.id"
        " JOIN assignments_permission p ON p.id = rp.permission_id"
        f" JOIN hierarchy_node h ON h.id = a.node_id AND {sql.place_holds(bound=bound)}"
        f" WHERE {OBSTACLE} = 0 ORDER BY p.key"
    )


def permissions_held(environment: Environment, identity: Identity) -> list[str]:
    """The keys of all that an identity may do somewhere; one statement.

    Args:
        environment: whose rows decide, and `bound_to` within which subtree is asked.
        identity: who.

    Returns:
        The keys, sorted; those for which `evaluate` says yes when asked about anywhere.
    """
    parameters: list[Any] = [environment.pk, environment.bound_to, identity.pk]
    with connection.cursor() as cursor:
        cursor.execute(_statement(bound=environment.bound_to is not None), parameters)
        return [key for (key,) in cursor.fetchall()]
