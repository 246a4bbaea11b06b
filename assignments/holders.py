"""Identities together with what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q

from assignments.models import AssignmentQuerySet
from assignments.queries import assignments_of
from assignments.sight import identities_seen
from environments.models import Environment
from identities.models import IdentityQuerySet


@dataclass(frozen=True, slots=True)
class IdentitySummary:
    """How many identities there are, with and without a live assignment.

    Args:
        total_identities: all that the caller sees.
        assigned_count: those with a live assignment.
        unassigned_count: those without.
    """

    total_identities: int
    assigned_count: int
    unassigned_count: int


def live_assignments_of(environment: Environment) -> AssignmentQuerySet:
    """The live assignments that the caller sees, with their state and the names around them.

    Args:
        environment: whose assignments, and which node the caller is bound to.

    Returns:
        A queryset, oldest first.
    """
    live = assignments_of(environment).live().with_names()
    return live.order_by("created_at", "pk")


def identities_with_roles(
    environment: Environment, *, role_id: UUID | None = None, without_any: bool = False
) -> IdentityQuerySet:
    """The identities that the caller sees, each with `live_assignments`; one statement more than without.

    Args:
        environment: whose identities, and which node the caller is bound to.
        role_id: only those who hold this role somewhere, now or later.
        without_any: only those who hold nothing, now or later.

    Returns:
        A queryset without an order.
    """
    rows = identities_seen(environment)
    if role_id is not None:
        rows = rows.filter(Exists(_held(environment).filter(role=role_id)))
    if without_any:
        rows = rows.filter(~Exists(_held(environment)))
    held = live_assignments_of(environment)
    return rows.prefetch_related(Prefetch("assignments", held, to_attr="live_assignments"))


def identity_summary(environment: Environment) -> IdentitySummary:
    """The identities that the caller sees in three numbers; one statement.

    Args:
        environment: whose identities, and which node the caller is bound to.

    Returns:
        The numbers.
    """
    counts = (
        identities_seen(environment)
        .alias(holds=Exists(_held(environment)))
        .aggregate(total=Count("pk"), assigned=Count("pk", filter=Q(holds=True)))
    )
    total, assigned = counts["total"], counts["assigned"]
    return IdentitySummary(total, assigned, total - assigned)


def _held(environment: Environment) -> AssignmentQuerySet:
    seen = assignments_of(environment)
    return seen.filter(identity=OuterRef("pk")).live()
