"""`dry_run` on every write of identities: nothing is written, and what is told then happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments.scopes import Scope
from identities.models import Identity
from tests.assignments.cast import Cast, moment, snapshot, text
from tests.identities.people import IDENTITIES, invite
from tests.rituals import names_field

pytestmark = pytest.mark.django_db
BOB = {"email": "bob@example.org", "first_name": "Bob", "last_name": "Marley"}


def nothing(cast: Cast) -> None:
    """Ada is active and holds nothing."""


def held(cast: Cast) -> None:
    """Ada holds two roles."""
    cast.give()
    cast.give(cast.writer, start=moment(3))


def invited(cast: Cast) -> None:
    """Ada is invited and holds a role."""
    cast.give()
    invite(cast.ada)


def inactive(cast: Cast) -> None:
    """Ada is inactive."""
    Identity.objects.filter(pk=cast.ada.pk).update(status="inactive")


def inactive_role(cast: Cast) -> None:
    """The role grants nothing at the moment."""
    type(cast.reader).objects.filter(pk=cast.reader.pk).update(is_active=False)


def with_bob(cast: Cast) -> None:
    """There is a Bob."""
    cast.person("bob", external_id="bob-1")


@dataclass(frozen=True)
class Write:
    """A write with the state that it is done in.

    Args:
        method: in small letters.
        path: below `/identities`.
        body: makes its body, if it has one.
        given: makes the state.
        headers: what is sent with it.
        data: what its plan tells, where the act tells nothing or a sentence only.
    """

    method: str
    path: str = ""
    body: Callable[[Cast], dict[str, Any]] | None = None
    given: Callable[[Cast], None] = nothing
    headers: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] | None = None

    def send(self, api: Any, cast: Cast, query: str = "") -> Any:
        """Do it, or plan it."""
        body = self.body(cast) if self.body else None
        options = {"format": "json"} if body is not None else {}
        call = getattr(api, self.method)
        return call(f"{IDENTITIES}{self.path}{query}", body, **options, **self.headers)


def first_role(cast: Cast, **others: Any) -> dict[str, Any]:
    """Bob as reader at the site."""
    return {**BOB, "role_id": str(cast.reader.pk), "node_id": "ext:site-1", **others}


ADA = "/ext:ada-1"
STALE = {"HTTP_IF_MATCH": '"7"'}
WRITES = {
    "create": Write("post", body=lambda cast: {**BOB, "external_id": "b", "metadata": {"a": 1}}),
    "create: e-mail taken": Write("post", body=lambda cast: {**BOB, "email": "ADA@example.org"}),
    "create: external id taken": Write("post", body=lambda cast: {**BOB, "external_id": "ada-1"}),
    "create with a role": Write("post", body=first_role),
    "create with a role: later": Write(
        "post", body=lambda cast: first_role(cast, effective_from=text(moment(1)))
    ),
    "create with a role: e-mail taken": Write("post", body=first_role, given=with_bob),
    "create with a role: no role": Write(
        "post", body=lambda cast: first_role(cast, role_id=str(cast.ada.pk))
    ),
    "create with a role: no node": Write(
        "post", body=lambda cast: first_role(cast, node_id="ext:nowhere")
    ),
    "create with a role: inactive": Write("post", body=first_role, given=inactive_role),
    "create with a role: no length": Write(
        "post",
        body=lambda cast: first_role(
            cast, effective_from=text(moment(2)), effective_to=text(moment(1))
        ),
    ),
    "change": Write("patch", ADA, lambda cast: {"first_name": "Augusta", "metadata": {"a": [1]}}),
    "change nothing": Write("patch", ADA, lambda cast: {"first_name": "Ada"}),
    "change: external id": Write("patch", ADA, lambda cast: {"external_id": "other"}),
    "change: its own external id": Write("patch", ADA, lambda cast: {"external_id": "ada-1"}),
    "change: external id taken": Write(
        "patch", ADA, lambda cast: {"external_id": "bob-1"}, given=with_bob
    ),
    "change: cleared": Write("patch", ADA, lambda cast: {"external_id": None, "metadata": None}),
    "change: stale": Write("patch", ADA, lambda cast: {"first_name": "X"}, headers=STALE),
    "change: nobody": Write("patch", f"/{uuid4()}", lambda cast: {"first_name": "X"}),
    "flag off": Write("patch", ADA, lambda cast: {"is_active": False}, given=invited),
    "flag on": Write("patch", ADA, lambda cast: {"is_active": True}, given=inactive),
    "activate invited": Write(
        "post",
        f"{ADA}/activate",
        given=invited,
        data={"status": "active", "version": 2, "invitation": "accepted"},
    ),
    "activate active": Write(
        "post",
        f"{ADA}/activate",
        data={"status": "active", "version": 1, "invitation": None},
    ),
    "activate inactive": Write(
        "post",
        f"{ADA}/activate",
        given=inactive,
        data={"status": "active", "version": 2, "invitation": None},
    ),
    "activate: stale": Write("post", f"{ADA}/activate", headers=STALE),
    "activate: nobody": Write("post", "/email:nobody@example.org/activate"),
    "deactivate invited": Write(
        "post",
        f"{ADA}/deactivate",
        given=invited,
        data={"status": "inactive", "version": 2, "invitation": "revoked"},
    ),
    "deactivate active": Write(
        "post",
        f"{ADA}/deactivate",
        data={"status": "inactive", "version": 2, "invitation": None},
    ),
    "deactivate: nobody": Write("post", f"/{uuid4()}/deactivate"),
    "remove": Write(
        "delete", ADA, given=held, data={"revoked_assignments": 2, "revoked_invitations": 0}
    ),
    "remove invited": Write(
        "delete", ADA, given=invited, data={"revoked_assignments": 1, "revoked_invitations": 1}
    ),
    "remove: stale": Write("delete", ADA, headers=STALE),
    "remove: nobody": Write("delete", "/ext:nobody"),
}
by_name = pytest.mark.parametrize("name", WRITES)


def without_written(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what only a written one has."""
    return {**row, "id": None, "created_at": None}


@by_name
def test_the_plan_is_what_then_happens(api, cast, name) -> None:
    write = WRITES[name]
    write.given(cast)

    planned = write.send(api, cast, "?dry_run=true")
    done = write.send(api, cast)

    assert planned.status_code == 200, planned.content
    told = planned.json()
    assert set(told) == {"dry_run", "summary", "results", "batch_id"}
    assert (told["dry_run"], told["batch_id"]) == (True, None)
    [result] = told["results"]
    assert result["code"] == done.status_code
    if done.status_code >= 400:
        error = done.json()["error"]
        assert result["status"] == "error"
        assert result["error"]["code"] == error["code"]
        assert result["error"]["message"] == error["message"]
        assert told["summary"] == {"total": 1, "succeeded": 0, "failed": 1}
        return
    assert told["summary"] == {"total": 1, "succeeded": 1, "failed": 0}
    if write.data is not None:
        assert result["data"] == write.data
    elif write.method == "post":
        assert result["data"] == without_written(done.json())
    else:
        assert result["data"] == done.json()


@by_name
def test_a_plan_writes_nothing_and_locks_nothing(api, cast, name) -> None:
    write = WRITES[name]
    write.given(cast)
    before = snapshot(cast.environment)

    with CaptureQueriesContext(connection) as captured:
        write.send(api, cast, "?dry_run=true")

    assert snapshot(cast.environment) == before
    for query in captured.captured_queries:
        assert not any(word in query["sql"] for word in ("FOR NO KEY", "FOR UPDATE", "FOR SHARE"))
        assert "advisory" not in query["sql"]


def test_the_effects_that_an_activation_tells_are_those_it_has(api, cast) -> None:
    invited(cast)
    plan = WRITES["activate invited"].send(api, cast, "?dry_run=true").json()["results"][0]["data"]

    WRITES["activate invited"].send(api, cast)

    row = Identity.objects.get(pk=cast.ada.pk)
    [invitation] = row.invitations.all()
    assert plan == {
        "status": row.status, "version": row.version, "invitation": invitation.status,
    }  # fmt: skip


def test_a_plan_needs_the_same_scopes_as_the_act(client_of, cast) -> None:
    client = client_of(cast.environment, Scope.IDENTITY_MANAGE)
    write = WRITES["create with a role"]

    planned, done = write.send(client, cast, "?dry_run=true"), write.send(client, cast)

    assert done.status_code == planned.json()["results"][0]["code"] == 403
    said = "This needs the scope rbac.manage_assignments."
    assert planned.json()["results"][0]["error"]["message"] == said
    assert done.json()["error"]["message"] == said


def test_a_taken_address_is_not_told_to_who_may_not_assign(client_of, cast) -> None:
    client = client_of(cast.environment, Scope.IDENTITY_MANAGE)
    with_bob(cast)

    answer = WRITES["create with a role"].send(client, cast)

    assert answer.json()["error"]["code"] == "scope_missing"


@pytest.mark.parametrize("query", ["?dry_run=1", "?dry_run=True", "?dryrun=true", "?dry_run="])
def test_a_plan_is_asked_for_in_one_way_only(api, cast, query) -> None:
    before = snapshot(cast.environment)

    for name in ("create", "change", "activate inactive", "remove"):
        answer = WRITES[name].send(api, cast, query)
        assert names_field(answer, query[1:].partition("=")[0])

    assert snapshot(cast.environment) == before


def test_a_post_with_an_idempotency_key_makes_one_identity(api, cast) -> None:
    headers = {"HTTP_IDEMPOTENCY_KEY": "once"}
    write = Write("post", body=first_role, headers=headers)

    plan = write.send(api, cast, "?dry_run=true")
    first, second = write.send(api, cast), write.send(api, cast)

    assert plan.status_code == 200
    assert (first.status_code, second.status_code) == (201, 201)
    assert second["Idempotent-Replayed"] == "true"
    assert first.json() == second.json()
    assert Identity.objects.filter(email=BOB["email"]).count() == 1
