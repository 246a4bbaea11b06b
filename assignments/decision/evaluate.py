"""Yes or no, for one question or ten thousand: the same statement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from django.db import connection

from assignments.decision import sql
from assignments.decision.question import Decision, Question
from assignments.grants import OBSTACLE, reason_of
from environments.models import Environment

MOST_QUESTIONS = 10_000
# Position, first reason without any assignment, obstacle, depth, node and role of an assignment; for a
# caller who is bound to a node also whether it sees the identity.
_Row = tuple[Any, ...]


def _candidates(held: str, *, bound: bool) -> str:
    # What lies above the caller's bound counts, and is not named.
    named = f"CASE WHEN {sql.within('h.path')} THEN a.node_id END AS node_id"
    return (
        f"SELECT {named if bound else 'a.node_id'}, h.depth, r.name, {OBSTACLE} AS obstacle FROM {held}"
        f" JOIN hierarchy_node h ON h.id = a.node_id{sql.CARRYING}"
    )


def _here(*, bound: bool) -> str:
    return _candidates(sql.held("node_id = ANY(lineage.ids)"), bound=bound)


def _anywhere(*, bound: bool) -> str:
    held = sql.held("c.node IS NULL")
    return f"{_candidates(held, bound=bound)} WHERE {sql.place_holds(bound=bound)}"


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
    bound: bool,
) -> str:
    """The statement for questions of these kinds; what none of them needs is left out."""
    texts = ((_here(bound=bound), node_kinds), (_anywhere(bound=bound), anywhere))
    candidates = [text for text, asked in texts if asked]
    nodes = sql.node(node_kinds, bound=bound) + sql.LINEAGE if node_kinds else ""
    standing = sql.standing(asks_node=bool(node_kinds), asks_anywhere=anywhere)
    at = "asked.at::timestamptz" if timed else "NULL::timestamptz"
    return (
        f"SELECT c.position, {standing}, g.obstacle, g.depth, g.node_id::text, g.name"
        f"{f', {sql.SEEN}' if bound else ''}"
        f" FROM (SELECT %s::uuid AS environment_id,{' %s::uuid AS bound,' if bound else ''}"
        " asked.identity_kind, asked.identity,"
        f" asked.permission, asked.node_kind, asked.node, {at} AS at, asked.position"
        f" FROM {_MANY if many else _ONE} AS asked"
        " (identity_kind, identity, permission, node_kind, node, at, position)) c"
        + (sql.BOUND if bound else "")
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
        environment: whose rows decide, and `bound_to` which node the caller is.
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
        bound=environment.bound_to is not None,
    )
    parameters: list[Any] = [
        environment.pk,
        *([] if environment.bound_to is None else [environment.bound_to]),
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
    decide = _decision if environment.bound_to is None else _bound_decision
    return list(map(decide, found))


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


def _bound_decision(rows: Sequence[_Row]) -> Decision:
    """The same for a caller who is bound to a node: of whom it does not see it learns no more than a no."""
    decision = _decision(rows)
    if decision.allowed or rows[0][6]:
        return decision
    return Decision(False, "identity_not_found", [], None)


def evaluate(environment: Environment, question: Question) -> Decision:
    """Answer one question.

    Args:
        environment: whose rows decide.
        question: what is asked.

    Returns:
        The decision.
    """
    return evaluate_many(environment, [question])[0]
