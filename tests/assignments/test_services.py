"""Every act writes its audit event in its own transaction, needs its scope, and is whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from django.db import DataError, transaction

from assignments.services.assign import assign_roles
from assignments.services.removal import delete_node
from common.errors import DomainError, Forbidden
from common.refs import Ref
from environments.actors import Actor
from environments.models import AuditEvent
from environments.scopes import ALL_SCOPES
from tests.assignments.acts import (
    ACTS,
    Act,
    new_at_the_site,
)
from tests.assignments.cast import ME, Cast, make_cast, snapshot

pytestmark = pytest.mark.django_db


by_name = pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)


@pytest.fixture
def held(cast: Cast) -> Cast:
    """The cast with Ada as reader at the site."""
    cast.give()
    return cast


def by(actor: Actor, cast: Cast) -> dict[str, Any]:
    """Who acts where."""
    return {"actor": actor, "environment": cast.environment}


def without_made(metadata: dict[str, Any], known: str) -> dict[str, Any]:
    """Metadata with `<made>` for ids that are not in a text of known ones, and without the row's version."""
    return {
        key: without_made(value, known)
        if isinstance(value, dict)
        else "<made>"
        if key.endswith("_id") and key != "external_id" and str(value) not in known
        else value
        for key, value in metadata.items()
        if key != "version"
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
        _, [outcome] = assign_roles([new_at_the_site(held)], **by(ME, mine))
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
    assert len({event.batch_id for event in events}) == 1
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
