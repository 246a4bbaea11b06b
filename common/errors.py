"""What the domain refuses, and why; doors turn each kind into their own answer."""

from collections.abc import Sequence
from typing import Any


class DomainError(Exception):
    """An act or a question that the domain refuses.

    Args:
        code: stable and dotted, such as `assignments.conflict`.
        message: one plain sentence for the caller.
        details: `"field: what is wrong"` lines, where single fields are at fault.
        data: what helps the caller to go on, such as the current row; JSON-ready or a model instance.
    """

    def __init__(
        self, code: str, message: str, *, details: Sequence[str] = (), data: Any = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = list(details)
        self.data = data


class RuleViolation(DomainError):
    """The request contradicts a rule, whatever else is stored (400)."""


class Forbidden(DomainError):
    """The caller may see this but not do it (403)."""


class NotFound(DomainError):
    """There is no such thing in the caller's reach (404)."""


class Conflict(DomainError):
    """The request contradicts what is stored now (409)."""


class Busy(DomainError):
    """Something the act needs is taken or away; the same request may succeed soon (503)."""


class TooSoon(DomainError):
    """The act was done a moment ago and has to rest first (429).

    Args:
        code: stable and dotted.
        message: one plain sentence for the caller.
        seconds: until it may be done again.
    """

    def __init__(self, code: str, message: str, *, seconds: int) -> None:
        super().__init__(code, message)
        self.seconds = seconds


class VersionConflict(Conflict):
    """The row changed since the caller read it.

    Args:
        row: the row as it is now.
    """

    def __init__(self, row: Any) -> None:
        super().__init__("version_conflict", "The row has changed since you read it.", data=row)


def require_version(row: Any, expected: int | None) -> None:
    """Refuse to change a row that is not the one the caller read.

    Args:
        row: the row as it is now, already locked.
        expected: the version that the caller read; None where the last write may win.

    Raises:
        VersionConflict: `version_conflict`, with the row.
    """
    if expected is not None and row.version != expected:
        raise VersionConflict(row)
