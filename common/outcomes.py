"""What became of one row of many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from common.errors import DomainError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Value]):
    """Either a value or the refusal of one row.

    Args:
        value: what the row became, or would become.
        refusal: why it cannot be.
    """

    value: Value | None = None
    refusal: DomainError | None = None


def accepted(outcomes: list[Outcome[Value]]) -> list[Value]:
    """The values of the rows that were not refused, in their order.

    Args:
        outcomes: one for each row.

    Returns:
        The values.
    """
    return [outcome.value for outcome in outcomes if outcome.value is not None]


def carried_on(
    outcomes: Iterable[Outcome[Any]], later: Iterable[Outcome[Value]]
) -> list[Outcome[Value]]:
    """What finally became of each row, when a later step went on with those that were accepted.

    Args:
        outcomes: of the earlier step, one for each row.
        later: of the later step, one for each accepted row, in their order.

    Returns:
        One for each row.
    """
    rest = iter(later)
    return [
        next(rest) if outcome.refusal is None else Outcome(refusal=outcome.refusal)
        for outcome in outcomes
    ]


def require_value(outcome: Outcome[Value]) -> Value:
    """What the only row of an act became, or would become.

    Args:
        outcome: the row's.

    Returns:
        Its value.

    Raises:
        DomainError: its refusal.
    """
    if outcome.value is None:
        assert outcome.refusal is not None
        raise outcome.refusal
    return outcome.value


class NotAll(DomainError):
    """An act on many rows that was to be done whole or not at all, and was not done.

    Args:
        outcomes: what would have become of each row.
    """

    def __init__(self, outcomes: Sequence[Outcome[Any]]) -> None:
        super().__init__("not_all", "Some rows are refused, so none was written.")
        self.outcomes = list(outcomes)


def require_all(outcomes: Sequence[Outcome[Any]]) -> None:
    """Refuse an act on many rows when any of them is refused.

    Args:
        outcomes: the plan, one for each row.

    Raises:
        NotAll: with the plan.
    """
    if any(outcome.refusal is not None for outcome in outcomes):
        raise NotAll(outcomes)
