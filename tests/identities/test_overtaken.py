"""A call that another overtakes after its plan ends like a later call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from common.errors import Conflict
from common.outcomes import NotAll
from environments.models import Batch, Environment
from identities.models import Identity
from identities.services.identities import NewIdentity, create_identities, create_identity
from tests.assignments.cast import ME

pytestmark = pytest.mark.django_db(transaction=True)
BOB, CAROL = NewIdentity("bob@example.org", "Bob"), NewIdentity("carol@example.org", "Carol")
LONGEST_WAIT_SECONDS = 20


@contextmanager
def overtaken(environment: Environment, act: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Start an act while a Bob with an external id is made and not yet committed; it ends once he is."""

    def do() -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as others:
        with transaction.atomic():
            first = NewIdentity("bob@example.org", "First", external_id="bob-1")
            create_identity(actor=ME, environment=environment, new=first)
            started = others.submit(do)
            wait_for_a_waiter()
        yield started


def wait_for_a_waiter() -> None:
    """Until another session waits for this one's transaction."""
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("Nobody waits.")


def test_a_single_identity_is_refused(environment: Environment) -> None:
    to: dict[str, Any] = {"actor": ME, "environment": environment}

    with overtaken(environment, lambda: create_identity(**to, new=BOB)) as act:
        late = act.exception()

    assert isinstance(late, Conflict)
    assert late.code == "identities.email_taken"
    assert Identity.objects.get().first_name == "First"


def test_the_row_is_refused_and_the_others_are_made(environment: Environment) -> None:
    rows = [BOB, CAROL, NewIdentity("dan@example.org", external_id="bob-1")]
    to: dict[str, Any] = {"actor": ME, "environment": environment}

    with overtaken(environment, lambda: create_identities(rows, **to)) as act:
        batch_id, outcomes = act.result()

    assert [outcome.refusal and outcome.refusal.code for outcome in outcomes] == [
        "identities.email_taken", None, "identities.external_id_taken",
    ]  # fmt: skip
    assert Batch.objects.get(pk=batch_id).counts == {"succeeded": 1, "failed": 2}
    assert set(Identity.objects.values_list("first_name", flat=True)) == {"First", "Carol"}


def test_all_are_refused_where_all_or_none_was_asked(environment: Environment) -> None:
    to: dict[str, Any] = {"actor": ME, "environment": environment, "whole": True}

    with overtaken(environment, lambda: create_identities([CAROL, BOB], **to)) as act:
        late = act.exception()

    assert isinstance(late, NotAll)
    refusals = [outcome.refusal and outcome.refusal.code for outcome in late.outcomes]
    assert refusals == [None, "identities.email_taken"]
    assert Identity.objects.get().first_name == "First"
    assert not Batch.objects.exists()
