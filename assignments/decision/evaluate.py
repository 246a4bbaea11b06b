"""Yes or no, for one question or ten thousand: the same statement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from django.db import connection

from assignments.decision import sql
from assignments.decision.question import Decision, Question
from assignments.grants import IN_LIFE, OBSTACLE, reason_of
from environments.models import Environment

MOST_QUESTIONS = 10_000
# Position, first reason without any assignment, obstacle, depth, node and role of an assignment.
_Row = tuple[Any, ...]


def _candidates(held: str) -> str:
    return (
        f"SELECT a.node_id, h.depth, r.name, {OBSTACLE} AS obstacle FROM {held}"
        " JOIN hierarchy_node h ON h.id = a.node_id"
        f" JOIN assignments_role r ON r.id = a.role_id AND {IN_LIFE}"
        " JOIN assignments_rolepermission rp ON rp.role_id = a.role_id AND rp.permission_id = p.id"
    )


_HERE: Final = _candidates(sql.held("node_id = ANY(lineage.ids)"))
_ANYWHERE: Final = f"{_candidates(sql.held('c.node IS NULL'))} WHERE {sql.UNBLOCKED}"

# One text that PostgreSQL splits costs a tenth of an array that the driver quotes item by item.
_SEPARATOR: Final = "\n"
_MANY: Final = (
    "unnest(" + ", ".join([f"string_to_array(%s, '{_SEPARATOR}', '')"] * 6) + ") WITH ORDINALITY"
)
# The planner sees that it is one row whatever it holds, so it keeps one plan; of `unnest` it expects
# ten rows as long as it does not know the text, and then plans each question anew at thrice its cost.
_ONE: Final = "(VALUES (" + "NULLIF(%s::text, ''), " * 6 + "1))"


@cache
def _statement(
    identity_kinds: frozenset[str],
    node_kinds: frozenset[str],
    *,
    anywhere: bool,
    timed: bool,
    many: bool,
) -> str:
    """The statement for questions of these kinds; what none of them needs is left out."""
    candidates = [text for text, asked in ((_HERE, node_kinds), (_ANYWHERE, anywhere)) if asked]
    nodes = sql.node(node_kinds) + sql.LINEAGE if node_kinds else ""
    standing = sql.standing(asks_node=bool(node_kinds), asks_anywhere=anywhere)
    at = "asked.at::timestamptz" if timed else "NULL::timestamptz"
    return (
        f"SELECT c.position, {standing}, g.obstacle, g.depth, g.node_id::text, g.name"
        " FROM (SELECT %s::uuid AS environment_id, asked.identity_kind, asked.identity,"
        f" asked.permission, asked.node_kind, asked.node, {at} AS at, asked.position"
        f" FROM {_MANY if many else _ONE} AS asked"
        " (identity_kind, identity, permission, node_kind, node, at, position)) c"
        + sql.identity(identity_kinds)
        + nodes
        + sql.PERMISSION
        # OFFSET keeps the planner from spreading the assignments' join over all questions.
        + f" LEFT JOIN LATERAL ({' UNION ALL '.join(candidates)} OFFSET 0) g ON true"
    )


def _joined(texts: Sequence[str]) -> str:
    joined = _SEPARATOR.join(texts)
    # A separator within a text would shift every later question's columns.
    if joined.count(_SEPARATOR) != len(texts) - 1:
        raise ValueError("A question holds a line break.")
    return joined


def evaluate_many(environment: Environment, questions: Sequence[Question]) -> list[Decision]:
    """Answer questions about one environment; one statement, so all at one instant.

    Args:
        environment: whose rows decide.
        questions: 1 to 10,000, whose texts hold no line break.

    Returns:
        The decisions, in the order of the questions.

    Raises:
        ValueError: if a text holds a line break.
    """
    identities = [question.identity for question in questions]
    nodes = [question.node for question in questions]
    instants = [question.at for question in questions]
    statement = _statement(
        frozenset(identity.kind for identity in identities),
        frozenset(node.kind for node in nodes if node),
        anywhere=None in nodes,
        timed=any(instants),
        many=len(questions) > 1,
    )
    parameters: list[Any] = [
        environment.pk,
        _joined([identity.kind for identity in identities]),
        _joined([identity.value for identity in identities]),
        _joined([question.permission for question in questions]),
        _joined([node.kind if node else "" for node in nodes]),
        _joined([node.value if node else "" for node in nodes]),
        _joined([instant.isoformat() if instant else "" for instant in instants]),
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    found: list[list[_Row]] = [[] for _ in questions]
    for row in rows:
        found[row[0] - 1].append(row)
    return list(map(_decision, found))


def _decision(rows: Sequence[_Row]) -> Decision:
    """What the rows of one question come to; there is one at least, without a grant if need be."""
    standing = rows[0][1]
    if standing is not None:
        return Decision(False, standing, [], None)
    reason = reason_of(rows[0][2] if len(rows) == 1 else min(row[2] for row in rows))
    if reason is not None:
        return Decision(False, reason, [], None)
    granting = [row for row in rows if row[2] == 0]
    # The deepest place is the nearest one; of places anywhere, any that is always the same.
    _, node_id = max(row[3:5] for row in granting)
    return Decision(True, None, sorted({row[5] for row in granting}), node_id)


def evaluate(environment: Environment, question: Question) -> Decision:
    """Answer one question.

    Args:
        environment: whose rows decide.
        question: what is asked.

    Returns:
        The decision.
    """
    return evaluate_many(environment, [question])[0]
