"""Bringing back what one deletion took out of the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from common.constraints import breaking
from common.errors import Conflict, NotFound
from common.lookups import among
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree
from hierarchy.models import Node, NodeQuerySet
from hierarchy.schema import read_schema, require_unbroken
from hierarchy.services.placing import TAKEN
from hierarchy.services.records import told, touch_tree


@dataclass(frozen=True, slots=True)
class Restoration:
    """What would come back.

    Args:
        tops: the nodes that would hang below live ones again, as they are.
        node_count: how many nodes it is, with those below.
    """

    tops: Sequence[Node]
    node_count: int


@transaction.atomic
def restore_nodes(
    *, actor: Actor, environment: Environment, deletion_id: UUID, batch_id: UUID
) -> int:
    """Bring back the nodes that one batch deleted, where they stood.

    Args:
        actor: who brings them back.
        environment: whose tree.
        deletion_id: the batch that deleted them.
        batch_id: the batch that this is part of, for the audit log.

    Returns:
        How many nodes came back.

    Raises:
        NotFound: `nodes.nothing_to_restore`.
        Conflict: `nodes.parent_deleted`, `nodes.slug_taken`, `nodes.external_id_taken` or
            `hierarchy_schema.broken`.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    lock_tree(environment.pk)
    plan = plan_restore(actor, environment, deletion_id)
    with breaking(TAKEN):
        _deleted_by(environment, deletion_id).update(
            deleted_at=None, deletion_id=None, updated_at=Now(), version=F("version") + 1
        )
    touch_tree(environment)
    audit.record_many(
        actor=actor,
        environment=environment,
        action="node.restored",
        entries=[
            audit.Entry(top.pk, top.name, {"after": told(top)}, top.version + 1)
            for top in plan.tops
        ],
        batch_id=batch_id,
    )
    return plan.node_count


def plan_restore(actor: Actor, environment: Environment, deletion_id: UUID) -> Restoration:
    """What `restore_nodes` would bring back, by reading only; six statements, seven for a bound key.

    Args:
        actor: who would bring them back.
        environment: whose tree.
        deletion_id: the batch that deleted them.

    Returns:
        What would come back.

    Raises:
        DomainError: as `restore_nodes`.
    """
    actor.require(Scope.HIERARCHY_MANAGE)
    gone = _deleted_by(environment, deletion_id)
    # By joins and arrays, not by subqueries: right after a large deletion the planner has no statistics
    # of it, and took half a minute to look each node up among all the others.
    went_alone = Q(parent__deletion_id=None) | ~Q(parent__deletion_id=deletion_id)
    tops = list(gone.filter(went_alone).select_related("parent").in_tree_order())
    if not tops:
        raise NotFound("nodes.nothing_to_restore", "None of these nodes is deleted any more.")
    parents = {top.parent_id for top in tops if top.parent_id is not None}
    require_power(actor, environment, Power(frozenset({Scope.HIERARCHY_MANAGE}), parents))
    if any(top.parent is not None and top.parent.deleted_at is not None for top in tops):
        raise Conflict(
            "nodes.parent_deleted", "The node above was deleted; bring that one back first."
        )
    live = Node.objects.filter(environment=environment, deleted_at=None).order_by()
    # What stood below another node of the deletion has no siblings but those that went with it.
    alike = live.filter(among("parent", parents), among("slug", {top.slug for top in tops}))
    siblings = set(alike.values_list("parent", "slug"))
    if any((top.parent_id, top.slug) in siblings for top in tops):
        raise TAKEN["node_slug_unique"]()
    external_ids = list(gone.exclude(external_id=None).values_list("external_id", flat=True))
    if external_ids and live.filter(among("external_id", external_ids)).exists():
        raise TAKEN["node_external_id_unique"]()
    schema = read_schema(environment)
    if schema is not None:
        require_unbroken(environment, schema, deletion_id)
    return Restoration(tops, gone.count())


def _deleted_by(environment: Environment, deletion_id: UUID) -> NodeQuerySet:
    return Node.objects.filter(environment=environment, deletion_id=deletion_id).order_by()
