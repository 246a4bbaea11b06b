"""`/identity-invites`: the table of acts by status, windows, plans and plans."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from assignments.models import Assignment
from environments.models import AuditEvent
from identities.models import Identity, Invitation
from tests.assignments.cast import Cast, moment, text
from tests.assignments.inviting import (
    FIELDS,
    INVITES,
    bob,
    elapse,
    invite,
    invited,
    path_of,
    resend,
    rest,
    role_at_site,
    shown,
)
from tests.rituals import V1, error_of, names_field

pytestmark = pytest.mark.django_db


def question(cast: Cast, email: str = "bob@example.org") -> dict[str, Any]:
    """Whether someone may read invoices in the room."""
    return {
        "identity_id": f"email:{email}",
        "permission": "invoice.read",
        "scope": "node",
        "node_id": str(cast.room.pk),
    }


def asked(api: Any, cast: Cast) -> dict[str, Any]:
    """The answer to that question about Bob."""
    told: dict[str, Any] = api.post(
        f"{V1}/permissions/evaluate", question(cast), format="json"
    ).json()
    return told


def test_someone_new_becomes_invited_and_the_answer_carries_the_link(api, cast, settings) -> None:
    settings.BASE_URL = "https://access.example.org"

    answer = invite(api, "BOB@Example.org", first_name="Bob", intent="add_to_app", client_id="x")

    told = answer.json()
    assert answer.status_code == 201
    assert answer["ETag"] == '"1"'
    assert set(told) == FIELDS | {"accept_url"}
    assert told["accept_url"].startswith("https://access.example.org/invitations/")
    assert {
        "email": "bob@example.org",
        "intent": "add_to_app",
        "first_name": "Bob",
        "last_name": "",
        "name": "Bob",
        "role_id": None,
        "node_id": None,
        "environment_id": str(cast.environment.pk),
        "environment_name": "Development",
        "has_initial_assignment": False,
        "status": "pending",
        "invited_by": "test",
        "version": 1,
    }.items() <= told.items()
    left = datetime.fromisoformat(told["expires_at"]) - timezone.now()
    assert timedelta(days=7) - timedelta(minutes=1) < left <= timedelta(days=7)
    assert bob().status == "invited"
    assert shown(api, told["id"]) == {name: told[name] for name in FIELDS}


def test_the_host_of_a_request_never_stands_in_a_link(api, settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.BASE_URL = "https://access.example.org"

    answer = api.post(
        INVITES,
        {"email": "bob@example.org"},
        format="json",
        headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
    )

    assert answer.json()["accept_url"].startswith("https://access.example.org/")
    assert b"evil" not in answer.content


def test_invite_and_assign_is_in_place_at_once_and_grants_nothing_until_accepted(api, cast) -> None:
    end = moment(30)
    told = invited(api, **role_at_site(cast), effective_to=text(end))

    given = Assignment.objects.get()
    assert (told["role_id"], told["node_id"]) == (str(cast.reader.pk), str(cast.site.pk))
    assert told["has_initial_assignment"] is True
    assert str(given.invitation_id) == told["id"]
    assert given.effective_to == end
    assert asked(api, cast)["denial_reason"] == "identity_invited"

    Client().post(path_of(told["accept_url"]), {})

    assert asked(api, cast)["allowed"] is True


@pytest.mark.parametrize("fault", ["role", "node", "inactive", "window"])
def test_a_role_that_cannot_be_given_invites_nobody(api, cast, fault) -> None:
    first = role_at_site(cast)
    code = {
        "role": (404, "assignments.role_not_found"),
        "node": (404, "assignments.node_not_found"),
        "inactive": (400, "assignments.role_inactive"),
        "window": (400, "assignments.window_empty"),
    }[fault]
    if fault == "role":
        first["role_id"] = str(uuid4())
    elif fault == "node":
        first["node_id"] = str(uuid4())
    elif fault == "window":
        first |= {"effective_from": text(moment(2)), "effective_to": text(moment(1))}
    else:
        api.patch(f"{V1}/roles/{cast.reader.pk}", {"is_active": False}, format="json")

    error_of(invite(api, **first), *code)

    assert not Identity.objects.filter(email="bob@example.org").exists()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role_id": str(uuid4())}, "node_id"),
        ({"node_id": str(uuid4())}, "role_id"),
        ({"effective_to": "2080-01-01T00:00:00Z"}, "effective_to"),
        ({"effective_from": None}, "effective_from"),
        ({"email": "nobody"}, "email"),
        ({"email": "a\u202e@example.org"}, "email"),
        ({"first_name": "a\x00"}, "first_name"),
        ({"last_name": "x" * 101}, "last_name"),
        ({"intent": "other"}, "intent"),
        ({"send_email": "false"}, "send_email"),
        ({"status": "accepted"}, "status"),
        ({"nonce": "00"}, "nonce"),
    ],
)
def test_a_field_that_cannot_be_is_named(api, body, field) -> None:
    assert names_field(invite(api, **{"email": "bob@example.org", **body}), field)
    assert not Invitation.objects.exists()


def test_inviting_again_is_409_with_the_invitation_while_its_link_lives(api, cast) -> None:
    told = invited(api)

    error = error_of(invite(api, first_name="Other"), 409, "invites.pending")

    assert error["data"] == {name: told[name] for name in FIELDS}
    assert bob().first_name == ""


@pytest.mark.parametrize("marked", [False, True])
def test_inviting_again_after_it_expired_makes_a_new_link_and_revokes_what_was_given(
    api, cast, marked
) -> None:
    first = invited(api, first_name="Bob", last_name="B", **role_at_site(cast))
    elapse(first["id"])
    if marked:
        Invitation.objects.filter(pk=first["id"]).update(status="expired")

    second = invited(api, first_name="Robert", **role_at_site(cast))

    assert second["id"] != first["id"]
    assert (second["first_name"], second["last_name"]) == ("Robert", "B")
    assert shown(api, first["id"])["status"] == "expired"
    given = list(Assignment.objects.with_state().order_by("created_at"))
    assert [row.state for row in given] == ["revoked", "active"]
    assert [str(row.invitation_id) for row in given] == [first["id"], second["id"]]
    assert Identity.objects.filter(email="bob@example.org").count() == 1
    assert Client().get(path_of(first["accept_url"])).status_code == 410
    assert Client().get(path_of(second["accept_url"])).status_code == 200
    error_of(resend(api, first["id"]), 409, "invites.not_pending")


def test_inviting_again_keeps_what_was_given_otherwise_and_does_not_overlap_it(api, cast) -> None:
    first = invited(api)
    cast.give(identity=bob())
    elapse(first["id"])

    error_of(invite(api, **role_at_site(cast)), 409, "assignments.conflict")
    second = invited(api, role_id=str(cast.writer.pk), node_id=str(cast.site.pk))

    assert {row.state for row in Assignment.objects.with_state()} == {"active"}
    assert second["role_id"] == str(cast.writer.pk)


def test_an_active_address_is_409(api, cast) -> None:
    error_of(invite(api, "ada@example.org"), 409, "invites.already_active")

    assert not Invitation.objects.exists()


def test_an_inactive_address_is_409(api, cast) -> None:
    api.post(f"{V1}/identities/{cast.ada.pk}/deactivate")

    error_of(invite(api, "ada@example.org"), 409, "invites.identity_inactive")


def test_a_removed_address_is_a_new_identity(api, cast) -> None:
    api.delete(f"{V1}/identities/{cast.ada.pk}")

    told = invited(api, "ada@example.org")

    ada = Identity.objects.exclude(status="removed").get(email="ada@example.org")
    assert ada.pk != cast.ada.pk
    assert ada.status == "invited"
    assert told["name"] == "ada@example.org"


def act_on_bob(api: Any, act: str) -> Any:
    """Activate, deactivate or remove him."""
    where = f"{V1}/identities/{bob().pk}"
    return api.delete(where) if act == "remove" else api.post(f"{where}/{act}")


@pytest.mark.parametrize(
    ("act", "identity", "invitation"),
    [
        ("activate", "active", "accepted"),
        ("deactivate", "inactive", "revoked"),
        ("remove", "removed", "revoked"),
    ],
)
def test_what_ends_being_invited_ends_the_invitation_and_its_link(
    api, cast, act, identity, invitation
) -> None:
    told = invited(api, **role_at_site(cast))

    act_on_bob(api, act)

    assert bob().status == identity
    assert shown(api, told["id"])["status"] == invitation
    assert Client().post(path_of(told["accept_url"]), {}).status_code == 410
    assert bob().status == identity


def test_accepting_makes_the_identity_active_with_its_names_once(api, cast) -> None:
    told = invited(api, first_name="Bob")
    page = path_of(told["accept_url"])

    first = Client().post(page, {"first_name": "Robert", "last_name": "Tables"})
    second = Client().post(page, {"first_name": "Mallory"})

    assert (first.status_code, first["Location"]) == (302, "/invitations/accepted")
    assert second.status_code == 410
    assert (bob().status, bob().name, bob().version) == ("active", "Robert Tables", 2)
    accepted = shown(api, told["id"])
    assert (accepted["status"], accepted["version"]) == ("accepted", 2)
    error_of(invite(api), 409, "invites.already_active")
    for late in (api.delete(f"{INVITES}/{told['id']}"), resend(api, told["id"])):
        assert error_of(late, 409, "invites.not_pending")["message"] == (
            "The invitation is accepted; deactivate or remove the identity instead."
        )


def test_the_actor_of_accepting_is_the_invited_address(api, cast) -> None:
    told = invited(api)

    Client().post(
        path_of(told["accept_url"]), {"first_name": "Bob"}, headers={"x-request-id": "r1"}
    )

    events = AuditEvent.objects.filter(correlation_id="r1").order_by("action")
    assert [event.action for event in events] == ["identity.activated", "invite.accepted"]
    assert {(event.actor_type, event.actor_id, event.actor_label) for event in events} == {
        ("system", None, "bob@example.org")
    }
    assert events[0].metadata == {
        "before": {"first_name": "", "status": "invited"},
        "after": {"first_name": "Bob", "status": "active"},
        "version": 2,
    }
    assert events[1].metadata["version"] == 2


def test_revoking_takes_the_role_and_the_identity_with_it(api, cast) -> None:
    told = invited(api, **role_at_site(cast))

    answer = api.delete(f"{INVITES}/{told['id']}")

    assert answer.status_code == 204
    assert shown(api, told["id"])["status"] == "revoked"
    assert Assignment.objects.with_state().get().state == "revoked"
    assert bob().status == "removed"
    assert Client().get(path_of(told["accept_url"])).status_code == 410
    error_of(api.delete(f"{INVITES}/{told['id']}"), 409, "invites.not_pending")
    events = AuditEvent.objects.filter(batch_id=answer["X-Batch-ID"])
    assert {event.action: event.metadata["version"] for event in events} == {
        "assignment.revoked": 2,
        "invite.revoked": 2,
        "identity.removed": 2,
    }


def test_revoking_keeps_an_identity_that_holds_something_else(api, cast) -> None:
    told = invited(api, **role_at_site(cast))
    cast.give(role=cast.writer, identity=bob())

    api.delete(f"{INVITES}/{told['id']}")

    assert bob().status == "invited"
    states = {row.role_id: row.state for row in Assignment.objects.with_state()}
    assert states == {cast.reader.pk: "revoked", cast.writer.pk: "active"}
    assert invited(api)["id"] != told["id"]


def test_an_invitation_that_has_expired_is_not_revoked(api, cast) -> None:
    told = invited(api)
    elapse(told["id"])

    error_of(api.delete(f"{INVITES}/{told['id']}"), 409, "invites.not_pending")

    assert shown(api, told["id"])["status"] == "expired"


def test_resending_within_five_minutes_is_429(api, cast) -> None:
    told = invited(api)

    answer = resend(api, told["id"])

    error_of(answer, 429, "invites.cool_down")
    assert 290 <= int(answer["Retry-After"]) <= 300
    assert Client().get(path_of(told["accept_url"])).status_code == 200


@pytest.mark.parametrize("state", ["living", "elapsed", "marked"])
def test_resending_makes_a_new_link_for_seven_days_and_kills_the_old_one(api, cast, state) -> None:
    told = invited(api, **role_at_site(cast))
    rest(told["id"])
    if state != "living":
        elapse(told["id"])
    if state == "marked":
        Invitation.objects.filter(pk=told["id"]).update(status="expired")

    answer = resend(api, told["id"])

    renewed = answer.json()
    assert answer.status_code == 200
    assert set(renewed) == {"message", "accept_url"}
    assert answer["ETag"] == '"2"'
    assert shown(api, told["id"])["status"] == "pending"
    left = datetime.fromisoformat(shown(api, told["id"])["expires_at"]) - timezone.now()
    assert left > timedelta(days=7) - timedelta(minutes=1)
    assert Client().get(path_of(told["accept_url"])).status_code == 410
    assert Client().get(path_of(renewed["accept_url"])).status_code == 200
    error_of(resend(api, told["id"]), 429, "invites.cool_down")
