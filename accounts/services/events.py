"""Writing the log of people and accounts: in the transaction of the change, or the change is not made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, models

from accounts.actors import TeamActor
from accounts.models import Account, AccountEvent


def record_account_event(
    *,
    actor: TeamActor,
    account: Account | None,
    action: str,
    resource: models.Model,
    label: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one event.

    Args:
        actor: who did it.
        account: in which account, if it was in one.
        action: dotted, its first word the kind of resource, such as `team_member.removed`.
        resource: the row it was done to.
        label: what people call that.
        before: the changed fields as they were; JSON-ready.
        after: the changed fields as they are; JSON-ready.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("An event is written in the transaction of its change.")
    told = {"before": before, "after": after}
    AccountEvent.objects.create(
        account=account,
        actor_type=actor.type,
        actor_id=actor.id,
        actor_label=actor.label,
        action=action,
        resource_type=action.partition(".")[0],
        resource_id=resource.pk,
        resource_label=label,
        metadata={name: dict(fields) for name, fields in told.items() if fields is not None},
        correlation_id=actor.correlation_id,
    )
