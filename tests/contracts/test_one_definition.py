"""When an assignment counts is written once, in assignments/grants.py; whoever spells it out again fails here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    "accounts", "assignments", "bench", "common", "config", "environments", "hierarchy", "identities",
    "onboarding",
]  # fmt: skip
# Where parts of the condition stand for another reason than to decide whether an assignment counts.
ALLOWED = {
    "assignments/grants.py": "the definition",
    "assignments/models.py": "constraint and index conditions",
    "assignments/overlaps.py": "the windows of rows that are not assignments yet",
    "assignments/services/change.py": "from when an edited assignment counts in the past",
    "bench/world.py": "an oracle that shall share nothing with what it measures",
    "assignments/summaries.py": "which of the active ones end soon",
}
_COLUMNS = r"(effective_from|effective_to|revoked_at|counts_from)"
_COMPARED = r"(<|>|=(?!\s*%s\s*(,|$))|IS\s+(NOT\s+)?(NULL|DISTINCT))"
_SQL = re.compile(
    rf"\b{_COLUMNS}\"?\s*{_COMPARED}"
    rf"|(<|>|=)\s*(\w+\.)?\"?{_COLUMNS}\b"
    rf"|tstzrange\([^)]*{_COLUMNS}",
    re.IGNORECASE,
)
# The identity's and the role's part of it, under the names that the decision's statements give them.
_PARTIES = re.compile(
    r"\b(i\.status|r\.is_active|r\.deleted_at)\b\"?\s*(=|<>|AND\b|IS\b|THEN\b|$)", re.IGNORECASE
)
_LOOKUP = re.compile(rf"(\w+__)?{_COLUMNS}(__(lt|lte|gt|gte|exact|isnull|range|date))?$")
_FILTERS = {"filter", "exclude", "get", "Q", "When", "aget", "get_object_or_404"}


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The texts of a module but for its docstrings, with `x` for what is put into them."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    skipped = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node) is not None
        for part in ast.walk(node.body[0])
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(value) for value in node.values}
            pieces = [str(v.value) if isinstance(v, ast.Constant) else "x" for v in node.values]
            yield node.lineno, "".join(pieces)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _column_of(node: ast.expr) -> str | None:
    """The column that `row.effective_to` or `row["effective_to"]` reads."""
    match node:
        case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name if re.fullmatch(_COLUMNS, name) else None
    return None


def conditions_in(source: str) -> list[int]:
    """The lines of a module that compare a column which decides whether an assignment counts."""
    tree = ast.parse(source)
    found = {line for line, text in _texts(tree) if _SQL.search(text) or _PARTIES.search(text)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), keywords=keywords):
                if name in _FILTERS and any(_LOOKUP.match(word.arg or "") for word in keywords):
                    found.add(node.lineno)
            case ast.Compare(left=left, comparators=others):
                if any(_column_of(side) for side in (left, *others)):
                    found.add(node.lineno)
    return sorted(found)


def _modules() -> Iterator[tuple[str, str]]:
    for app in SOURCES:
        for file in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in file.parts:
                yield file.relative_to(ROOT).as_posix(), file.read_text()


def test_nobody_else_spells_out_when_an_assignment_counts() -> None:
    found = {
        f"{path}:{line}"
        for path, source in _modules()
        if path not in ALLOWED
        for line in conditions_in(source)
    }

    assert not found, "Use assignments/grants.py, or a queryset's method that does."


def test_whoever_is_allowed_still_needs_it() -> None:
    sources = dict(_modules())

    assert {path for path in ALLOWED if conditions_in(sources[path])} == set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        'SQL = "SELECT 1 FROM assignments_assignment a WHERE a.revoked_at IS NULL"',
        'SQL = f"... AND (a.effective_to IS NULL OR {now} < a.effective_to)"',
        'SQL = "... AND statement_timestamp() >= effective_from"',
        "SQL = '... \"effective_from\" <= statement_timestamp()'",
        'SQL = "counts_from <= c.at"',
        "SQL = \" ... WHERE i.status = 'active'\"",
        'SQL = " ... WHERE r.is_active AND r.deleted_at IS NULL"',
        'SQL = "tstzrange(a.effective_from, a.effective_to) @> now()"',
        "rows.filter(revoked_at=None)",
        "rows.filter(revoked_at__isnull=True)",
        "rows.exclude(effective_to__lte=Now())",
        "people.filter(assignments__effective_from__lte=Now())",
        "Q(effective_from__lte=Now()) | Q(effective_from=None)",
        "active = row.effective_from <= now",
        "active = row.revoked_at is None",
        'active = now < row["effective_to"]',
        "When(effective_to__gt=Now(), then=Value(1))",
    ],
)
def test_a_second_definition_would_be_found(source) -> None:
    assert conditions_in(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        '"""A window [effective_from, effective_to): effective_from <= now < effective_to."""',
        'SQL = "SELECT a.effective_from, a.effective_to FROM assignments_assignment a"',
        'SQL = "UPDATE assignments_assignment SET revoked_at = %s"',
        "rows.update(revoked_at=Now())",
        "Assignment(effective_from=None, effective_to=end)",
        "rows.live().filter(identity=row)",
        'body = {"effective_from": None}',
        "key.expires_at <= now",
    ],
)
def test_what_only_carries_the_columns_is_left_alone(source) -> None:
    assert conditions_in(source) == []
