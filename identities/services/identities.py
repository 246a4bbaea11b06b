"""Making identities known, one or ten thousand: planned by reading, then written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q

from common.errors import Conflict
from common.inserts import insert_rows
from common.lookups import among
from common.outcomes import Outcome, accepted, carried_on, require_all, require_value
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from environments.services.batches import open_batch
from identities.models import Identity

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
    row = plan_identity(actor, environment, new)
    return write_identity(actor=actor, environment=environment, row=row)


@transaction.atomic
def create_identities(
    rows: Sequence[NewIdentity],
    *,
    actor: Actor,
    environment: Environment,
    unreadable: int = 0,
    whole: bool = False,
) -> tuple[UUID | None, list[Outcome[Identity]]]:
    """Make many end users known; each row stands for itself, in a fixed number of statements.

    Args:
        rows: whom.
        actor: who makes them.
        environment: where.
        unreadable: how many further rows the door refused; the batch counts them as failed.
        whole: whether all rows are refused when one is.

    Returns:
        The batch's id, none where no row succeeded, and what became of each row, in their order.

    Raises:
        NotAll: if all rows are refused because one is.
        Forbidden: `scope_missing`.
    """
    outcomes = plan_identities(actor, environment, rows)
    if whole:
        require_all(outcomes)
    outcomes = carried_on(outcomes, _insert(environment, accepted(outcomes)))
    if whole:
        # Another call may have taken an address since the plan.
        require_all(outcomes)
    made = accepted(outcomes)
    if not made:
        return None, outcomes
    batch = open_batch(
        actor=actor,
        environment=environment,
        action="identity.bulk_created",
        counts={"succeeded": len(made), "failed": len(outcomes) - len(made) + unreadable},
    )
    _record_created(actor, environment, made, batch.pk)
    return batch.pk, outcomes


def plan_identity(actor: Actor, environment: Environment, new: NewIdentity) -> Identity:
    """What would become of one row, by reading only.

    Args:
        actor: who would make it.
        environment: where.
        new: whom.

    Returns:
        The identity, unsaved.

    Raises:
        DomainError: why it cannot, as `create_identity`.
    """
    [outcome] = plan_identities(actor, environment, [new])
    return require_value(outcome)


def plan_identities(
    actor: Actor, environment: Environment, new: Sequence[NewIdentity]
) -> list[Outcome[Identity]]:
    """What would become of each row, by reading only; one statement.

    Of two rows that want the same address or external_id the first has it.

    Args:
        actor: who would make them.
        environment: where.
        new: whom.

    Returns:
        Each identity, unsaved, or why it cannot be, in their order.

    Raises:
        Forbidden: `scope_missing`.
    """
    actor.require(Scope.IDENTITY_MANAGE)
    taken = _taken(environment, new)
    outcomes: list[Outcome[Identity]] = []
    for item in new:
        refusal = taken.refusal(item)
        if refusal is None:
            taken.add(item.email, item.external_id)
            outcomes.append(Outcome(_unsaved(environment, item)))
        else:
            outcomes.append(Outcome(refusal=refusal))
    return outcomes


def write_identity(*, actor: Actor, environment: Environment, row: Identity) -> Identity:
    """Write a planned identity with its audit event.

    Args:
        actor: who makes it.
        environment: where.
        row: what `plan_identity` gave.

    Returns:
        The saved identity.

    Raises:
        Conflict: `identities.email_taken` or `identities.external_id_taken`, taken since the plan.
    """
    [outcome] = _insert(environment, [row])
    made = require_value(outcome)
    _record_created(actor, environment, [made])
    return made


class _Taken:
    """The addresses and external ids that are taken in an environment."""

    def __init__(self, pairs: Iterable[tuple[str, str | None]]) -> None:
        self._emails: set[str] = set()
        self._external_ids: set[str] = set()
        for email, external_id in pairs:
            self.add(email, external_id)

    def add(self, email: str, external_id: str | None) -> None:
        self._emails.add(email)
        if external_id is not None:
            self._external_ids.add(external_id)

    def refusal(self, row: NewIdentity | Identity) -> Conflict | None:
        if row.email in self._emails:
            return TAKEN["identity_email_unique"]()
        if row.external_id in self._external_ids:
            return TAKEN["identity_external_id_unique"]()
        return None


def _taken(environment: Environment, rows: Sequence[NewIdentity | Identity]) -> _Taken:
    """Which of what these rows want is taken; one statement, none without a row."""
    if not rows:
        return _Taken([])
    external_ids = [row.external_id for row in rows if row.external_id is not None]
    same: Q = among("email", [row.email for row in rows])
    if external_ids:
        same |= among("external_id", external_ids)
    found = Identity.objects.in_environment(environment).filter(same)
    return _Taken(found.values_list("email", "external_id"))


def _unsaved(environment: Environment, new: NewIdentity) -> Identity:
    return Identity(
        id=uuid4(),
        environment=environment,
        email=new.email,
        first_name=new.first_name,
        last_name=new.last_name,
        external_id=new.external_id,
        metadata=dict(new.metadata),
        status=Identity.Status.ACTIVE,
        version=1,
    )


def _insert(environment: Environment, rows: Sequence[Identity]) -> list[Outcome[Identity]]:
    """Insert planned rows; one that another call overtook is refused like a row of a later call."""
    if not rows:
        return []
    # In one order, so that two calls with the same people wait for each other and not in a circle.
    ordered = sorted(rows, key=lambda row: row.email)
    own = ("id", "email", "first_name", "last_name", "external_id", "metadata")
    insert_rows(
        Identity,
        each={name: [getattr(row, name) for row in ordered] for name in own},
        all_alike={"environment": environment, "status": Identity.Status.ACTIVE, "version": 1},
        skip_conflicts=True,
    )
    found = {row.pk: row for row in Identity.objects.filter(among("pk", [row.pk for row in rows]))}
    taken = _taken(environment, [row for row in rows if row.pk not in found])
    return [
        Outcome(found[row.pk]) if row.pk in found else Outcome(refusal=_overtaken(taken, row))
        for row in rows
    ]


def _overtaken(taken: _Taken, row: Identity) -> Conflict:
    # Whoever was in the way may have been removed by now; the row is refused all the same.
    return taken.refusal(row) or TAKEN["identity_email_unique"]()


def _record_created(
    actor: Actor,
    environment: Environment,
    rows: Sequence[Identity],
    batch_id: UUID | None = None,
) -> None:
    audit.record_many(
        actor=actor,
        environment=environment,
        action="identity.created",
        entries=[audit.Entry(row.pk, str(row), {"after": told(row)}, row.version) for row in rows],
        batch_id=batch_id,
    )
