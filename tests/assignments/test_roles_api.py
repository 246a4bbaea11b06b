"""`/roles` and what they carry: the ritual, and what a role in use or switched off means."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from assignments.models import Assignment, Role
from environments.scopes import Scope
from tests.assignments.cast import Cast, make_cast, moment
from tests.rituals import (
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
    statements_of,
)

pytestmark = pytest.mark.django_db
ROLES = f"{V1}/roles"
VIEW, MANAGE = Scope.ROLES_VIEW, Scope.ROLES_MANAGE
KEYS = {"permission_keys": ["invoice.read"]}
ROW_CALLS = [
    lambda pk: Route("get", f"roles/{pk}", VIEW),
    lambda pk: Route("patch", f"roles/{pk}", MANAGE, {"name": "X"}),
    lambda pk: Route("delete", f"roles/{pk}", MANAGE),
    lambda pk: Route("get", f"roles/{pk}/permissions", VIEW),
    lambda pk: Route("put", f"roles/{pk}/permissions", MANAGE, KEYS),
    lambda pk: Route("post", f"roles/{pk}/permissions", MANAGE, KEYS),
    lambda pk: Route("delete", f"roles/{pk}/permissions", MANAGE, KEYS),
]


def routes_of(role_id: object) -> list[Route]:
    """Every route of roles."""
    return [
        Route("get", "roles", VIEW),
        Route("post", "roles", MANAGE, {"name": "New"}),
        *(call(role_id) for call in ROW_CALLS),
    ]


def may_read(api: Any, cast: Cast) -> bool:
    """Whether Ada may read invoices in the room."""
    question = {
        "identity_id": str(cast.ada.pk),
        "permission": "invoice.read",
        "scope": "node",
        "node_id": str(cast.room.pk),
    }
    allowed: bool = api.post(f"{V1}/permissions/evaluate", question, format="json").json()[
        "allowed"
    ]
    return allowed


def test_a_role_is_made_listed_shown_changed_and_deleted(api, cast) -> None:
    body = {"name": "Clerk", "description": "Counts", "permission_keys": ["invoice.read"] * 2}

    created = api.post(ROLES, body, format="json")
    row = created.json()
    address = f"{ROLES}/{row['id']}"
    shown = api.get(address)
    changed = api.patch(address, {"name": "Teller", "description": ""}, format="json")
    listed = api.get(ROLES).json()["items"]
    deleted = api.delete(address)

    assert created.status_code == 201
    assert created["ETag"] == shown["ETag"] == '"1"'
    assert {**row, "id": 0, "created_at": 0, "updated_at": 0} == {
        "id": 0,
        "name": "Clerk",
        "description": "Counts",
        "is_active": True,
        "is_system_role": False,
        "created_at": 0,
        "updated_at": 0,
        "version": 1,
        "permission_count": 1,
        "member_count": 0,
    }
    assert shown.json() == row
    assert (changed.json()["name"], changed.json()["description"]) == ("Teller", None)
    assert (changed.json()["version"], changed["ETag"]) == (2, '"2"')
    assert changed.json()["updated_at"] > row["updated_at"]
    assert [role["name"] for role in listed] == ["Reader", "Teller", "Writer"]
    assert (deleted.status_code, deleted.content) == (204, b"")
    error_of(api.get(address), 404, "roles.not_found")
    error_of(api.delete(address), 404, "roles.not_found")
    assert api.post(ROLES, {"name": "Teller"}, format="json").status_code == 201


def test_roles_need_their_scopes(client_of, cast: Cast) -> None:
    assert_scope_is_needed(client_of, cast.environment, routes_of(cast.reader.pk))


def test_roles_of_another_environment_are_not_there(api, cast, make_environment) -> None:
    theirs = make_cast(make_environment()).reader

    assert_foreign_is_like_random(api, ROW_CALLS, theirs.pk)

    assert Role.objects.get(pk=theirs.pk).name == "Reader"
    assert str(theirs.pk) not in api.get(ROLES).content.decode()


@pytest.mark.parametrize("bad", ["x", "1", "%00", "Reader", "x/permissions"])
def test_what_is_no_id_is_not_there(api, bad) -> None:
    error_of(api.get(f"{ROLES}/{bad}"), 404)


def test_other_methods_are_refused(api, cast) -> None:
    assert_other_methods_are_refused(api, routes_of(cast.reader.pk))


def test_what_is_unknown_is_named(api, cast) -> None:
    assert_unknown_is_refused(api, routes_of(cast.reader.pk))

    assert Role.objects.filter(deleted_at=None, version=1).count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "X", "description": "x" * 501}, "description"),
        ({"name": "X", "permission_keys": "invoice.read"}, "permission_keys"),
        ({"name": "X", "permission_keys": ["READ"]}, "permission_keys.0"),
        ({"name": "X", "permission_keys": [None]}, "permission_keys.0"),
        ({"name": "X", "is_system_role": True}, "is_system_role"),
        ({"name": "X", "version": 1}, "version"),
    ],
)
def test_a_wrong_field_is_named(api, cast, body, field) -> None:
    assert names_field(api.post(ROLES, body, format="json"), field)
    assert Role.objects.count() == 2


@pytest.mark.parametrize("is_active", ["true", 1, None, "yes"])
def test_a_flag_is_true_or_false(api, cast, is_active) -> None:
    answer = api.patch(f"{ROLES}/{cast.reader.pk}", {"is_active": is_active}, format="json")

    assert names_field(answer, "is_active")


@pytest.mark.parametrize("value", ["1", "True", "yes", ""])
def test_the_lists_flag_is_true_or_false(api, cast, value) -> None:
    assert names_field(api.get(f"{ROLES}?include_inactive={value}"), "include_inactive")
    assert names_field(api.delete(f"{ROLES}/{cast.reader.pk}?cascade={value}"), "cascade")


@pytest.mark.parametrize("name", ["Reader", "READER", " reader "])
def test_a_name_is_taken_in_any_case(api, cast, name) -> None:
    created = api.post(ROLES, {"name": name}, format="json")
    renamed = api.patch(f"{ROLES}/{cast.writer.pk}", {"name": name}, format="json")

    assert error_of(created, 409, "roles.name_taken")["details"] == ["name: is taken"]
    error_of(renamed, 409, "roles.name_taken")
    assert api.get(f"{ROLES}/{cast.writer.pk}").json()["version"] == 1


def test_an_unknown_key_is_named_and_nothing_is_made(api, cast) -> None:
    body = {"name": "X", "permission_keys": ["invoice.read", "no.such"]}

    error = error_of(api.post(ROLES, body, format="json"), 404, "permissions.not_found")

    assert error["details"] == ["permission_keys: no.such does not exist"]
    assert not Role.objects.filter(name="X").exists()


def test_a_key_of_another_environment_is_unknown(api, cast, client_of, make_environment) -> None:
    other = make_environment()
    body = {"name": "X", "permission_keys": ["invoice.read"]}

    error_of(client_of(other).post(ROLES, body, format="json"), 404, "permissions.not_found")


@pytest.mark.parametrize(
    ("call", "name"), [(1, "patch"), (2, "delete"), (4, "put"), (5, "post"), (6, "delete")]
)
def test_a_stale_version_is_answered_with_the_role_as_it_is(api, cast, call, name) -> None:
    route = ROW_CALLS[call](cast.reader.pk)
    assert route.method == name

    answer = route.call(api, HTTP_IF_MATCH='"9"')

    now = api.get(f"{ROLES}/{cast.reader.pk}").json()
    assert error_of(answer, 409, "version_conflict")["data"] == now
    assert now["version"] == 1


def test_what_a_role_carries_is_replaced_added_to_and_taken_from(api, cast) -> None:
    address = f"{ROLES}/{cast.reader.pk}/permissions"

    def carried() -> tuple[list[str], str]:
        answer = api.get(address)
        assert set(answer.json()) == {"items"}
        return answer.json()["items"], answer["ETag"]

    assert carried() == (["invoice.read"], '"1"')
    put = api.put(address, {"permission_keys": ["invoice.write"]}, format="json")
    assert (put.status_code, list(put.json()), put["ETag"]) == (200, ["message"], '"2"')
    assert carried() == (["invoice.write"], '"2"')
    api.post(address, {"permission_keys": ["invoice.read", "invoice.write"]}, format="json")
    assert carried() == (["invoice.read", "invoice.write"], '"3"')
    api.delete(address, {"permission_keys": ["invoice.write"]}, format="json")
    assert carried() == (["invoice.read"], '"4"')
    same = api.put(address, {"permission_keys": ["invoice.read"]}, format="json")
    assert same["ETag"] == '"4"'
    api.put(address, {"permission_keys": []}, format="json")
    assert carried() == ([], '"5"')


@pytest.mark.parametrize("send", ["put", "post", "delete"])
def test_an_unknown_key_changes_nothing(api, cast, send) -> None:
    address = f"{ROLES}/{cast.reader.pk}/permissions"
    body = {"permission_keys": ["invoice.write", "no.such"]}

    answer = getattr(api, send)(address, body, format="json")

    error_of(answer, 404, "permissions.not_found")
    assert api.get(address).json()["items"] == ["invoice.read"]


def test_an_edit_of_what_a_role_carries_holds_for_its_assignments_at_once(api, cast) -> None:
    cast.give()
    address = f"{ROLES}/{cast.reader.pk}/permissions"
    assert may_read(api, cast)

    api.put(address, {"permission_keys": ["invoice.write"]}, format="json")
    assert not may_read(api, cast)

    api.post(address, {"permission_keys": ["invoice.read"]}, format="json")
    assert may_read(api, cast)


def test_an_inactive_role_grants_nothing_and_cannot_be_newly_assigned(api, cast) -> None:
    given = cast.give()
    address = f"{ROLES}/{cast.reader.pk}"
    assert may_read(api, cast)

    switched = api.patch(address, {"is_active": False}, format="json")

    assert switched.json()["is_active"] is False
    assert not may_read(api, cast)
    again = api.post(f"{V1}/assignments", cast.body(node_id=str(cast.root.pk)), format="json")
    assert error_of(again, 400, "assignments.role_inactive")["details"] == ["role_id: is inactive"]
    cast.give(cast.writer, cast.room)
    row = Assignment.objects.get(role=cast.writer)
    moved = api.patch(f"{V1}/assignments/{row.pk}", {"role_id": str(cast.reader.pk)}, format="json")
    error_of(moved, 400, "assignments.role_inactive")
    kept = api.patch(
        f"{V1}/assignments/{given.pk}", {"effective_to": "2999-01-01T00:00:00Z"}, format="json"
    )
    assert kept.status_code == 200
    assert [role["name"] for role in api.get(ROLES).json()["items"]] == ["Writer"]
    with_inactive = api.get(f"{ROLES}?include_inactive=true").json()["items"]
    assert [role["name"] for role in with_inactive] == ["Reader", "Writer"]
    api.patch(address, {"is_active": True}, format="json")
    assert may_read(api, cast)


def test_a_role_with_live_assignments_stays_unless_they_go_with_it(api, cast) -> None:
    cast.give()
    cast.give(start=moment(9), node=cast.room)
    cast.give(end=moment(-1), start=moment(-2))
    address = f"{ROLES}/{cast.reader.pk}"

    refused = error_of(api.delete(address), 409, "roles.in_use")

    assert refused["data"] == {"assignment_count": 2}
    assert "2 live assignments" in refused["message"]
    assert may_read(api, cast)

    deleted = api.delete(f"{address}?cascade=true")

    assert deleted.status_code == 204
    assert not may_read(api, cast)
    assert Assignment.objects.filter(role=cast.reader, revoked_at=None).count() == 1
    assert Assignment.objects.filter(role=cast.reader).count() == 3
    error_of(api.get(address), 404)
    new = api.post(f"{V1}/assignments", cast.body(), format="json")
    error_of(new, 404, "assignments.role_not_found")


def test_a_role_whose_assignments_are_over_goes_without_more_ado(api, cast) -> None:
    cast.give(end=moment(-1), start=moment(-2))

    assert api.delete(f"{ROLES}/{cast.reader.pk}").status_code == 204


def test_members_are_counted_once_and_only_by_live_assignments(api, cast) -> None:
    cast.give()
    cast.give(node=cast.room, start=moment(3))
    cast.give(identity=cast.person("bob"), start=moment(-2), end=moment(-1))

    row = api.get(f"{ROLES}/{cast.reader.pk}").json()

    assert (row["member_count"], row["permission_count"]) == (1, 1)


def test_hostile_bodies_are_refused_and_the_list_still_works(api, cast) -> None:
    full = {"name": "n", "description": "d", "permission_keys": ["invoice.read"]}
    address = f"roles/{cast.reader.pk}"

    sent = assert_hostile_is_survived(api, "post", "roles", hostile_bodies(full))
    sent += assert_hostile_is_survived(
        api, "patch", address, hostile_bodies({"name": "n"}, ["description", "is_active"])
    )
    for method in ("put", "post", "delete"):
        sent += assert_hostile_is_survived(
            api, method, f"{address}/permissions", hostile_bodies(KEYS)
        )

    assert sent > 200
    assert api.get(f"{ROLES}?include_inactive=true").status_code == 200
    assert api.get(f"{V1}/{address}/permissions").status_code == 200


def test_the_list_takes_as_many_statements_for_30_rows_as_for_3(api, cast) -> None:
    api.get(ROLES)
    counts = []
    for total in (3, 30):
        for n in range(total):
            api.post(ROLES, {"name": f"Role {total} {n}", **KEYS}, format="json")
        counts.append(statements_of(lambda: api.get(ROLES)))

    assert counts == [2, 2]


def test_an_unknown_role_has_no_permissions(api) -> None:
    error_of(api.get(f"{ROLES}/{uuid4()}/permissions"), 404, "roles.not_found")
