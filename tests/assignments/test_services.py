"""Every act writes its audit event in its own transaction, needs its scope, and is whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.db import DataError, transaction

from assignments.services.assign import NewAssignment, assign_role, assign_roles
from assignments.services.change import change_assignment
from assignments.services.people import create_assigned_identity
from assignments.services.permissions import (
    NewPermission,
    create_permissions,
    delete_permission,
    update_permission,
)
from assignments.services.removal import delete_node, remove_identity
from assignments.services.revoke import revoke_assignment
from assignments.services.roles import (
    create_role,
    delete_role,
    set_role_permissions,
    update_role,
)
from common.errors import DomainError, Forbidden
from common.refs import Ref
from environments.actors import Actor
from environments.models import AuditEvent
from environments.scopes import ALL_SCOPES, Scope
from identities.services.identities import (
    NewIdentity,
    create_identities,
    create_identity,
    update_identity,
)
from tests.assignments.cast import ME, Cast, make_cast, snapshot

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Act:
    """One act on the cast, in which Ada is reader at the site.

    Args:
        name: of the service.
        do: does it.
        scopes: what it needs.
        told: the action and metadata of each event it writes, but for ids made on the way.
    """

    name: str
    do: Callable[[Cast, dict[str, Any]], Any]
    scopes: tuple[Scope, ...]
    told: Callable[[Cast], list[tuple[str, dict[str, Any]]]]


def ada(cast: Cast) -> Ref:
    """The reference to Ada."""
    return Ref.of(cast.ada.pk)


def given(cast: Cast, role: str = "reader") -> dict[str, Any]:
    """What the audit log keeps of Ada's role at the site."""
    return cast.body(role_id=str(getattr(cast, role).pk)) | {
        "effective_from": None, "effective_to": None,
    }  # fmt: skip


def person(first: str) -> dict[str, Any]:
    """What the audit log keeps of a new identity."""
    return {
        "email": f"{first}@example.org",
        "first_name": first,
        "last_name": "",
        "external_id": None,
        "metadata": {},
        "status": "active",
    }


def permission(key: str) -> dict[str, Any]:
    """What the audit log keeps of a permission of the cast."""
    resource, action = key.split(".")
    name = f"{action.title()} {resource}"
    return {"key": key, "name": name, "description": "", "category": resource}


def new_at_the_site(cast: Cast) -> NewAssignment:
    """Ada as writer at the site."""
    return NewAssignment(ada(cast), cast.writer.pk, Ref.of(cast.site.pk))


def bob() -> NewIdentity:
    """Someone new."""
    return NewIdentity("bob@example.org", "bob")


READER = {"name": "Reader", "description": "", "is_active": True}
ROLES = (Scope.ROLES_MANAGE,)
PEOPLE = (Scope.IDENTITY_MANAGE,)
ASSIGN = (Scope.ASSIGNMENTS_MANAGE,)
ACTS = [
    Act(
        "create_permissions",
        lambda cast, to: create_permissions(**to, new=[NewPermission("report.export")]),
        ROLES,
        lambda cast: [("permission.created", {"after": permission("report.export")})],
    ),
    Act(
        "update_permission",
        lambda cast, to: update_permission(
            **to, permission_id=cast.read.pk, changes={"name": "Look", "category": "invoice"}
        ),
        ROLES,
        lambda cast: [
            ("permission.updated", {"before": {"name": "Read invoice"}, "after": {"name": "Look"}})
        ],
    ),
    Act(
        "delete_permission",
        lambda cast, to: delete_permission(**to, permission_id=cast.write.pk),
        ROLES,
        lambda cast: [
            (
                "permission.deleted",
                {"before": {**permission("invoice.write"), "role_ids": [str(cast.writer.pk)]}},
            )
        ],
    ),
    Act(
        "create_role",
        lambda cast, to: create_role(**to, name="Clerk", permission_keys=["invoice.read"]),
        ROLES,
        lambda cast: [
            (
                "role.created",
                {"after": {**READER, "name": "Clerk", "permission_keys": ["invoice.read"]}},
            )
        ],
    ),
    Act(
        "update_role",
        lambda cast, to: update_role(
            **to, role_id=cast.reader.pk, changes={"is_active": False, "name": "Reader"}
        ),
        ROLES,
        lambda cast: [
            ("role.updated", {"before": {"is_active": True}, "after": {"is_active": False}})
        ],
    ),
    Act(
        "set_role_permissions",
        lambda cast, to: set_role_permissions(
            **to, role_id=cast.reader.pk, add=["invoice.write"], remove=["invoice.read"]
        ),
        ROLES,
        lambda cast: [
            (
                "role.permissions_changed",
                {
                    "before": {"permission_keys": ["invoice.read"]},
                    "after": {"permission_keys": ["invoice.write"]},
                },
            )
        ],
    ),
    Act(
        "delete_role",
        lambda cast, to: delete_role(**to, role_id=cast.reader.pk, cascade=True),
        ROLES,
        lambda cast: [
            ("assignment.revoked", {"before": given(cast)}),
            (
                "role.deleted",
                {
                    "before": {**READER, "permission_keys": ["invoice.read"]},
                    "revoked_assignments": 1,
                },
            ),
        ],
    ),
    Act(
        "assign_role",
        lambda cast, to: assign_role(**to, new=new_at_the_site(cast)),
        ASSIGN,
        lambda cast: [("assignment.created", {"after": given(cast, "writer")})],
    ),
    Act(
        "assign_roles",
        lambda cast, to: assign_roles(**to, new=[new_at_the_site(cast)]),
        ASSIGN,
        lambda cast: [
            ("assignment.created", {"after": given(cast, "writer"), "batch_id": "<made>"})
        ],
    ),
    Act(
        "change_assignment",
        lambda cast, to: change_assignment(
            **to, assignment_id=assignment_of(cast), changes={"role_id": cast.writer.pk}
        ),
        ASSIGN,
        lambda cast: [
            (
                "assignment.updated",
                {
                    "before": {"role_id": str(cast.reader.pk)},
                    "after": {"role_id": str(cast.writer.pk)},
                    "former_id": "<made>",
                },
            )
        ],
    ),
    Act(
        "revoke_assignment",
        lambda cast, to: revoke_assignment(**to, assignment_id=assignment_of(cast)),
        ASSIGN,
        lambda cast: [("assignment.revoked", {"before": given(cast)})],
    ),
    Act(
        "create_identity",
        lambda cast, to: create_identity(**to, new=bob()),
        PEOPLE,
        lambda cast: [("identity.created", {"after": person("bob")})],
    ),
    Act(
        "create_identities",
        lambda cast, to: create_identities(**to, new=[bob()]),
        PEOPLE,
        lambda cast: [("identity.created", {"after": person("bob"), "batch_id": "<made>"})],
    ),
    Act(
        "create_assigned_identity",
        lambda cast, to: create_assigned_identity(
            **to, new=bob(), role_id=cast.reader.pk, node=Ref.of(cast.site.pk)
        ),
        PEOPLE + ASSIGN,
        lambda cast: [
            ("assignment.created", {"after": {**given(cast), "identity_id": "<made>"}}),
            ("identity.created", {"after": person("bob")}),
        ],
    ),
    Act(
        "update_identity",
        lambda cast, to: update_identity(
            **to, identity=ada(cast), changes={"first_name": "Augusta", "last_name": "Lovelace"}
        ),
        PEOPLE,
        lambda cast: [
            (
                "identity.updated",
                {"before": {"first_name": "Ada"}, "after": {"first_name": "Augusta"}},
            )
        ],
    ),
    Act(
        "deactivate",
        lambda cast, to: update_identity(**to, identity=ada(cast), changes={"status": "inactive"}),
        PEOPLE,
        lambda cast: [
            (
                "identity.deactivated",
                {"before": {"status": "active"}, "after": {"status": "inactive"}},
            )
        ],
    ),
    Act(
        "remove_identity",
        lambda cast, to: remove_identity(**to, identity=ada(cast)),
        PEOPLE,
        lambda cast: [
            ("assignment.revoked", {"before": given(cast)}),
            (
                "identity.removed",
                {
                    "before": {"status": "active"},
                    "after": {"status": "removed"},
                    "revoked_assignments": 1,
                },
            ),
        ],
    ),
]
by_name = pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)


def assignment_of(cast: Cast) -> Any:
    """The id of Ada's one assignment, also when it was changed or revoked."""
    return cast.ada.assignments.latest("counts_from").pk


@pytest.fixture
def held(cast: Cast) -> Cast:
    """The cast with Ada as reader at the site."""
    cast.give()
    return cast


def by(actor: Actor, cast: Cast) -> dict[str, Any]:
    """Who acts where."""
    return {"actor": actor, "environment": cast.environment}


def without_made(metadata: dict[str, Any], known: str) -> dict[str, Any]:
    """Metadata with `<made>` for ids that are not in a text of known ones."""
    return {
        key: without_made(value, known)
        if isinstance(value, dict)
        else "<made>"
        if key.endswith("_id") and key != "external_id" and str(value) not in known
        else value
        for key, value in metadata.items()
    }


@by_name
def test_an_act_is_written_down_with_before_and_after(held: Cast, act: Act) -> None:
    known = str(snapshot(held.environment))
    seen = set(AuditEvent.objects.values_list("pk", flat=True))
    actor = replace(ME, label="somebody", correlation_id="request-7")

    act.do(held, by(actor, held))

    events = AuditEvent.objects.exclude(pk__in=seen)
    told = [(event.action, without_made(event.metadata, known)) for event in events]
    assert sorted(told, key=str) == sorted(act.told(held), key=str)
    for event in events:
        assert event.environment_id == held.environment.pk
        assert (event.actor_label, event.correlation_id) == ("somebody", "request-7")
        assert event.resource_type == event.action.partition(".")[0]
        assert event.resource_id
        assert event.outcome == "success"


@by_name
def test_an_act_that_cannot_be_written_down_is_not_done(held: Cast, act: Act) -> None:
    before = snapshot(held.environment)
    actor = replace(ME, correlation_id="longer than the column" * 50)

    with pytest.raises(DataError):
        act.do(held, by(actor, held))

    assert snapshot(held.environment) == before


@by_name
def test_nothing_remains_of_an_act_whose_transaction_fails_later(held: Cast, act: Act) -> None:
    before = snapshot(held.environment)

    def fail_after_it() -> None:
        act.do(held, by(ME, held))
        assert snapshot(held.environment) != before
        raise KeyError("something later")

    with pytest.raises(KeyError), transaction.atomic():
        fail_after_it()

    assert snapshot(held.environment) == before


@by_name
def test_an_act_needs_each_of_its_scopes(held: Cast, act: Act) -> None:
    before = snapshot(held.environment)

    for scope in act.scopes:
        actor = replace(ME, scopes=ALL_SCOPES - {scope})
        with pytest.raises(Forbidden, match=rf"^This needs the scope {scope}\.$"):
            act.do(held, by(actor, held))

    assert snapshot(held.environment) == before
    act.do(held, by(replace(ME, scopes=frozenset(act.scopes)), held))
    assert snapshot(held.environment) != before


@by_name
def test_an_act_reaches_nothing_of_another_environment(held: Cast, make_environment, act) -> None:
    mine = make_cast(make_environment())
    theirs, before = snapshot(held.environment), snapshot(mine.environment)
    creates = act.name in (
        "create_permissions",
        "create_role",
        "create_identity",
        "create_identities",
    )

    if creates:
        act.do(held, by(ME, mine))
    elif act.name == "assign_roles":
        _, [outcome] = assign_roles(**by(ME, mine), new=[new_at_the_site(held)])
        assert outcome.refusal is not None
        assert outcome.refusal.code == "assignments.identity_not_found"
    else:
        with pytest.raises(DomainError, match="no "):
            act.do(held, by(ME, mine))

    assert snapshot(held.environment) == theirs
    assert creates or snapshot(mine.environment) == before


@by_name
def test_an_act_done_over_is_refused_or_changes_nothing(held: Cast, act: Act) -> None:
    act.do(held, by(ME, held))
    before = snapshot(held.environment)

    with suppress(DomainError):
        act.do(held, by(ME, held))

    assert snapshot(held.environment) == before


def test_a_node_goes_with_what_is_held_below_it_under_one_batch(held: Cast) -> None:
    held.give(held.writer, held.room)
    held.give(held.writer, held.root)
    known = set(AuditEvent.objects.values_list("pk", flat=True))

    delete_node(**by(ME, held), node=Ref.of(held.site.pk), cascade=True)

    events = AuditEvent.objects.exclude(pk__in=known)
    actions = sorted(events.values_list("action", flat=True))
    assert actions == ["assignment.revoked", "assignment.revoked", "node.deleted"]
    assert len({event.metadata["batch_id"] for event in events}) == 1
    assert held.ada.assignments.filter(revoked_at=None).count() == 1


def test_a_node_in_use_stays_unless_its_assignments_go_with_it(held: Cast) -> None:
    held.give(held.writer, held.room)
    before = snapshot(held.environment)

    with pytest.raises(DomainError) as refused:
        delete_node(**by(ME, held), node=Ref.of(held.site.pk))

    assert (refused.value.code, refused.value.data) == (
        "nodes.in_use", {"assignment_count": 2, "identity_count": 1, "node_count": 2},
    )  # fmt: skip
    assert snapshot(held.environment) == before
