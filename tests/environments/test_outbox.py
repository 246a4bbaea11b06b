"""Work that was given up is tried again when an operator says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from accounts.models import User
from environments.actors import Actor
from environments.models import AuditEvent, Environment, OutboxItem
from environments.scopes import ALL_SCOPES
from environments.services.outbox import retry_dead_items


def make_item(environment: Environment, state: str) -> OutboxItem:
    """Mail that was tried five times and would be tried again in an hour."""
    return OutboxItem.objects.create(
        environment=environment,
        kind="mail",
        subject_id=uuid4(),
        state=state,
        attempts=5,
        next_attempt_at=Now() + timedelta(hours=1),
        last_error="mailbox full",
    )


def test_dead_items_are_due_at_once_and_keep_their_count(environment: Environment) -> None:
    operator = User.objects.create_superuser("operator@example.org", "correct horse battery")
    actor = Actor.of_operator(operator, "request-1")
    item = make_item(environment, "dead")

    count = retry_dead_items(actor=actor, environment=environment, item_ids=[item.pk])

    assert count == 1
    assert OutboxItem.objects.filter(pk=item.pk, next_attempt_at__lte=Now()).exists()
    item.refresh_from_db()
    assert (item.state, item.attempts, item.last_error) == ("pending", 5, "mailbox full")
    event = AuditEvent.objects.get(action="outbox_item.retried")
    assert (event.actor_type, event.actor_id, event.actor_label, event.resource_id) == (
        "user", operator.pk, operator.email, item.pk,
    )  # fmt: skip
    assert (event.correlation_id, event.metadata["before"]) == ("request-1", {"state": "dead"})
    assert actor.scopes == ALL_SCOPES


@pytest.mark.parametrize("state", ["pending", "done"])
def test_what_is_not_dead_stays_as_it_is(environment: Environment, state: str) -> None:
    item = make_item(environment, state)
    before = OutboxItem.objects.values().get()

    assert not retry_dead_items(actor=Actor.system(), environment=environment, item_ids=[item.pk])

    assert OutboxItem.objects.values().get() == before
    assert not AuditEvent.objects.filter(action="outbox_item.retried").exists()


def test_what_is_of_another_environment_stays_dead(
    environment: Environment, make_environment: Callable[[], Environment]
) -> None:
    foreign = make_item(make_environment(), "dead")

    assert not retry_dead_items(
        actor=Actor.system(), environment=environment, item_ids=[foreign.pk]
    )

    foreign.refresh_from_db()
    assert foreign.state == "dead"
