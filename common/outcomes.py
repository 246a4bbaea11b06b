"""What became of one row of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

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
