"""Why, or why not: every assignment between the root and the node, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from assignments.decision import sql
from assignments.decision.question import Question
from assignments.grants import IN_LIFE, OBSTACLE, reason_of
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
        effective_node_id: the nearest node whose assignment allows it; None where denied.
        granting_roles: ids of the roles that allow it, nearest first.
        granting_nodes: ids of the nodes they are held at, nearest first.
        lineage: root first, the node last.
        near_misses: what stands in the way, what comes first in `denial_reason` first.
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


def _statement(identity_kind: str, node_kind: str) -> str:
    return (
        "SELECT i.id, i.status, n.id, p.id,"
        f" {sql.standing(asks_node=True, asks_anywhere=False)},"
        " up.id, up.name, up.node_type, up.depth,"
        f" NOT {sql.BLOCKED}, g.id, g.role_id, g.name, g.effective_from, g.effective_to,"
        " g.obstacle, g.carries,"
        " ARRAY(SELECT r.id FROM assignments_role r JOIN assignments_rolepermission rp"
        " ON rp.role_id = r.id AND rp.permission_id = p.id"
        " WHERE r.is_active AND r.deleted_at IS NULL ORDER BY r.name, r.id"
        f" LIMIT {_MOST_ROLES_NAMED})"
        " FROM (SELECT %s::uuid AS environment_id, %s::text AS identity, %s::text AS permission,"
        " %s::text AS node, %s::timestamptz AS at) c"
        + sql.identity({identity_kind})
        + sql.node({node_kind})
        + sql.LINEAGE
        + sql.PERMISSION
        + " LEFT JOIN hierarchy_node up ON up.id = ANY(lineage.ids)"
        f" LEFT JOIN LATERAL (SELECT a.*, r.name, {OBSTACLE} AS obstacle,"
        " EXISTS (SELECT FROM assignments_rolepermission rp"
        " WHERE rp.role_id = a.role_id AND rp.permission_id = p.id) AS carries"
        " FROM assignments_assignment a"
        f" JOIN assignments_role r ON r.id = a.role_id AND {IN_LIFE}"
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
        question.identity.value,
        question.permission,
        question.node.value,
        question.at,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_statement(question.identity.kind, question.node.kind), parameters)
        rows = cursor.fetchall()
    identity_id, status, node_id, permission_id, standing = rows[0][:5]
    if identity_id is None:
        raise identity_not_found(question.identity)
    if node_id is None:
        raise node_not_found(question.node)
    lineage = _lineage(rows, node_id)
    granting = [
        (rung, grant)
        for rung in reversed(lineage)
        for grant in rung.grants
        if grant.grants_permission and grant.is_effective
    ]
    allowed = standing is None and bool(granting)
    near_misses: list[dict[str, Any]] = []
    if not allowed:
        if status != "active":
            near_misses.append({"reason": f"identity_{status}", "identity_id": identity_id})
        near_misses += [
            {"reason": "node_inactive", "node_id": rung.node_id}
            for rung in lineage
            if not rung.is_active
        ]
        if permission_id is None:
            near_misses.append(
                {"reason": "permission_not_found", "permission": question.permission}
            )
        near_misses += _missed(lineage)
        if not near_misses:
            near_misses.append(
                {
                    "reason": "no_grant",
                    "identity_id": identity_id,
                    "node_id": node_id,
                    # The shortest way to a yes: assign one of these here.
                    "role_ids": rows[0][-1],
                }
            )
    return Explanation(
        identity_id=identity_id,
        permission=question.permission,
        node_id=node_id,
        allowed=allowed,
        denial_reason=None if allowed else near_misses[0]["reason"],
        effective_node_id=granting[0][0].node_id if allowed else None,
        granting_roles=_distinct(grant.role_id for _, grant in granting) if allowed else [],
        granting_nodes=_distinct(rung.node_id for rung, _ in granting) if allowed else [],
        lineage=lineage,
        near_misses=near_misses,
    )


def _lineage(rows: list[tuple[Any, ...]], target: UUID) -> list[Rung]:
    rungs: dict[UUID, Rung] = {}
    for row in rows:
        node_id, name, node_type, depth, is_active = row[5:10]
        rung = rungs.setdefault(
            node_id, Rung(node_id, name, node_type, depth - 1, node_id == target, is_active, [])
        )
        assignment_id, role_id, role_name, start, end, obstacle, carries = row[10:17]
        if assignment_id is not None:
            rung.grants.append(
                Grant(assignment_id, role_id, role_name, start, end, obstacle, carries)
            )
    return list(rungs.values())


def _missed(lineage: list[Rung]) -> list[dict[str, Any]]:
    """The assignments that carry the permission and still do not count: fewest obstacles, then nearest."""
    missed = [
        (grant.obstacle, -rung.depth, rung, grant)
        for rung in lineage
        for grant in rung.grants
        if grant.grants_permission and not grant.is_effective
    ]
    return [
        {
            "reason": reason_of(grant.obstacle),
            "assignment_id": grant.assignment_id,
            "role_id": grant.role_id,
            "role_name": grant.role_name,
            "node_id": rung.node_id,
            "effective_from": grant.effective_from,
            "effective_to": grant.effective_to,
        }
        for _, _, rung, grant in sorted(missed, key=lambda miss: miss[:2])
    ]


def _distinct(ids: Any) -> list[UUID]:
    return list(dict.fromkeys(ids))
