"""Why a role cannot be given, in the same words to whoever asks."""

from __future__ import annotations

from uuid import UUID

from assignments.models import Assignment, Role
from common.errors import Conflict, DomainError, NotFound, RuleViolation


def refuse_conflict(overlapped: Assignment | None) -> Conflict:
    """The refusal of a window that overlaps a live one.

    Args:
        overlapped: the live assignment; None for an earlier row of the same act.

    Returns:
        `assignments.conflict` with that assignment.
    """
    return Conflict(
        "assignments.conflict",
        "A live assignment of the same identity, role and node overlaps this window."
        if overlapped
        else "An earlier row gives the same role at the same node in an overlapping window.",
        data=overlapped,
    )


def refuse_window() -> RuleViolation:
    """The refusal of a window without length.

    Returns:
        `assignments.window_empty`.
    """
    return RuleViolation(
        "assignments.window_empty",
        "effective_to must lie after effective_from.",
        details=["effective_to: must lie after effective_from"],
    )


def refuse_role(role_id: UUID, role: Role | None) -> DomainError | None:
    """Why a role cannot be assigned, if it cannot.

    Args:
        role_id: the id that was given.
        role: the live role of that id, if there is one.

    Returns:
        `assignments.role_not_found`, `assignments.role_inactive` or None.
    """
    if role is None:
        return NotFound(
            "assignments.role_not_found",
            f"There is no role {role_id}.",
            details=["role_id: does not exist"],
        )
    if not role.is_active:
        return RuleViolation(
            "assignments.role_inactive",
            f"The role {role.name} is inactive.",
            details=["role_id: is inactive"],
        )
    return None
