"""Making an identity known together with its first role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from assignments.overlaps import Place
from assignments.services.assign import (
    NewAssignment,
    lock_for_assigning,
    plan_assignments,
    write_assignments,
)
from common.outcomes import require_value
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from identities.models import Identity
from identities.services.identities import NewIdentity, plan_identity, write_identity


@dataclass(frozen=True, slots=True)
class FirstRole:
    """What someone new is given.

    Args:
        role_id: which role.
        node: where it holds.
        effective_from: from when; None from now on.
        effective_to: until when, exclusive; None for ever.
    """

    role_id: UUID
    node: Ref
    effective_from: datetime | None = None
    effective_to: datetime | None = None

    def to(self, identity: Ref) -> NewAssignment:
        """The same as an assignment of an identity.

        Args:
            identity: whose.

        Returns:
            What `assign_role` takes.
        """
        return NewAssignment(
            identity, self.role_id, self.node, self.effective_from, self.effective_to
        )


@transaction.atomic
def create_assigned_identity(
    *, actor: Actor, environment: Environment, new: NewIdentity, first: FirstRole
) -> Identity:
    """Make an identity known and give it a role at a node; both or neither.

    Args:
        actor: who does it.
        environment: where.
        new: whom.
        first: the role.

    Returns:
        The identity.

    Raises:
        DomainError: as `create_identity` and `assign_role`.
    """
    # Whoever has the address already is locked in vain; the plan then refuses.
    lock_for_assigning(environment, [first.to(Ref("email", new.email))])
    row, place = plan_assigned_identity(actor, environment, new, first)
    made = write_identity(actor=actor, environment=environment, row=row)
    write_assignments(actor=actor, environment=environment, places=[place])
    return made


def plan_assigned_identity(
    actor: Actor, environment: Environment, new: NewIdentity, first: FirstRole
) -> tuple[Identity, Place]:
    """What would become of an identity with its first role, by reading only.

    Args:
        actor: who would do it.
        environment: where.
        new: whom.
        first: the role.

    Returns:
        The identity, unsaved, and what it would hold.

    Raises:
        DomainError: why it cannot, as `create_assigned_identity`.
    """
    actor.require(Scope.IDENTITY_MANAGE)
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    row = plan_identity(actor, environment, new)
    ref = Ref.of(row.pk)
    [outcome] = plan_assignments(actor, environment, [first.to(ref)], newcomers={ref: row})
    return row, require_value(outcome)
