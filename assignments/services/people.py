"""Making an identity known together with its first role."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from assignments.services.assign import NewAssignment, assign_role
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from hierarchy.locks import lock_tree_shape
from identities.models import Identity
from identities.services.identities import NewIdentity, create_identity


@transaction.atomic
def create_assigned_identity(
    *,
    actor: Actor,
    environment: Environment,
    new: NewIdentity,
    role_id: UUID,
    node: Ref,
    effective_from: datetime | None = None,
    effective_to: datetime | None = None,
) -> Identity:
    """Make an identity known and give it a role at a node; both or neither.

    Args:
        actor: who does it.
        environment: where.
        new: whom.
        role_id: which role.
        node: where it holds.
        effective_from: from when; None from now on.
        effective_to: until when, exclusive; None for ever.

    Returns:
        The identity.

    Raises:
        DomainError: as `create_identity` and `assign_role`.
    """
    actor.require(Scope.IDENTITY_MANAGE)
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    # The tree lock comes before anything else that is locked.
    lock_tree_shape(environment.pk)
    identity = create_identity(actor=actor, environment=environment, new=new)
    given = NewAssignment(Ref.of(identity.pk), role_id, node, effective_from, effective_to)
    assign_role(actor=actor, environment=environment, new=given)
    return identity
