"""Who may do this here: every identity, with the grants that allow it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from assignments.decision import sql
from assignments.decision.listing import Listing, listing_statement
from assignments.grants import MAY_ACT, NOT_REVOKED, OBSTACLE, REVOKED
from assignments.permissions import permission_not_found
from common.refs import Ref
from environments.models import Environment
from hierarchy.queries import node_not_found
from identities.models import name_of


class Via(NamedTuple):
    """An assignment that allows it.

    Args:
        assignment_id: its id.
        role: the name of its role.
        node_id: where it is held.
    """

    assignment_id: str
    role: str
    node_id: str


class AllowedIdentity(NamedTuple):
    """An identity that may.

    Args:
        id: its id.
        email: its address.
        name: its name, or its address without one.
        external_id: the caller's own id of it.
        via: what allows it, nearest first, as far as the caller sees.
    """

    id: str
    email: str
    name: str
    external_id: str | None
    via: list[Via]


_NIL: Final = "00000000-0000-0000-0000-000000000000"


def _allowed_at(place: str, half: str, *, bound: bool) -> str:
    """The first identities that an assignment at one place allows it, in the order of their ids.

    Each assignment is looked at by itself, in the order of the index, until there are enough: a place
    may have two of them or two hundred thousand, and the planner cannot know.
    """
    return (
        "(SELECT DISTINCT a.identity_id FROM (SELECT * FROM assignments_assignment"
        f" WHERE node_id = {place} AND {half}"
        f" AND identity_id > COALESCE(%(after)s::uuid, '{_NIL}') ORDER BY identity_id OFFSET 0) a"
        f" CROSS JOIN LATERAL (SELECT 1 FROM (VALUES (1)) once{sql.CARRYING}"
        f" WHERE {OBSTACLE} = 0 LIMIT 1) granting"
        " CROSS JOIN LATERAL (SELECT 1 FROM identities_identity i WHERE i.id = a.identity_id"
        f" AND {MAY_ACT}{f' AND {sql.SEEN}' if bound else ''} LIMIT 1) holder"
        " ORDER BY a.identity_id LIMIT %(limit)s::bigint)"
    )


@cache
def _statement(node_kind: str, *, bound: bool, timed: bool) -> str:
    halves = [NOT_REVOKED, REVOKED] if timed else [NOT_REVOKED]
    near = " UNION ALL ".join(_allowed_at("place.id", half, bound=bound) for half in halves)
    shown = f" AND {sql.within('h.path')}" if bound else ""
    nearest = "ORDER BY h.depth DESC, r.name, a.id"
    items = (
        " LEFT JOIN LATERAL (SELECT i.id, i.email, i.first_name, i.last_name, i.external_id,"
        " via.assignments, via.roles, via.nodes FROM (SELECT DISTINCT near.identity_id"
        " FROM unnest(lineage.ids) AS place (id)"
        f" CROSS JOIN LATERAL ({near}) near"
        " ORDER BY near.identity_id LIMIT %(limit)s::bigint) page"
        " JOIN identities_identity i ON i.id = page.identity_id"
        f" CROSS JOIN LATERAL (SELECT array_agg(a.id::text {nearest}) AS assignments,"
        f" array_agg(r.name {nearest}) AS roles, array_agg(a.node_id::text {nearest}) AS nodes"
        f" FROM {sql.held('node_id = ANY(lineage.ids)')}{sql.CARRYING}"
        f" JOIN hierarchy_node h ON h.id = a.node_id WHERE {OBSTACLE} = 0{shown}) via"
        " ) found ON NOT lineage.blocked"
    )
    return (
        listing_statement(
            asks={"node": "n", "permission": "p"},
            joins=(sql.BOUND if bound else "")
            + sql.node({node_kind}, bound=bound)
            + sql.LINEAGE
            + sql.PERMISSION,
            items=items,
            timed=timed,
            columns="found.id::text, found.email, found.first_name, found.last_name,"
            " found.external_id, found.assignments, found.roles, found.nodes",
            sight="true",
        )
        + " ORDER BY found.id"
    )


def identities_allowed(
    environment: Environment, permission: str, node: Ref, at: datetime | None
) -> Listing[AllowedIdentity]:
    """Every identity for which `evaluate` says yes at a node, by id, which is its position.

    Args:
        environment: whose rows decide, and `bound_to` which node the caller is; one who is bound to a
            node is told of those whom it sees.
        permission: the key of what they would do.
        node: where.
        at: at which instant; None is now.

    Returns:
        The question, ready to be put.
    """
    return Listing(
        _statement(node.kind, bound=environment.bound_to is not None, timed=at is not None),
        {
            "environment": environment.pk,
            "bound": environment.bound_to,
            "identity": None,
            "permission": permission,
            "node": node.value,
            "at": at,
        },
        {"node": node_not_found(node), "permission": permission_not_found(permission)},
        _shape,
    )


def _shape(rows: Iterator[tuple[Any, ...]]) -> Iterator[AllowedIdentity]:
    for identity_id, email, first_name, last_name, external_id, *via in rows:
        held = [Via(*row) for row in zip(*(each or () for each in via), strict=True)]
        name = name_of(first_name, last_name, email)
        yield AllowedIdentity(identity_id, email, name, external_id, held)
