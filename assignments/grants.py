"""What an effective grant is: the one definition that every question and every list shares.

The texts are SQL over these aliases: `c` what is asked, with its column `at` (null for now), `a` an
assignment, `r` its role. The clock is the database's, read once a statement.
"""

from collections.abc import Callable
from typing import Any, Final

from django.db.models import BooleanField, CharField, Expression, F, Func

_NOW = "statement_timestamp()"


def _started(assignment: str, instant: str) -> str:
    return f"({assignment}.effective_from IS NULL OR {assignment}.effective_from <= {instant})"


def _not_ended(assignment: str, instant: str) -> str:
    return f"({assignment}.effective_to IS NULL OR {instant} < {assignment}.effective_to)"


_INSTANT = f"COALESCE(c.at, {_NOW})"
_STARTED = _started("a", _INSTANT)
_NOT_ENDED = _not_ended("a", _INSTANT)

# Whether the assignment is there at the instant, whatever its window says. For now it must not be
# revoked at all: a revocation may be stamped later than the start of the statement that sees it.
IN_LIFE: Final = (
    "(CASE WHEN c.at IS NULL THEN a.revoked_at IS NULL"
    " ELSE a.counts_from <= c.at AND (a.revoked_at IS NULL OR a.revoked_at > c.at) END"
    " AND r.deleted_at IS NULL)"
)

# Whether the identity may do anything at all, whatever it holds; `i` is the identity.
MAY_ACT: Final = "i.status = 'active'"

# Whether the role could be given now: a way to a yes.
IN_FORCE: Final = "r.is_active AND r.deleted_at IS NULL"

# The two halves of all assignments, each with an index of its own; one revoked counts in the past alone.
NOT_REVOKED: Final = "revoked_at IS NULL"
REVOKED: Final = "revoked_at IS NOT NULL"

# How far an assignment in life is from being effective: 0 is effective; else the fewest obstacles
# come first, and among equally many the order in which reasons are given.
OBSTACLE: Final = (
    f"(CASE WHEN r.is_active AND {_STARTED} AND {_NOT_ENDED} THEN 0"
    f" WHEN {_STARTED} AND {_NOT_ENDED} THEN 1"
    f" WHEN r.is_active AND NOT {_STARTED} THEN 2"
    " WHEN r.is_active THEN 3"
    " ELSE 4 END)"
)
_REASON_OF_OBSTACLE: Final = {
    1: "role_inactive",
    2: "window_not_started",
    3: "window_ended",
    4: "role_inactive",
}


def reason_of(obstacle: int | None) -> str | None:
    """The name of the nearest miss.

    Args:
        obstacle: the smallest OBSTACLE, None where there is no assignment in life.

    Returns:
        A denial reason, None where nothing stands in the way.
    """
    return None if obstacle == 0 else _REASON_OF_OBSTACLE.get(obstacle or 0, "no_grant")


def live(assignment: str) -> str:
    """Whether an assignment is scheduled or active, and so may not be overlapped.

    Args:
        assignment: the alias or table it stands under.

    Returns:
        An SQL text.
    """
    return f"({assignment}.revoked_at IS NULL AND {_not_ended(assignment, _NOW)})"


def state_of(assignment: str) -> str:
    """The state of an assignment now.

    Args:
        assignment: the alias or table it stands under.

    Returns:
        An SQL text that gives scheduled, active, expired or revoked.
    """
    return (
        f"CASE WHEN {assignment}.revoked_at IS NOT NULL THEN 'revoked'"
        f" WHEN NOT {_not_ended(assignment, _NOW)} THEN 'expired'"
        f" WHEN NOT {_started(assignment, _NOW)} THEN 'scheduled'"
        " ELSE 'active' END"
    )


def overlaps(assignment: str, start: str, end: str) -> str:
    """Whether an assignment's window and another share an instant.

    Args:
        assignment: the alias or table it stands under.
        start: an SQL text for the other window's start, null for none.
        end: an SQL text for the other window's end, null for none.

    Returns:
        An SQL text.
    """
    window = f"tstzrange({assignment}.effective_from, {assignment}.effective_to)"
    return f"({window} && tstzrange({start}, {end}))"


class _OfAssignment(Func):
    """An SQL text about an assignment as an expression, under whatever alias its table has."""

    def __init__(self, text: Callable[[str], str], **options: Any) -> None:
        super().__init__(F("pk"), **options)
        self.text = text

    def as_sql(  # type: ignore[override]  # no function, template or operator of ours
        self, compiler: Any, connection: Any, **context: Any
    ) -> tuple[str, list[Any]]:
        """See `Func`; the alias is that of the resolved primary key."""
        (key,) = self.get_source_expressions()
        return self.text(compiler.quote_name_unless_alias(key.alias)), []


def state_column() -> Expression:
    """The state as a column of a queryset of assignments.

    Returns:
        An expression to annotate with.
    """
    return _OfAssignment(state_of, output_field=CharField())


def live_column() -> Expression:
    """Whether an assignment is scheduled or active, as a column of a queryset of assignments.

    Returns:
        An expression to annotate or filter with.
    """
    return _OfAssignment(live, output_field=BooleanField())
