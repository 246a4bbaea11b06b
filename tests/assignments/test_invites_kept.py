"""What is kept of an invitation and what never is, and who may make one."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from environments.models import AuditEvent, OutboxItem
from environments.scopes import ALL_SCOPES, Scope
from identities.models import Invitation
from tests.assignments.inviting import (
    INVITES,
    invite,
    invited,
    path_of,
    resend,
    rest,
    role_at_site,
)
from tests.rituals import error_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("send_email", [True, False])
def test_mail_is_asked_for_in_the_outbox_where_it_is_wanted(api, cast, send_email) -> None:
    told = invited(api, send_email=send_email)
    rest(told["id"])
    resend(api, told["id"], send_email=send_email)

    items = list(OutboxItem.objects.values_list("kind", "subject_id", "payload", "state"))

    assert [(kind, str(pk), payload) for kind, pk, payload, _ in items] == (
        [("invitation.mail", told["id"], {})] * 2 if send_email else []
    )


def test_mail_is_sent_unless_it_is_declined(api, cast) -> None:
    invited(api)

    assert OutboxItem.objects.count() == 1


def test_a_replay_does_not_tell_the_link_again(api, cast) -> None:
    once = {"headers": {"idempotency-key": "a"}, "format": "json"}

    first = api.post(INVITES, {"email": "bob@example.org"}, **once)
    second = api.post(INVITES, {"email": "bob@example.org"}, **once)

    assert second.status_code == 201
    assert second["Idempotent-Replayed"] == "true"
    told = first.json()
    assert second.json() == {**told, "accept_url": None, "secret_available": False}


def test_nothing_of_a_link_is_kept_in_the_audit_log_or_the_outbox(api, cast) -> None:
    told = invited(api, **role_at_site(cast))
    rest(told["id"])
    renewed = resend(api, told["id"]).json()
    Client().post(path_of(renewed["accept_url"]), {})

    nonce = bytes(Invitation.objects.get().nonce).hex()
    kept = json.dumps([*AuditEvent.objects.values(), *OutboxItem.objects.values()], default=str)

    for link in (told["accept_url"], renewed["accept_url"]):
        assert link.rpartition("/")[2] not in kept
        assert link.rpartition("/")[2][22:] not in kept
    assert nonce not in kept
    assert "nonce" not in kept


def test_each_event_tells_the_version_of_its_row(api, cast) -> None:
    told = invited(api, **role_at_site(cast))
    rest(told["id"])
    resend(api, told["id"])
    api.delete(f"{INVITES}/{told['id']}")

    events = AuditEvent.objects.filter(resource_id=told["id"]).order_by("created_at")

    assert [(event.action, event.metadata["version"]) for event in events] == [
        ("invite.created", 1),
        ("invite.resent", 2),
        ("invite.revoked", 3),
    ]
    assert {event.resource_label for event in events} == {"bob@example.org"}


def test_a_first_role_needs_the_scope_to_assign(client_of, cast) -> None:
    client = client_of(cast.environment, Scope.IDENTITY_MANAGE, Scope.IDENTITY_VIEW)

    error = error_of(invite(client, **role_at_site(cast)), 403, "scope_missing")

    assert Scope.ASSIGNMENTS_MANAGE in error["message"]
    assert not Invitation.objects.exists()
    assert invite(client).status_code == 201


def test_renewing_a_link_to_a_role_needs_the_scope_to_assign(api, client_of, cast) -> None:
    told = invited(api, **role_at_site(cast))
    rest(told["id"])
    others = sorted(ALL_SCOPES - {Scope.ASSIGNMENTS_MANAGE})

    answer = resend(client_of(cast.environment, *others), told["id"])

    error_of(answer, 403, "scope_missing")
    assert Client().get(path_of(told["accept_url"])).status_code == 200
