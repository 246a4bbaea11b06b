"""Why, or why not: every assignment between the root and the node, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db import connection

from assignments.decision import sql
from assignments.decision.question import Question
from assignments.grants import IN_FORCE, OBSTACLE, reason_of
from environments.models import Environment
from hierarchy.queries import node_not_found
from identities.queries import identity_not_found

_MOST_ROLES_NAMED = 20


@dataclass(frozen=True, slots=True)
class Grant:
    """An assignment on the way from the root to the node."""

    assignment_id: UUID
    role_id: UUID
    role_name: str
    effective_from: datetime | None
    effective_to: datetime | None
    obstacle: int
    grants_permission: bool

    @property
    def is_effective(self) -> bool:
        """Whether it counts at the instant that was asked about."""
        return self.obstacle == 0


@dataclass(frozen=True, slots=True)
class Rung:
    """A node on the way from the root to the node, with what the identity holds there."""

    node_id: UUID
    name: str
    node_type: str
    depth: int
    is_target: bool
    is_active: bool
    is_shown: bool
    grants: list[Grant]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question with every step.

    Args:
        identity_id: who.
        permission: what they would do.
        node_id: where.
        allowed: whether they may.
        denial_reason: why not; None where allowed.
        effective_node_id: the nearest node whose assignment allows it; None where denied, or where it
            lies above the node that the caller is bound to.
        granting_roles: ids of the roles that allow it, nearest first.
        granting_nodes: ids of the nodes they are held at, nearest first, as far as the caller sees.
        lineage: root first, the node last; for a caller who is bound to a node from that node on.
        near_misses: what stands in the way, what comes first in `denial_reason` first; of what lies
            above the caller's bound the reason alone.
    """

    identity_id: UUID
    permission: str
    node_id: UUID
    allowed: bool
    denial_reason: str | None
    effective_node_id: UUID | None
    granting_roles: list[UUID]
    granting_nodes: list[UUID]
    lineage: list[Rung]
    near_misses: list[dict[str, Any]]


# Whether the caller sees the identity and the node on the way, where it is bound.
_SIGHT: Final = f"{sql.SEEN}, {sql.within('up.path')}"


@cache
def _statement(identity_kind: str, node_kind: str, *, bound: bool) -> str:
    return (
        "SELECT i.id, i.status, n.id, p.id,"
        f" {sql.standing(asks_node=True, asks_anywhere=False)},"
        " up.id, up.name, up.node_type, up.depth,"
        f" NOT {sql.BLOCKED}, g.id, g.role_id, g.name, g.effective_from, g.effective_to,"
        " g.obstacle, g.carries,"
        " ARRAY(SELECT r.id FROM assignments_role r JOIN assignments_rolepermission rp"
        " ON rp.role_id = r.id AND rp.permission_id = p.id"
        f" WHERE {IN_FORCE} ORDER BY r.name, r.id"
        f" LIMIT {_MOST_ROLES_NAMED}),"
        f" {_SIGHT if bound else 'true, true'}"
        " FROM (SELECT %s::uuid AS environment_id, %s::uuid AS bound, %s::text AS identity,"
        " %s::text AS permission, %s::text AS node, %s::timestamptz AS at) c"
        + (sql.BOUND if bound else "")
        + sql.identity({identity_kind})
        + sql.node({node_kind}, bound=bound)
        + sql.LINEAGE
        + sql.PERMISSION
        + " LEFT JOIN hierarchy_node up ON up.id = ANY(lineage.ids)"
        f" LEFT JOIN LATERAL (SELECT a.*, r.name, {OBSTACLE} AS obstacle,"
        " EXISTS (SELECT FROM assignments_rolepermission rp"
        " WHERE rp.role_id = a.role_id AND rp.permission_id = p.id) AS carries"
        f" FROM assignments_assignment a{sql.IN_ROLE}"
        " WHERE a.identity_id = i.id AND a.node_id = up.id) g ON true"
        " ORDER BY up.depth, g.obstacle, g.name, g.id"
    )


def explain(environment: Environment, question: Question) -> Explanation:
    """Answer one question about one node with every step; one statement.

    Args:
        environment: whose rows decide.
        question: what is asked, with a node.

    Returns:
        The explanation; its decision is the one that `evaluate` gives.

    Raises:
        NotFound: `identities.not_found` or `nodes.not_found`.
    """
    assert question.node is not None
    parameters: list[Any] = [
        environment.pk,
        environment.bound_to,
        question.identity.value,
        question.permission,
        question.node.value,
        question.at,
    ]
    statement = _statement(
        question.identity.kind, question.node.kind, bound=environment.bound_to is not None
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    identity_id, _, node_id, _, standing = rows[0][:5]
    seen = rows[0][18]
    if identity_id is None:
        raise identity_not_found(question.identity)
    if node_id is None:
        # A bound caller learns of whom it does not see no more than that there is no such identity.
        raise node_not_found(question.node) if seen else identity_not_found(question.identity)
    lineage = _lineage(rows, node_id)
    granting = [
        (rung, grant)
        for rung in reversed(lineage)
        for grant in rung.grants
        if grant.grants_permission and grant.is_effective
    ]
    allowed = standing is None and bool(granting)
    if not allowed and not seen:
        raise identity_not_found(question.identity)
    near_misses = [] if allowed else _near_misses(question, rows[0], lineage)
    nearest = granting[0][0] if allowed else None
    places = [rung.node_id for rung, _ in granting if rung.is_shown]
    return Explanation(
        identity_id=identity_id,
        permission=question.permission,
        node_id=node_id,
        allowed=allowed,
        denial_reason=None if allowed else near_misses[0]["reason"],
        effective_node_id=nearest.node_id if nearest and nearest.is_shown else None,
        granting_roles=_distinct(grant.role_id for _, grant in granting) if allowed else [],
        granting_nodes=_distinct(places) if allowed else [],
        lineage=[rung for rung in lineage if rung.is_shown],
        near_misses=near_misses,
    )


def _lineage(rows: list[tuple[Any, ...]], target: UUID) -> list[Rung]:
    rungs: dict[UUID, Rung] = {}
    for row in rows:
        node_id, name, node_type, depth, is_active = row[5:10]
        rung = rungs.setdefault(
            node_id,
            Rung(node_id, name, node_type, depth - 1, node_id == target, is_active, row[19], []),
        )
        assignment_id, role_id, role_name, start, end, obstacle, carries = row[10:17]
        if assignment_id is not None:
            rung.grants.append(
                Grant(assignment_id, role_id, role_name, start, end, obstacle, carries)
            )
    return list(rungs.values())


def _near_misses(
    question: Question, first: tuple[Any, ...], lineage: list[Rung]
) -> list[dict[str, Any]]:
    """What stands in the way, in the order in which `denial_reason` names it; one thing at least."""
    identity_id, status, node_id, permission_id = first[:4]
    misses: list[dict[str, Any]] = []
    if status != "active":
        misses.append({"reason": f"identity_{status}", "identity_id": identity_id})
    misses += [
        _told(rung, {"reason": "node_inactive", "node_id": rung.node_id})
        for rung in lineage
        if not rung.is_active
    ]
    if permission_id is None:
        misses.append({"reason": "permission_not_found", "permission": question.permission})
    misses += _missed(lineage)
    # The shortest way to a yes: assign one of these roles here.
    no_grant = {
        "reason": "no_grant",
        "identity_id": identity_id,
        "node_id": node_id,
        "role_ids": first[17],
    }
    return misses or [no_grant]


def _missed(lineage: list[Rung]) -> list[dict[str, Any]]:
    """The assignments that carry the permission and still do not count: fewest obstacles, then nearest."""
    missed = [
        (grant.obstacle, -rung.depth, rung, grant)
        for rung in lineage
        for grant in rung.grants
        if grant.grants_permission and not grant.is_effective
    ]
    return [
        _told(
            rung,
            {
                "reason": reason_of(grant.obstacle),
                "assignment_id": grant.assignment_id,
                "role_id": grant.role_id,
                "role_name": grant.role_name,
                "node_id": rung.node_id,
                "effective_from": grant.effective_from,
                "effective_to": grant.effective_to,
            },
        )
        for _, _, rung, grant in sorted(missed, key=lambda miss: miss[:2])
    ]


def _told(rung: Rung, miss: dict[str, Any]) -> dict[str, Any]:
    """A near miss; of what lies above the caller's bound nothing is named."""
    return miss if rung.is_shown else {"reason": miss["reason"]}


def _distinct(ids: Any) -> list[UUID]:
    return list(dict.fromkeys(ids))
