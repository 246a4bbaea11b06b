"""What an identity may do at all."""

from __future__ import annotations

from django.db import connection

from assignments.decision import sql
from assignments.grants import IN_LIFE, OBSTACLE
from environments.models import Environment
from identities.models import Identity

_STATEMENT = (
    "SELECT DISTINCT p.key FROM (SELECT NULL::timestamptz AS at) c"
    " JOIN identities_identity i ON i.id = %s AND i.environment_id = %s AND i.status = 'active'"
    " JOIN assignments_assignment a ON a.identity_id = i.id"
    f" JOIN assignments_role r ON r.id = a.role_id AND {IN_LIFE}"
    " JOIN assignments_rolepermission rp ON rp.role_id = r.id"
    " JOIN assignments_permission p ON p.id = rp.permission_id"
    f" JOIN hierarchy_node h ON h.id = a.node_id AND {sql.UNBLOCKED}"
    f" WHERE {OBSTACLE} = 0 ORDER BY p.key"
)


def permissions_held(environment: Environment, identity: Identity) -> list[str]:
    """The keys of all that an identity may do somewhere; one statement.

    Args:
        environment: whose rows decide.
        identity: who.

    Returns:
        The keys, sorted; those for which `evaluate` says yes when asked about anywhere.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, [identity.pk, environment.pk])
        return [key for (key,) in cursor.fetchall()]
