"""What an identity may do, and at which nodes that is granted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection

from assignments.decision import sql
from assignments.grants import MAY_ACT, OBSTACLE
from environments.models import Environment
from identities.models import Identity


@dataclass(frozen=True, slots=True)
class PermissionGrants:
    """A permission with the places at which an identity's effective assignments carry it.

    Args:
        permission: its key.
        node_ids: the nodes, sorted; it holds at each and below, as far as nothing there is inactive.
    """

    permission: str
    node_ids: list[UUID]


@cache
def _statement(*, bound: bool) -> str:
    seen = f" AND {sql.within('h.path')}" if bound else ""
    return (
        "SELECT p.key, array_agg(DISTINCT h.id) FROM (SELECT %s::uuid AS environment_id,"
        " %s::uuid AS bound, NULL::timestamptz AS at) c"
        + (sql.BOUND if bound else "")
        + " JOIN identities_identity i ON i.id = %s AND i.environment_id = c.environment_id"
        f" AND {MAY_ACT}"
        f" JOIN assignments_assignment a ON a.identity_id = i.id{sql.IN_ROLE}"
        " JOIN assignments_rolepermission rp ON rp.role_id = r.id"
        " JOIN assignments_permission p ON p.id = rp.permission_id"
        f" JOIN hierarchy_node h ON h.id = a.node_id AND {sql.UNBLOCKED}{seen}"
        f" WHERE {OBSTACLE} = 0 GROUP BY p.key ORDER BY p.key"
    )


def grants_of(environment: Environment, identity: Identity) -> list[PermissionGrants]:
    """What an identity may do, each with the nodes at which it is granted; one statement.

    Args:
        environment: whose rows decide, and `bound_to` which subtree the caller sees.
        identity: who.

    Returns:
        One for each permission with at least one place, by key.
    """
    parameters: list[Any] = [environment.pk, environment.bound_to, identity.pk]
    with connection.cursor() as cursor:
        cursor.execute(_statement(bound=environment.bound_to is not None), parameters)
        return [PermissionGrants(key, sorted(nodes)) for key, nodes in cursor.fetchall()]
