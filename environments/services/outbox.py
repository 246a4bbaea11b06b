"""Work for later that was given up: it is tried again when an operator says so."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from common.lookups import among
from environments.actors import Actor
from environments.models import Environment, OutboxItem
from environments.services import audit


@transaction.atomic
def retry_dead_items(*, actor: Actor, environment: Environment, item_ids: Collection[UUID]) -> int:
    """Let work that was given up be tried again at once; how often it was tried stays counted.

    Args:
        actor: who wants it.
        environment: whose work.
        item_ids: which; what is not dead stays as it is.

    Returns:
        How many items will be tried again.
    """
    dead = OutboxItem.objects.filter(environment=environment, state=OutboxItem.State.DEAD)
    chosen = dead.filter(among("pk", item_ids)).order_by("pk")
    rows = list(chosen.select_for_update(no_key=True))
    OutboxItem.objects.filter(among("pk", [row.pk for row in rows])).update(
        state=OutboxItem.State.PENDING, next_attempt_at=Now()
    )
    audit.record_many(
        actor=actor,
        environment=environment,
        action="outbox_item.retried",
        entries=[
            audit.Entry(
                row.pk,
                str(row),
                {
                    "before": {"state": OutboxItem.State.DEAD},
                    "after": {"state": OutboxItem.State.PENDING},
                    "attempts": row.attempts,
                },
            )
            for row in rows
        ],
    )
    return len(rows)
