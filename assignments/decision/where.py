"""Where may this identity do this: every node, in tree order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from assignments.decision import sql
from assignments.decision.listing import Listing, listing_statement
from assignments.decision.question import Question
from assignments.grants import MAY_ACT, OBSTACLE
from assignments.permissions import permission_not_found
from environments.models import Environment
from hierarchy.queries import node_not_found
from identities.queries import identity_not_found


class AllowedNode(NamedTuple):
    """A node at which the identity may.

    Args:
        id: its id.
        name: its name.
        node_type: its type.
        external_id: the caller's own id of it.
        path: the names from the root, or from the node that the caller is bound to, down to its own.
    """

    id: str
    name: str
    node_type: str
    external_id: str | None
    path: list[str]


# Where the list goes on: behind the last node, or behind the branch above it that was switched off since.
_START: Final = (
    "(SELECT COALESCE(max(GREATEST(o.path, hidden.until)), '') AS path FROM hierarchy_node o"
    " CROSS JOIN LATERAL (SELECT max(up.path || 'z') AS until FROM hierarchy_node up"
    f" WHERE up.path = ANY({sql.prefixes('o.path')}) AND {sql.BLOCKED}) hidden"
    " WHERE o.id = %(after)s::uuid AND o.environment_id = c.environment_id) start"
)


def _tops(top: str) -> str:
    """The topmost places that the grants reach, each once; what lies below one of them is left out.

    A place lies below an earlier one exactly when the furthest end of those before it lies behind it.
    """
    places = f"SELECT DISTINCT {sql.reach(top)} AS path" if top else "SELECT DISTINCT h.path"
    return (
        "(SELECT h.path FROM (SELECT path, max(path || 'z') OVER"
        " (ORDER BY path ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered"
        f" FROM ({places} FROM {sql.held('true')} JOIN hierarchy_node h ON h.id = a.node_id"
        f"{sql.CARRYING} WHERE {OBSTACLE} = 0) place WHERE path IS NOT NULL) h"
        f" WHERE (h.covered IS NULL OR h.covered <= h.path) AND {sql.UNBLOCKED}) top"
    )


def _below(*, typed: bool) -> str:
    """The nodes of one place behind the start, but for branches that are switched off.

    A node lies in such a branch exactly when the furthest end of those that began before it lies behind
    it; so the rows are looked at once, in the order of the index, until there are enough.
    """
    # Of nodes of another type only those matter that are switched off.
    looked_at = f" AND (up.node_type = %(node_type)s OR {sql.BLOCKED})" if typed else ""
    return (
        "(SELECT id, path, node_type FROM (SELECT up.id, up.path, up.node_type,"
        f" max(CASE WHEN {sql.BLOCKED} THEN up.path || 'z' END) OVER"
        " (ORDER BY up.path ROWS UNBOUNDED PRECEDING) AS hidden"
        f" FROM hierarchy_node up WHERE {sql.below_or_at('up.path', 'top.path')}"
        f" AND up.path > start.path{looked_at}) near WHERE (hidden IS NULL OR hidden <= path)"
        f"{' AND node_type = %(node_type)s' if typed else ''}"
        " ORDER BY path LIMIT %(limit)s::bigint) near"
    )


def _page(top: str, *, typed: bool) -> str:
    """The next nodes in tree order; `begins` tells that a node does not continue the one before it."""
    begins = (
        "true" if typed else "lag(near.top) OVER (ORDER BY near.path) IS DISTINCT FROM near.top"
    )
    return (
        f"(SELECT near.id, near.path, {begins} AS begins FROM (SELECT near.id, near.path,"
        f" top.path AS top FROM {_START} CROSS JOIN {_tops(top)}"
        f" CROSS JOIN LATERAL {_below(typed=typed)}"
        " ORDER BY top.path, near.path LIMIT %(limit)s::bigint) near) page"
    )


@cache
def _statement(
    identity_kind: str, node_kind: str | None, *, bound: bool, typed: bool, timed: bool
) -> str:
    top = "n.path" if node_kind else "b.path" if bound else ""
    shown = f" AND {sql.within('up.path')}" if bound else ""
    asks = {"identity": "i", **({"node": "n"} if node_kind else {}), "permission": "p"}
    items = (
        " LEFT JOIN LATERAL (SELECT node.id::text, node.name, node.node_type, node.external_id,"
        " node.depth, page.path, CASE WHEN page.begins THEN ARRAY(SELECT up.name"
        f" FROM hierarchy_node up WHERE up.path = ANY({sql.prefixes('page.path')}){shown}"
        f" ORDER BY up.path) END AS names FROM {_page(top, typed=typed)}"
        f" JOIN hierarchy_node node ON node.id = page.id) found ON {MAY_ACT}"
    )
    statement = listing_statement(
        asks=asks,
        joins=(sql.BOUND if bound else "")
        + sql.identity({identity_kind})
        + (sql.node({node_kind}, bound=bound) if node_kind else "")
        + sql.PERMISSION,
        items=items,
        columns="found.id, found.name, found.node_type, found.external_id, found.depth, found.names",
        sight=sql.SEEN if bound else "true",
        timed=timed,
    )
    return f"{statement} ORDER BY found.path"


def _shape(rows: Iterator[tuple[Any, ...]]) -> Iterator[AllowedNode]:
    """Nodes with the names on the way to them: each continues the way to the one before it, or begins anew."""
    way: list[str] = []
    above = 0
    for node_id, name, node_type, external_id, depth, names in rows:
        if names is None:
            way = [*way[: depth - above - 1], name]
        else:
            way = names
            above = depth - len(names)
        yield AllowedNode(node_id, name, node_type, external_id, way)


def nodes_allowed(
    environment: Environment, question: Question, node_type: str | None = None
) -> Listing[AllowedNode]:
    """Every live node at which `evaluate` says yes, in tree order; a node's id is its position.

    Args:
        environment: whose rows decide, and `bound_to` which node the caller is.
        question: what is asked; its node is the top of the subtree that is looked at.
        node_type: which type of nodes alone.

    Returns:
        The question, ready to be put.
    """
    node = question.node
    return Listing(
        _statement(
            question.identity.kind,
            node.kind if node else None,
            bound=environment.bound_to is not None,
            typed=node_type is not None,
            timed=question.at is not None,
        ),
        {
            "environment": environment.pk,
            "bound": environment.bound_to,
            "identity": question.identity.value,
            "permission": question.permission,
            "node": node.value if node else None,
            "at": question.at,
            "node_type": node_type,
        },
        {
            "identity": identity_not_found(question.identity),
            "permission": permission_not_found(question.permission),
            **({"node": node_not_found(node)} if node else {}),
        },
        _shape,
    )
