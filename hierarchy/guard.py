"""The one guard: may this actor confer this power, here and for this long?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.errors import Forbidden
from common.lookups import among
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from hierarchy.models import Node


@dataclass(frozen=True, slots=True)
class Power:
    """What an act would confer or move.

    Args:
        scopes: the rights that it takes to confer it; for a key, those that the key carries.
        places: ids of the nodes in whose subtrees it holds; None for the whole environment.
        ends: whether it ends by itself at `expires_at`; only keys do.
        expires_at: when it ends, None for never.
    """

    scopes: frozenset[Scope]
    places: Collection[UUID] | None
    ends: bool = False
    expires_at: datetime | None = None


def require_power(actor: Actor, environment: Environment, power: Power) -> None:
    """Refuse to let an actor confer more than it may, wherever power moves.

    Called under the locks of the act, after what it is about was read again. Whoever is not bound to a
    node costs no statement, whoever is costs one.

    Args:
        actor: who acts.
        environment: where.
        power: what would be conferred.

    Raises:
        Forbidden: `scope_missing` naming the scope, `beyond_own_node` or `beyond_own_expiry`.
    """
    for scope in Scope:
        if scope in power.scopes:
            actor.require(scope)
    if actor.node_id is not None and not _within(actor.node_id, environment, power.places):
        raise Forbidden(
            "beyond_own_node", "This reaches beyond the node that your key is bound to."
        )
    if not power.ends or actor.expires_at is None:
        return
    if power.expires_at is None or power.expires_at > actor.expires_at:
        raise Forbidden("beyond_own_expiry", "This would outlive your own key.")


def _within(node_id: UUID, environment: Environment, places: Collection[UUID] | None) -> bool:
    if places is None:
        return False
    wanted = set(places)
    below = Node.objects.filter(environment=environment, deleted_at=None).below_or_at_id(node_id)
    return below.filter(among("pk", wanted)).count() == len(wanted)
