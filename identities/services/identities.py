"""Creating identities, one or ten thousand, and changing one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from common.changes import differs
from common.constraints import breaking
from common.errors import Conflict, require_version
from common.inserts import insert_rows
from common.lookups import among
from common.outcomes import Outcome, accepted
from common.refs import Ref
from environments.actors import Actor
from environments.models import Batch, Environment
from environments.scopes import Scope
from environments.services import audit
from environments.services.batches import open_batch
from hierarchy.locks import lock_tree_shape
from identities.locks import lock_identities
from identities.models import Identity
from identities.queries import get_identity
from identities.services.statuses import settle_invitation

MOST_IDENTITIES = 10_000
TAKEN: Mapping[str, Callable[[], Conflict]] = {
    "identity_email_unique": partial(
        Conflict,
        "identities.email_taken",
        "An identity of this environment already has this e-mail address.",
        details=["email: is taken"],
    ),
    "identity_external_id_unique": partial(
        Conflict,
        "identities.external_id_taken",
        "An identity of this environment already has this external_id.",
        details=["external_id: is taken"],
    ),
}


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """An end user to be made known.

    Args:
        email: the address, in lower case.
        first_name: may be empty.
        last_name: may be empty.
        external_id: the caller's own id, unique in the environment.
        metadata: whatever the caller wants to keep with it.
    """

    email: str
    first_name: str = ""
    last_name: str = ""
    external_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def told(row: Identity) -> dict[str, Any]:
    """What the audit log keeps of an identity.

    Args:
        row: the identity.

    Returns:
        Its fields as the API names them.
    """
    names = ("email", "first_name", "last_name", "external_id", "metadata", "status")
    return {name: getattr(row, name) for name in names}


@transaction.atomic
def create_identity(*, actor: Actor, environment: Environment, new: NewIdentity) -> Identity:
    """Make one end user known; it is active at once.

    Args:
        actor: who makes it.
        environment: where.
        new: whom.

    Returns:
        The saved identity.

    Raises:
        Conflict: `identities.email_taken` or `identities.external_id_taken`.
        Forbidden: `scope_missing`.
    """
    [outcome] = _write(actor, environment, [new])
    if outcome.refusal is not None:
        raise outcome.refusal
    return get_identity(environment, Ref("email", new.email))


@transaction.atomic
def create_identities(
    *, actor: Actor, environment: Environment, new: Sequence[NewIdentity], unreadable: int = 0
) -> tuple[Batch | None, list[Outcome[Identity]]]:
    """Make many end users known; each row stands for itself, in a fixed number of statements.

    Args:
        actor: who makes them.
        environment: where.
        new: whom.
        unreadable: how many further rows the door refused; the batch counts them as failed.

    Returns:
        The batch, none where no row succeeded, and what became of each row, in their order.

    Raises:
        Forbidden: `scope_missing`.
    """
    batch = open_batch(actor=actor, environment=environment, action="identity.bulk_created")
    outcomes = _write(actor, environment, new, batch)
    succeeded = len(accepted(outcomes))
    if not succeeded:
        batch.delete()
        return None, outcomes
    batch.counts = {"succeeded": succeeded, "failed": len(outcomes) - succeeded + unreadable}
    batch.save(update_fields=["counts"])
    return batch, outcomes


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
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.IDENTITY_MANAGE)
    # Making an identity active again confers what it is assigned.
    lock_tree_shape(environment.pk)
    lock_identities(environment, [identity])
    row = get_identity(environment, identity)
    require_version(row, expected_version)
    before = told(row)
    changed = [name for name in changes if differs(before[name], changes[name])]
    if not changed:
        return row
    for name in changed:
        setattr(row, name, changes[name])
    with breaking(TAKEN):
        row.save(update_fields=changed)
    Identity.objects.filter(pk=row.pk).update(version=F("version") + 1, updated_at=Now())
    if "status" in changed:
        settle_invitation(row)
    audit.record(
        actor=actor,
        environment=environment,
        action=_act(changed, row),
        resource=row,
        before={name: before[name] for name in changed},
        after={name: changes[name] for name in changed},
    )
    return get_identity(environment, Ref.of(row.pk))


def _act(changed: Sequence[str], row: Identity) -> str:
    if "status" not in changed:
        return "identity.updated"
    active = row.status == Identity.Status.ACTIVE
    return "identity.activated" if active else "identity.deactivated"


def _write(
    actor: Actor, environment: Environment, new: Sequence[NewIdentity], batch: Batch | None = None
) -> list[Outcome[Identity]]:
    """Insert what breaks no uniqueness; a race with another insert ends like a later call."""
    actor.require(Scope.IDENTITY_MANAGE)
    ids = [uuid4() for _ in new]
    written = insert_rows(
        Identity,
        each={
            "id": ids,
            "email": [row.email for row in new],
            "first_name": [row.first_name for row in new],
            "last_name": [row.last_name for row in new],
            "external_id": [row.external_id for row in new],
            "metadata": [dict(row.metadata) for row in new],
        },
        all_alike={"environment": environment, "status": Identity.Status.ACTIVE, "version": 1},
        returning=["id"],
        skip_conflicts=True,
    )
    found = Identity.objects.in_bulk([row_id for (row_id,) in written])
    audit.record_many(
        actor=actor,
        environment=environment,
        action="identity.created",
        entries=[
            audit.Entry(row.pk, str(row), {"after": told(row)}, row.version)
            for row in found.values()
        ],
        batch_id=batch.pk if batch else None,
    )
    refused = [row for row, row_id in zip(new, ids, strict=True) if row_id not in found]
    addresses = _taken_addresses(environment, refused)
    return [
        Outcome(found[row_id])
        if row_id in found
        else Outcome(refusal=_refusal(row.email in addresses))
        for row, row_id in zip(new, ids, strict=True)
    ]


def _taken_addresses(environment: Environment, refused: Sequence[NewIdentity]) -> set[str]:
    if not refused:
        return set()
    same = among("email", [row.email for row in refused])
    rows = Identity.objects.in_environment(environment).filter(same)
    return set(rows.values_list("email", flat=True))


def _refusal(address_is_taken: bool) -> Conflict:
    broken = "identity_email_unique" if address_is_taken else "identity_external_id_unique"
    return TAKEN[broken]()
