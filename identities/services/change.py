"""Changing an identity, or whether it is active: planned by reading, then written under the locks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from common.changes import differs
from common.constraints import breaking
from common.errors import require_version
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree_shape
from identities.locks import lock_identities
from identities.models import Identity, Invitation
from identities.queries import get_identity
from identities.services.identities import TAKEN, told
from identities.services.statuses import end_invitations, end_of_invitation, pending_of


@dataclass(frozen=True, slots=True)
class ChangedIdentity:
    """What would become of an identity.

    Args:
        row: it as it would be, unsaved.
        before: what the audit log keeps of it as it is.
        changed: the names of the fields that would be others.
        invitation: what its pending invitation would become; None where it has none or keeps it.
    """

    row: Identity
    before: Mapping[str, Any]
    changed: Sequence[str]
    invitation: Invitation.Status | None


@transaction.atomic
def update_identity(
    *,
    actor: Actor,
    environment: Environment,
    identity: Ref,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Identity:
    """Change an identity's own fields, or whether it is active.

    Args:
        actor: who changes it.
        environment: whose identity.
        identity: which.
        changes: new values of first_name, last_name, external_id, metadata and status, which is
            active or inactive; a pending invitation is accepted or revoked with it.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The identity as it is now.

    Raises:
        NotFound: `identities.not_found`.
        VersionConflict: if it changed since.
        Conflict: `identities.external_id_taken`.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    # Making an identity active again confers what it is assigned.
    lock_tree_shape(environment.pk)
    lock_identities(environment, [identity])
    plan = plan_identity_change(actor, environment, identity, changes, expected_version)
    row = plan.row
    if not plan.changed:
        return row
    row.updated_at = Now()
    with breaking(TAKEN):
        row.save(update_fields=[*plan.changed, "version", "updated_at"])
    if "status" in plan.changed:
        end_invitations(actor=actor, environment=environment, rows=[row])
    audit.record(
        actor=actor,
        environment=environment,
        action=_act(plan),
        resource=row,
        before={name: plan.before[name] for name in plan.changed},
        after={name: changes[name] for name in plan.changed},
        version=row.version,
    )
    return get_identity(environment, Ref.of(row.pk))


def plan_identity_change(
    actor: Actor,
    environment: Environment,
    identity: Ref,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> ChangedIdentity:
    """What would become of an identity, by reading only.

    Args:
        actor: who would change it.
        environment: whose identity.
        identity: which.
        changes: as for `update_identity`.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The identity as it would be.

    Raises:
        DomainError: why it cannot, as `update_identity`.
    """
    actor.require(Scope.IDENTITY_MANAGE)
    if changes.get("status") == Identity.Status.ACTIVE:
        require_power(actor, environment, Power(frozenset({Scope.IDENTITY_MANAGE}), None))
    row = get_identity(environment, identity)
    require_version(row, expected_version)
    before = told(row)
    changed = [name for name in changes if differs(before[name], changes[name])]
    if "external_id" in changed and changes["external_id"] is not None:
        same = Identity.objects.in_environment(environment)
        if same.filter(external_id=changes["external_id"]).exists():
            raise TAKEN["identity_external_id_unique"]()
    for name in changed:
        setattr(row, name, changes[name])
    row.version += bool(changed)
    settles = "status" in changed and pending_of(row).exists()
    return ChangedIdentity(row, before, changed, end_of_invitation(row) if settles else None)


def _act(plan: ChangedIdentity) -> str:
    if "status" not in plan.changed:
        return "identity.updated"
    active = plan.row.status == Identity.Status.ACTIVE
    return "identity.activated" if active else "identity.deactivated"
