"""Lists of assignments in a few numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Aggregate, Count, Max, Q
from django.db.models.functions import Now

from assignments.models import AssignmentQuerySet
from identities.models import Identity

_SOON: Final = timedelta(days=7)
_RECENT: Final = 5


def counts_of(rows: AssignmentQuerySet, **further: Aggregate) -> dict[str, int]:
    """How many of the assignments that a list shows, those not revoked, are in which state; one statement.

    Args:
        rows: any assignments.
        further: more to count of the same rows, by the name it shall have.

    Returns:
        `active_count`, `scheduled_count`, `expired_count`, `expiring_soon_count` (active, and ending
        within seven days), `distinct_role_count` and what else was asked for.
    """
    soon = Q(state="active", effective_to__lte=Now() + _SOON)
    return (
        rows.unrevoked()
        .with_state()
        .aggregate(
            active_count=Count("pk", filter=Q(state="active")),
            scheduled_count=Count("pk", filter=Q(state="scheduled")),
            expired_count=Count("pk", filter=Q(state="expired")),
            expiring_soon_count=Count("pk", filter=soon),
            distinct_role_count=Count("role", distinct=True),
            **further,
        )
    )


def counts_by_access(rows: AssignmentQuerySet) -> dict[str, int]:
    """As `counts_of`, and how many are direct and how many inherited; one statement.

    Args:
        rows: read `with_access_type`.

    Returns:
        Also `direct_count` and `inherited_count`.
    """
    return counts_of(
        rows,
        direct_count=Count("pk", filter=Q(access_type="direct")),
        inherited_count=Count("pk", filter=Q(access_type="inherited")),
    )


def recent_identities(rows: AssignmentQuerySet) -> list[Identity]:
    """The five identities that were given a role last, the latest first; two statements.

    Args:
        rows: any assignments; revoked ones do not count.

    Returns:
        At most five.
    """
    given = rows.unrevoked().order_by().values_list("identity", flat=True)
    latest = given.annotate(given_at=Max("created_at")).order_by("-given_at", "identity")
    ids = list(latest[:_RECENT])
    found = Identity.objects.in_bulk(ids)
    return [found[identity_id] for identity_id in ids]
