"""What may this identity do here: the keys of its permissions."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from assignments.decision import sql
from assignments.decision.listing import Listing, listing_statement
from assignments.grants import MAY_ACT, OBSTACLE
from common.refs import Ref
from environments.models import Environment
from hierarchy.queries import node_not_found
from identities.queries import identity_not_found


@cache
def _statement(identity_kind: str, node_kind: str, *, bound: bool, timed: bool) -> str:
    items = (
        " LEFT JOIN LATERAL (SELECT DISTINCT p.key"
        f" FROM {sql.held('node_id = ANY(lineage.ids)')}{sql.IN_ROLE}"
        " JOIN assignments_rolepermission rp ON rp.role_id = r.id"
        " JOIN assignments_permission p ON p.id = rp.permission_id"
        f" WHERE {OBSTACLE} = 0 AND p.key > COALESCE(%(after)s::text, '')"
        " ORDER BY p.key LIMIT %(limit)s::bigint) found"
        f" ON {MAY_ACT} AND NOT lineage.blocked"
    )
    return (
        listing_statement(
            asks={"identity": "i", "node": "n"},
            joins=(sql.BOUND if bound else "")
            + sql.identity({identity_kind})
            + sql.node({node_kind}, bound=bound)
            + sql.LINEAGE,
            items=items,
            columns="found.key",
            sight=sql.SEEN if bound else "true",
            timed=timed,
        )
        + " ORDER BY found.key"
    )


def permissions_allowed(
    environment: Environment, identity: Ref, node: Ref, at: datetime | None
) -> Listing[str]:
    """Every permission for which `evaluate` says yes, by key, which is its position.

    Args:
        environment: whose rows decide, and `bound_to` which node the caller is.
        identity: who.
        node: where.
        at: at which instant; None is now.

    Returns:
        The question, ready to be put.
    """
    return Listing(
        _statement(
            identity.kind,
            node.kind,
            bound=environment.bound_to is not None,
            timed=at is not None,
        ),
        {
            "environment": environment.pk,
            "bound": environment.bound_to,
            "identity": identity.value,
            "permission": None,
            "node": node.value,
            "at": at,
        },
        {"identity": identity_not_found(identity), "node": node_not_found(node)},
        lambda rows: (key for (key,) in rows),
    )
