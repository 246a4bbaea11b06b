"""Changing what assignments give, or when, without rewriting what they gave."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from assignments.locks import lock_roles_shared
from assignments.models import Assignment, Role
from assignments.overlaps import Place
from assignments.queries import assignments_of, get_assignment
from assignments.services.assign import without_overlaps
from assignments.services.refusals import refuse_role, refuse_window
from assignments.services.revoke import told
from common.errors import Conflict, DomainError, require_version
from common.lookups import among
from common.outcomes import Outcome, accepted, require_value
from common.refs import Ref
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree_shape
from identities.locks import lock_identities

ENDED = (Assignment.State.EXPIRED, Assignment.State.REVOKED)

# One statement, so that the former rows end at the very instant from which the changed ones count.
_CHANGE = """
WITH changed AS (
  SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::bool[])
         AS c (id, former_id, role_id, effective_from, effective_to, counts_anew)
), former AS (
  INSERT INTO assignments_assignment
         (id, environment_id, identity_id, node_id, role_id, effective_from, effective_to, counts_from,
          created_by_id, created_by_label, created_at, version,
          revoked_at, revoked_by_id, revoked_by_label)
  SELECT c.former_id, a.environment_id, a.identity_id, a.node_id, a.role_id, a.effective_from,
         a.effective_to, a.counts_from, a.created_by_id, a.created_by_label, a.created_at, a.version,
         statement_timestamp(), %s::uuid, %s::varchar
    FROM changed c JOIN assignments_assignment a ON a.id = c.id
   WHERE c.former_id IS NOT NULL
)
UPDATE assignments_assignment a
   SET role_id = c.role_id, effective_from = c.effective_from, effective_to = c.effective_to,
       counts_from = CASE WHEN c.counts_anew THEN statement_timestamp() ELSE a.counts_from END,
       version = a.version + 1, updated_at = statement_timestamp()
  FROM changed c
 WHERE a.id = c.id
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of an assignment.

    Args:
        row: it as it is, with its state.
        place: what it would give, where and when.
        changed: the new values of role_id, effective_from and effective_to that differ.
    """

    row: Assignment
    place: Place
    changed: Mapping[str, Any]

    @property
    def leaves_former(self) -> bool:
        """Whether the old form stays as a revoked row, because it gave something until now."""
        return self.row.state == Assignment.State.ACTIVE or "role_id" in self.changed

    @property
    def counts_anew(self) -> bool:
        """Whether questions about the past count the new form only from now on."""
        return self.leaves_former or self.place.state != Assignment.State.SCHEDULED


@transaction.atomic
def change_assignment(
    *,
    actor: Actor,
    environment: Environment,
    assignment_id: UUID,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Assignment:
    """Change an assignment's role or window; what it gave until now stays as a revoked row.

    Args:
        actor: who changes it.
        environment: whose assignment.
        assignment_id: which.
        changes: new values of role_id, effective_from and effective_to; None clears an end of the window.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The assignment as it is now.

    Raises:
        NotFound: `assignments.not_found` or `assignments.role_not_found`.
        VersionConflict: if it changed since.
        RuleViolation: `assignments.window_empty` or `assignments.role_inactive`.
        Conflict: `assignments.ended`, or `assignments.conflict` with the live assignment that it
            would overlap.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    roles = {changes["role_id"]} if "role_id" in changes else set()
    lock_for_changing(environment, [assignment_id], roles)
    plan = plan_change(actor, environment, assignment_id, changes, expected_version)
    if not plan.changed:
        return plan.row
    write_changes(actor=actor, environment=environment, plan=[plan])
    return get_assignment(environment, assignment_id)


def plan_change(
    actor: Actor,
    environment: Environment,
    assignment_id: UUID,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Change:
    """What would become of one assignment, by reading only.

    Args:
        actor: who would change it.
        environment: whose assignment.
        assignment_id: which.
        changes: as for `change_assignment`.
        expected_version: the version that the caller read, if it must still be that.

    Returns:
        The change; it has nothing `changed` where the assignment is so already.

    Raises:
        DomainError: why it cannot, as `change_assignment`.
    """
    actor.require(Scope.ASSIGNMENTS_MANAGE)
    row = get_assignment(environment, assignment_id)
    require_version(row, expected_version)
    [outcome] = plan_changes(actor, environment, [(row, changes)])
    return require_value(outcome)


def plan_changes(
    actor: Actor,
    environment: Environment,
    wanted: Sequence[tuple[Assignment, Mapping[str, Any]]],
) -> list[Outcome[Change]]:
    """What would become of each assignment, by reading only; three statements, four for a bound key.

    Args:
        actor: who would change them.
        environment: whose assignments.
        wanted: each assignment, read with its state, with its changes as for `change_assignment`.

    Returns:
        Each change, or why it cannot be, in their order.

    Raises:
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    places = {row.node_id for row, _ in wanted}
    require_power(actor, environment, Power(frozenset({Scope.ASSIGNMENTS_MANAGE}), places))
    named = {changes["role_id"] for _, changes in wanted if "role_id" in changes}
    roles = Role.objects.in_environment(environment).in_bulk(named) if named else {}
    judged = [_judged(row, changes, roles) for row, changes in wanted]
    differing = [change for change in accepted(judged) if change.changed]
    placed = dict(_placed(environment, differing))
    return [
        outcome if outcome.value is None else placed.get(outcome.value.row.pk, outcome)
        for outcome in judged
    ]


def write_changes(
    *,
    actor: Actor,
    environment: Environment,
    plan: Sequence[Change],
    batch_id: UUID | None = None,
) -> None:
    """Write planned changes with their audit events, under the locks; two statements.

    Args:
        actor: who changes them.
        environment: whose assignments.
        plan: what `plan_changes` accepted, each with something that differs.
        batch_id: the batch that they are part of, for the audit log.
    """
    former = [uuid4() if change.leaves_former else None for change in plan]
    columns: list[list[Any]] = [
        [change.row.pk for change in plan],
        former,
        [change.place.role_id for change in plan],
        [change.place.start for change in plan],
        [change.place.end for change in plan],
        [change.counts_anew for change in plan],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CHANGE, [*columns, actor.id, actor.label])
    audit.record_many(
        actor=actor,
        environment=environment,
        action="assignment.updated",
        entries=[_entry(*pair) for pair in zip(plan, former, strict=True)],
        batch_id=batch_id,
    )


def lock_for_changing(
    environment: Environment, assignment_ids: Collection[UUID], role_ids: Collection[UUID]
) -> None:
    """See to it that nothing the plan of a change reads changes until it is written.

    Args:
        environment: whose assignments.
        assignment_ids: which; those that do not exist do no harm.
        role_ids: the roles that they would give.

    Raises:
        OperationalError: if a lock is not free in time; doors answer 503.
    """
    lock_tree_shape(environment.pk)
    rows = assignments_of(environment).filter(among("pk", assignment_ids))
    lock_identities(environment, map(Ref.of, rows.values_list("identity", flat=True)))
    lock_roles_shared(environment, role_ids)
    locked = rows.select_for_update(no_key=True, of=("self",)).order_by("pk")
    list(locked.values_list("pk"))


def _judged(
    row: Assignment, changes: Mapping[str, Any], roles: Mapping[UUID, Role]
) -> Outcome[Change]:
    if row.state in ENDED:
        return Outcome(refusal=_refuse_ended(row))
    before = told(row)
    changed = {name: value for name, value in changes.items() if before[name] != value}
    after = before | changed
    start, end = after["effective_from"], after["effective_to"]
    refusal: DomainError | None = None
    if start is not None and end is not None and end <= start:
        refusal = refuse_window()
    elif "role_id" in changed:
        refusal = refuse_role(after["role_id"], roles.get(after["role_id"]))
    if refusal is not None:
        return Outcome(refusal=refusal)
    place = Place(
        row.identity_id, after["role_id"], row.node_id, start, end, row.state, replaces=row.pk
    )
    return Outcome(Change(row, place, changed))


def _placed(
    environment: Environment, changes: Sequence[Change]
) -> Iterator[tuple[UUID, Outcome[Change]]]:
    """By the row's id, what becomes of each change when the live assignments around are looked at."""
    outcomes = without_overlaps(environment, [Outcome(change.place) for change in changes])
    for change, outcome in zip(changes, outcomes, strict=True):
        if outcome.value is None:
            yield change.row.pk, Outcome(refusal=outcome.refusal)
        else:
            yield change.row.pk, Outcome(replace(change, place=outcome.value))


def _refuse_ended(row: Assignment) -> Conflict:
    return Conflict(
        "assignments.ended", f"The assignment is {row.state}; assign anew instead.", data=row
    )


def _entry(change: Change, former_id: UUID | None) -> audit.Entry:
    before = told(change.row)
    metadata = {
        "before": {name: before[name] for name in change.changed},
        "after": dict(change.changed),
        **({} if former_id is None else {"former_id": former_id}),
    }
    return audit.Entry(change.row.pk, str(change.row), metadata, change.row.version + 1)
