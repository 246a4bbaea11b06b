"""`/identities`: the ritual, and the acts by status."""

from __future__ import annotations

from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from assignments.models import Assignment
from environments.scopes import Scope
from identities.models import Identity
from tests.assignments.cast import Cast, make_cast, moment, text
from tests.identities.people import FIELDS, IDENTITIES
from tests.rituals import (
    UNWANTED_TIMES,
    V1,
    Route,
    assert_foreign_is_like_random,
    assert_hostile_is_survived,
    assert_other_methods_are_refused,
    assert_scope_is_needed,
    assert_unknown_is_refused,
    error_of,
    hostile_bodies,
    names_field,
)

pytestmark = pytest.mark.django_db
VIEW, MANAGE = Scope.IDENTITY_VIEW, Scope.IDENTITY_MANAGE
BOB = {"email": "bob@example.org", "first_name": "Bob", "last_name": "Marley"}
ROW_CALLS = [
    lambda pk: Route("get", f"identities/{pk}", VIEW),
    lambda pk: Route("patch", f"identities/{pk}", MANAGE, {"first_name": "X"}),
    lambda pk: Route("get", f"identities/{pk}/detail", VIEW),
    lambda pk: Route("get", f"identities/{pk}/permissions", VIEW),
    lambda pk: Route("get", f"identities/{pk}/grants", VIEW),
    lambda pk: Route("get", f"identities/{pk}/assignments", Scope.ASSIGNMENTS_VIEW),
    lambda pk: Route("post", f"identities/{pk}/activate", MANAGE),
    lambda pk: Route("post", f"identities/{pk}/deactivate", MANAGE),
    lambda pk: Route("delete", f"identities/{pk}", MANAGE),
]


def routes_of(identity_id: object) -> list[Route]:
    """Every route of identities."""
    return [
        Route("get", "identities", VIEW),
        Route("get", "identities/with-roles", VIEW),
        Route("get", "identities/summary", VIEW),
        Route("post", "identities", MANAGE, BOB),
        Route("post", "identities/bulk-create", MANAGE, {"identities": [BOB]}),
        *(call(identity_id) for call in ROW_CALLS),
    ]


def post(api: Any, **body: Any) -> Any:
    """Make an identity known over the API."""
    return api.post(IDENTITIES, body, format="json")


def patch(api: Any, row: Any, **changes: Any) -> Any:
    """Change one over the API."""
    return api.patch(f"{IDENTITIES}/{row}", changes, format="json")


def test_an_identity_is_made_shown_changed_and_removed(api) -> None:
    created = post(api, **BOB, external_id="b-1", metadata={"team": ["a", 1, None]})
    row = created.json()
    address = f"{IDENTITIES}/{row['id']}"
    shown = api.get(address)
    changed = patch(api, row["id"], first_name="Robert", external_id=None, metadata=None)
    removed = api.delete(address)

    assert created.status_code == 201
    assert set(row) == FIELDS
    assert {**row, "id": 0, "created_at": 0} == {
        **BOB,
        "id": 0,
        "name": "Bob Marley",
        "external_id": "b-1",
        "avatar_url": None,
        "is_active": True,
        "status": "active",
        "created_at": 0,
        "version": 1,
    }
    assert created["ETag"] == shown["ETag"] == '"1"'
    assert shown.json() == row
    assert changed.json() == {
        **row, "first_name": "Robert", "name": "Robert Marley", "external_id": None, "version": 2,
    }  # fmt: skip
    assert changed["ETag"] == '"2"'
    assert (removed.status_code, removed.content) == (204, b"")
    error_of(api.get(address), 404, "identities.not_found")
    error_of(api.delete(address), 404, "identities.not_found")
    assert post(api, **BOB).status_code == 201


def test_the_detail_says_all_there_is_to_know(api, cast: Cast, client_of) -> None:
    end = moment(5)
    given = cast.give(end=end)
    cast.give(cast.writer, end=moment(-1))
    patch(api, cast.ada.pk, metadata={"a": 1})
    row = api.get(f"{IDENTITIES}/{cast.ada.pk}").json()

    answer = api.get(f"{IDENTITIES}/ext:ada-1/detail")
    detail = answer.json()

    assert detail == {
        **row,
        "metadata": {"a": 1},
        "email_verified": False,
        "can_manage": True,
        "updated_at": detail["updated_at"],
        "roles": [
            {
                "assignment_id": str(given.pk),
                "id": str(cast.reader.pk),
                "name": "Reader",
                "node_id": str(cast.site.pk),
                "node_name": "Site",
                "effective_from": None,
                "effective_to": text(end),
                "state": "active",
            }
        ],
    }
    assert answer["ETag"] == '"2"'
    viewer = client_of(cast.environment, VIEW)
    assert viewer.get(f"{IDENTITIES}/{cast.ada.pk}/detail").json()["can_manage"] is False


def test_the_keys_that_someone_holds_somewhere_are_listed_once(api, cast) -> None:
    cast.give()
    cast.give(cast.writer, cast.room)
    bob = cast.person("bob")
    cast.give(identity=bob, start=moment(1))

    assert api.get(f"{IDENTITIES}/{cast.ada.pk}/permissions").json() == {
        "items": ["invoice.read", "invoice.write"]
    }
    assert api.get(f"{IDENTITIES}/{bob.pk}/permissions").json() == {"items": []}


@pytest.mark.parametrize("ref", ["ext:ada-1", "email:ADA@example.org", "email:ada%40example.org"])
def test_an_identity_is_found_by_the_callers_own_ids(api, cast, ref) -> None:
    row = api.get(f"{IDENTITIES}/{cast.ada.pk}").json()

    assert api.get(f"{IDENTITIES}/{ref}").json() == row
    assert patch(api, ref, last_name="King").json()["name"] == "Ada King"
    for part in ("detail", "permissions", "grants", "assignments"):
        assert api.get(f"{IDENTITIES}/{ref}/{part}").status_code == 200
    assert api.post(f"{IDENTITIES}/{ref}/deactivate").status_code == 200
    assert api.post(f"{IDENTITIES}/{ref}/activate").status_code == 200
    assert api.delete(f"{IDENTITIES}/{ref}").status_code == 204
    error_of(api.get(f"{IDENTITIES}/{ref}"), 404, "identities.not_found")


def test_the_longest_address_is_found_by_itself(api) -> None:
    address = f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.org"
    row = post(api, **{**BOB, "email": address}).json()

    assert api.get(f"{IDENTITIES}/email:{address}").json() == row


@pytest.mark.parametrize(
    "bad",
    ["x", "ext:", "ext:a b", "email:ada", "email:%00@example.org", "email:%ED%A0%80@e.org", "%00"],
)
def test_what_is_no_reference_is_not_there(api, cast, bad) -> None:
    for route in (call(bad) for call in ROW_CALLS):
        error_of(route.call(api), 404)


def test_identities_need_their_scopes(client_of, cast) -> None:
    assert_scope_is_needed(client_of, cast.environment, routes_of(cast.ada.pk))


def test_a_first_role_needs_the_scope_to_assign(client_of, cast) -> None:
    client = client_of(cast.environment, VIEW, MANAGE)

    answer = post(client, **BOB, role_id=str(cast.reader.pk), node_id=str(cast.site.pk))

    error = error_of(answer, 403, "scope_missing")
    assert error["message"] == "This needs the scope rbac.manage_assignments."
    assert Identity.objects.count() == 1


def test_identities_of_another_environment_are_not_there(api, cast, make_environment) -> None:
    other = make_cast(make_environment())

    assert_foreign_is_like_random(api, ROW_CALLS, other.ada.pk)

    assert Identity.objects.get(pk=other.ada.pk).version == 1
    assert str(other.ada.pk) not in api.get(IDENTITIES).content.decode()
    by_ext = api.delete(f"{IDENTITIES}/ext:ada-1")
    assert by_ext.status_code == 204
    assert Identity.objects.get(pk=other.ada.pk).status == "active"


def test_other_methods_are_refused(api, cast) -> None:
    assert_other_methods_are_refused(api, routes_of(cast.ada.pk))


def test_what_is_unknown_is_named(api, cast) -> None:
    assert_unknown_is_refused(api, routes_of(cast.ada.pk))
    for act in ("activate", "deactivate"):
        answer = api.post(f"{IDENTITIES}/{cast.ada.pk}/{act}", {"surprise": 1}, format="json")
        assert names_field(answer, "surprise")

    assert list(Identity.objects.values_list("version", "status")) == [(1, "active")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *product(["email"], [None, "", "bob", "a b@c.de", "@", "a@b", 5, f"{'x' * 250}@e.org"]),
        *product(["first_name", "last_name"], [None, "", " ", "x" * 101, "a\nb", "a\u202eb", 5]),
        *product(
            ["external_id"], ["", "a b", "é", "x" * 129, "0b5d5c51-9f51-4f4b-8a3a-4a3fbbd1a0c1", 5]
        ),
        *product(["metadata"], ["", [], 5, {"a": "\0"}, {"a": "x" * 17_000}]),
        *product(["status", "is_active", "avatar_url", "environment_id", "id"], ["x"]),
    ],
)
def test_a_wrong_field_is_named(api, field, value) -> None:
    assert names_field(post(api, **{**BOB, field: value}), field)
    assert not Identity.objects.exists()


@pytest.mark.parametrize("missing", list(BOB))
def test_what_is_missing_is_named(api, missing) -> None:
    assert names_field(post(api, **{key: BOB[key] for key in BOB if key != missing}), missing)


@pytest.mark.parametrize("field", ["email", "status", "version", "role_id"])
def test_what_does_not_change_this_way_is_refused(api, cast, field) -> None:
    assert names_field(patch(api, cast.ada.pk, **{field: "active"}), field)


def test_an_address_and_an_external_id_are_taken_by_live_identities_only(api, cast) -> None:
    taken = post(api, **{**BOB, "email": "ADA@Example.org"})
    same = post(api, **BOB, external_id="ada-1")
    bob = post(api, **BOB).json()
    moved = patch(api, bob["id"], external_id="ada-1")

    assert error_of(taken, 409, "identities.email_taken")["details"] == ["email: is taken"]
    assert error_of(same, 409, "identities.external_id_taken")["details"] == [
        "external_id: is taken"
    ]
    error_of(moved, 409, "identities.external_id_taken")
    api.delete(f"{IDENTITIES}/{cast.ada.pk}")
    assert patch(api, bob["id"], external_id="ada-1").status_code == 200
    assert post(api, **{**BOB, "email": "ada@example.org"}).status_code == 201


def test_the_same_address_is_free_in_another_environment(
    api, cast, client_of, make_environment
) -> None:
    other = client_of(make_environment())

    assert post(other, **{**BOB, "email": "ada@example.org"}).status_code == 201


def test_an_identity_comes_with_its_first_role_or_not_at_all(api, cast) -> None:
    place = {"role_id": str(cast.reader.pk), "node_id": "ext:site-1"}

    created = post(api, **BOB, **place, effective_to=text(moment(2)))

    assert created.status_code == 201
    row = Assignment.objects.get(identity=created.json()["id"])
    assert (row.role_id, row.node_id, row.effective_to is not None) == (
        cast.reader.pk, cast.site.pk, True,
    )  # fmt: skip
    carol = {**BOB, "email": "carol@example.org"}
    lost = post(api, **carol, role_id=str(uuid4()), node_id="ext:site-1")
    error_of(lost, 404, "assignments.role_not_found")
    nowhere = post(api, **carol, role_id=str(cast.reader.pk), node_id=str(uuid4()))
    error_of(nowhere, 404, "assignments.node_not_found")
    window = {"effective_from": text(moment(2)), "effective_to": text(moment(1))}
    assert names_field(post(api, **carol, **place, **window), "effective_to")
    assert not Identity.objects.filter(email="carol@example.org").exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role_id": "0b5d5c51-9f51-4f4b-8a3a-4a3fbbd1a0c1"}, "node_id"),
        ({"node_id": "0b5d5c51-9f51-4f4b-8a3a-4a3fbbd1a0c1"}, "role_id"),
        ({"effective_from": "2026-01-01T00:00:00Z"}, "effective_from"),
        ({"effective_to": None}, "effective_to"),
        ({"role_id": None, "node_id": None}, "role_id"),
    ],
)
def test_a_first_role_is_told_whole(api, cast, body, field) -> None:
    assert names_field(post(api, **BOB, **body), field)


@pytest.mark.parametrize("field", ["effective_from", "effective_to"])
@pytest.mark.parametrize("value", UNWANTED_TIMES)
def test_what_is_no_instant_is_named(api, cast, field, value) -> None:
    place = {"role_id": str(cast.reader.pk), "node_id": "ext:site-1"}

    assert names_field(post(api, **BOB, **place, **{field: value}), field)


def test_activate_and_deactivate_switch_and_say_so(api, cast) -> None:
    address = f"{IDENTITIES}/{cast.ada.pk}"

    off = api.post(f"{address}/deactivate")
    again = api.post(f"{address}/deactivate", {}, format="json")
    state = api.get(address).json()
    on = api.post(f"{address}/activate")

    assert (off.status_code, off.json()) == (200, {"message": "Ada Lovelace is inactive."})
    assert off["ETag"] == again["ETag"] == '"2"'
    assert (state["is_active"], state["status"]) == (False, "inactive")
    assert (on.json(), on["ETag"]) == ({"message": "Ada Lovelace is active."}, '"3"')


def test_the_flag_switches_too(api, cast) -> None:
    assert patch(api, cast.ada.pk, is_active=False).json()["status"] == "inactive"
    assert patch(api, cast.ada.pk, is_active=True).json()["status"] == "active"
    assert names_field(patch(api, cast.ada.pk, is_active=None), "is_active")
    assert names_field(patch(api, cast.ada.pk, is_active="true"), "is_active")


def test_removing_revokes_what_is_live_and_keeps_the_history(api, cast) -> None:
    live, later = cast.give(), cast.give(node=cast.room, start=moment(1))
    over = cast.give(cast.writer, end=moment(-1))

    api.delete(f"{IDENTITIES}/{cast.ada.pk}")

    states = {
        pk: api.get(f"{V1}/assignments/{pk}").json()["state"] for pk in (live.pk, later.pk, over.pk)
    }
    assert states == {live.pk: "revoked", later.pk: "revoked", over.pk: "expired"}


@pytest.mark.parametrize("call", [1, 6, 7, 8])
def test_a_stale_version_is_answered_with_the_identity_as_it_is(api, cast, call) -> None:
    answer = ROW_CALLS[call](cast.ada.pk).call(api, HTTP_IF_MATCH='"7"')

    now = api.get(f"{IDENTITIES}/{cast.ada.pk}").json()
    assert error_of(answer, 409, "version_conflict")["data"] == now
    assert now["version"] == 1


def test_metadata_changes_when_only_a_type_changes(api, cast) -> None:
    patch(api, cast.ada.pk, metadata={"flag": 1})

    patch(api, cast.ada.pk, metadata={"flag": True})

    # As a text, since Python takes 1 for True.
    assert '"metadata":{"flag":true}' in api.get(f"{IDENTITIES}/ext:ada-1/detail").content.decode()


def test_hostile_bodies_are_refused_and_the_list_still_works(api, cast) -> None:
    extra = ["external_id", "metadata", "role_id", "node_id", "effective_from", "effective_to"]

    sent = assert_hostile_is_survived(api, "post", "identities", hostile_bodies(BOB, extra))
    for body in hostile_bodies(BOB, extra[:2]):
        wrapped = b'{"identities": [' + body + b"]}"
        sent += assert_hostile_is_survived(api, "post", "identities/bulk-create", [wrapped])
    sent += assert_hostile_is_survived(
        api, "post", "identities/bulk-create", hostile_bodies({"identities": [BOB]})
    )
    sent += assert_hostile_is_survived(
        api,
        "patch",
        f"identities/{cast.ada.pk}",
        hostile_bodies({}, ["first_name", "last_name", "is_active", *extra[:2]]),
    )
    for act in ("activate", "deactivate"):
        sent += assert_hostile_is_survived(
            api, "post", f"identities/{cast.ada.pk}/{act}", hostile_bodies({"a": 1})
        )

    assert sent > 600
    assert api.get(f"{IDENTITIES}?take=100").status_code == 200
    assert api.get(f"{IDENTITIES}/{cast.ada.pk}/detail").status_code == 200
    assert api.get(f"{V1}/assignments").status_code == 200
