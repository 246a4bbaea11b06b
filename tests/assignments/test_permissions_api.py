"""`/permissions`: the ritual, and what is particular to keys."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db.models.expressions import RawSQL

from assignments.models import Permission, Role
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
PERMISSIONS = f"{V1}/permissions"
VIEW, MANAGE = Scope.ROLES_VIEW, Scope.ROLES_MANAGE
FIELDS = {"id", "key", "name", "description", "category", "source", "created_at", "version"}
NEW = {"permissions": [{"key": "report.export"}]}


def routes_of(permission_id: object) -> list[Route]:
    """Every route of permissions."""
    return [
        Route("get", "permissions", VIEW),
        Route("post", "permissions", MANAGE, NEW),
        *(call(permission_id) for call in ROW_CALLS),
    ]


ROW_CALLS = [
    lambda pk: Route("get", f"permissions/{pk}", VIEW),
    lambda pk: Route("get", f"permissions/{pk}/usage", VIEW),
    lambda pk: Route("patch", f"permissions/{pk}", MANAGE, {"name": "X"}),
    lambda pk: Route("delete", f"permissions/{pk}", MANAGE),
]


def test_permissions_are_defined_listed_shown_changed_and_deleted(api, environment) -> None:
    told = {"key": "billing.invoice.approve", "description": "By hand", "name": "Approve"}
    created = api.post(
        PERMISSIONS, {"permissions": [told, {"key": "a.b_c-d"}]}, format="json"
    ).json()["items"]
    address = f"{PERMISSIONS}/{created[0]['id']}"
    shown = api.get(address)
    changed = api.patch(address, {"description": "", "category": "Money"}, format="json")
    deleted = api.delete(address)

    assert set(created[0]) == FIELDS
    assert {**created[0], "id": 0, "created_at": 0} == {
        **told, "id": 0, "created_at": 0, "category": "billing", "source": "custom", "version": 1,
    }  # fmt: skip
    assert created[1]["name"] == "B c d a"
    assert created[1]["description"] is None
    assert created[0]["created_at"].endswith("Z")
    assert shown.json() == created[0]
    assert shown["ETag"] == '"1"'
    assert changed.json() == {
        **created[0], "description": None, "category": "Money", "version": 2,
    }  # fmt: skip
    assert changed["ETag"] == '"2"'
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api.get(PERMISSIONS).json() == {"items": [created[1]]}
    error_of(api.get(address), 404, "permissions.not_found")


def test_permissions_are_written_in_one_order_and_told_in_the_one_given(api) -> None:
    keys = ["c.do", "a.do", "b.do"]

    told = api.post(PERMISSIONS, {"permissions": [{"key": key} for key in keys]}, format="json")

    # Two calls that wait for each other's keys would otherwise wait in a circle.
    written = Permission.objects.filter(key__in=keys).order_by(RawSQL("ctid", []))
    assert list(written.values_list("key", flat=True)) == sorted(keys)
    assert [row["key"] for row in told.json()["items"]] == keys


def test_the_answer_to_a_definition_is_201_in_the_order_given(api) -> None:
    keys = ["z.z", "a.a", "m.m"]

    answer = api.post(PERMISSIONS, {"permissions": [{"key": key} for key in keys]}, format="json")

    assert answer.status_code == 201
    assert [row["key"] for row in answer.json()["items"]] == keys
    assert [row["key"] for row in api.get(PERMISSIONS).json()["items"]] == sorted(keys)


def test_permissions_need_their_scopes(client_of, cast: Cast) -> None:
    assert_scope_is_needed(client_of, cast.environment, routes_of(cast.read.pk))


def test_permissions_of_another_environment_are_not_there(api, cast, make_environment) -> None:
    theirs = make_cast(make_environment()).read

    assert_foreign_is_like_random(api, ROW_CALLS, theirs.pk)

    assert Permission.objects.get(pk=theirs.pk).name == theirs.name
    assert str(theirs.pk) not in api.get(PERMISSIONS).content.decode()


@pytest.mark.parametrize("bad", ["x", "1", "%00", "ext:a", "invoice.read", "../roles"])
def test_what_is_no_id_is_not_there(api, bad) -> None:
    error_of(api.get(f"{PERMISSIONS}/{bad}"), 404)


def test_other_methods_are_refused(api, cast) -> None:
    assert_other_methods_are_refused(api, routes_of(cast.read.pk))


def test_what_is_unknown_is_named(api, cast) -> None:
    assert_unknown_is_refused(api, routes_of(cast.read.pk))

    assert Permission.objects.count() == 2


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({}, "key"),
        ({"key": "single"}, "key"),
        ({"key": "Invoice.read"}, "key"),
        ({"key": "invoice."}, "key"),
        ({"key": "invoice..read"}, "key"),
        ({"key": "invoice.réad"}, "key"),
        ({"key": "invoice.read\n"}, "key"),
        ({"key": f"a.{'b' * 150}"}, "key"),
        ({"key": 5}, "key"),
        ({"key": "a.b", "name": ""}, "name"),
        ({"key": "a.b", "name": "x" * 151}, "name"),
        ({"key": "a.b", "description": "x" * 501}, "description"),
        ({"key": "a.b", "category": "x" * 101}, "category"),
        ({"key": "a.b", "source": "system"}, "source"),
    ],
)
def test_a_wrong_field_is_named_with_its_row(api, row, field) -> None:
    answer = api.post(PERMISSIONS, {"permissions": [{"key": "fine.one"}, row]}, format="json")

    assert names_field(answer, f"permissions.1.{field}")
    assert not Permission.objects.exists()


@pytest.mark.parametrize("body", [{}, {"permissions": []}, {"permissions": {}}, {"permissions": 1}])
def test_a_definition_without_rows_is_refused(api, body) -> None:
    assert names_field(api.post(PERMISSIONS, body, format="json"), "permissions")


def test_more_than_a_thousand_permissions_are_too_many(api) -> None:
    rows = [{"key": f"a.b{n}"} for n in range(1_001)]

    assert names_field(api.post(PERMISSIONS, {"permissions": rows}, format="json"), "permissions")
    assert api.post(PERMISSIONS, {"permissions": rows[1:]}, format="json").status_code == 201


def test_a_key_that_exists_refuses_all(api, cast) -> None:
    rows = [{"key": "fresh.one"}, {"key": "invoice.read"}]

    error = error_of(
        api.post(PERMISSIONS, {"permissions": rows}, format="json"), 409, "permissions.key_taken"
    )

    assert error["details"] == ["permissions: invoice.read exists"]
    assert not Permission.objects.filter(key="fresh.one").exists()


def test_a_key_that_stands_twice_refuses_all(api) -> None:
    rows = [{"key": "fresh.one"}, {"key": "fresh.one"}]

    answer = api.post(PERMISSIONS, {"permissions": rows}, format="json")

    error_of(answer, 400, "permissions.key_repeated")
    assert not Permission.objects.exists()


def test_the_same_key_is_free_in_another_environment(
    api, cast, client_of, make_environment
) -> None:
    other = client_of(make_environment())

    answer = other.post(PERMISSIONS, {"permissions": [{"key": "invoice.read"}]}, format="json")

    assert answer.status_code == 201


def test_the_longest_key_suggests_a_name_and_a_category_that_fit(api) -> None:
    key = f"{'a' * 148}.b"

    row = api.post(PERMISSIONS, {"permissions": [{"key": key}]}, format="json").json()["items"][0]

    assert row["key"] == key
    assert row["category"] == "a" * 100
    assert row["name"] == f"B {'a' * 148}"


@pytest.mark.parametrize("field", ["key", "id", "source", "version"])
def test_what_never_changes_is_refused(api, cast, field) -> None:
    answer = api.patch(f"{PERMISSIONS}/{cast.read.pk}", {field: "a.b"}, format="json")

    assert names_field(answer, field)


@pytest.mark.parametrize("send", ["patch", "delete"])
@pytest.mark.parametrize("header", ['"7"', "7"])
def test_a_stale_version_is_answered_with_the_row_as_it_is(api, cast, send, header) -> None:
    address = f"{PERMISSIONS}/{cast.read.pk}"

    answer = getattr(api, send)(
        address, {"name": "X"} if send == "patch" else None, format="json", HTTP_IF_MATCH=header
    )

    assert error_of(answer, 409, "version_conflict")["data"] == api.get(address).json()


def test_the_version_that_was_read_is_taken_quoted_or_bare(api, cast) -> None:
    address = f"{PERMISSIONS}/{cast.read.pk}"

    first = api.patch(address, {"name": "A"}, format="json", HTTP_IF_MATCH='"1"')
    second = api.patch(address, {"name": "B"}, format="json", HTTP_IF_MATCH="2")
    same = api.patch(address, {"name": "B"}, format="json", HTTP_IF_MATCH="3")
    wrong = api.patch(address, {"name": "C"}, format="json", HTTP_IF_MATCH="W/3")

    assert [answer.status_code for answer in (first, second, same)] == [200, 200, 200]
    assert same.json()["version"] == 3
    assert names_field(wrong, "If-Match")


def test_deleting_a_permission_takes_it_out_of_every_role(api, cast) -> None:
    cast.give()
    question = {
        "identity_id": str(cast.ada.pk),
        "permission": "invoice.read",
        "scope": "node",
        "node_id": str(cast.room.pk),
    }
    assert api.post(f"{PERMISSIONS}/evaluate", question, format="json").json()["allowed"]

    api.delete(f"{PERMISSIONS}/{cast.read.pk}")

    carried = api.get(f"{V1}/roles/{cast.writer.pk}/permissions").json()["items"]
    denied = api.post(f"{PERMISSIONS}/evaluate", question, format="json").json()
    assert carried == ["invoice.write"]
    assert denied["denial_reason"] == "permission_not_found"


def test_the_use_of_a_permission_is_told(api, cast) -> None:
    cast.give()
    cast.give(node=cast.room)
    cast.give(cast.writer)
    cast.give(cast.writer, identity=cast.person("bob"), start=moment(3))
    cast.give(cast.writer, identity=cast.person("eve"), start=moment(-3), end=moment(-1))
    api.patch(f"{V1}/roles/{cast.reader.pk}", {"is_active": False}, format="json")
    gone = api.post(
        f"{V1}/roles", {"name": "Gone", "permission_keys": ["invoice.read"]}, format="json"
    ).json()
    cast.give(Role.objects.get(pk=gone["id"]), identity=cast.person("kim"))
    api.delete(f"{V1}/roles/{gone['id']}?cascade=true")

    told = {
        key.key: api.get(f"{PERMISSIONS}/{key.pk}/usage").json() for key in (cast.read, cast.write)
    }
    planned = api.delete(f"{PERMISSIONS}/{cast.read.pk}?dry_run=true").json()["results"][0]

    reader = {"id": str(cast.reader.pk), "name": "Reader", "member_count": 1}
    writer = {"id": str(cast.writer.pk), "name": "Writer", "member_count": 2}
    assert told == {
        "invoice.read": {"roles": [reader, writer], "role_count": 2, "identity_count": 2},
        "invoice.write": {"roles": [writer], "role_count": 1, "identity_count": 2},
    }
    assert planned["data"] == {"role_count": 2, "identity_count": 2}
    assert planned["code"] == 204
    assert Permission.objects.count() == 2


def test_a_permission_that_nothing_carries_is_used_by_nobody(api) -> None:
    row = api.post(PERMISSIONS, NEW, format="json").json()["items"][0]

    told = api.get(f"{PERMISSIONS}/{row['id']}/usage").json()

    assert told == {"roles": [], "role_count": 0, "identity_count": 0}


def test_the_use_takes_as_many_statements_for_30_roles_as_for_3(api, cast) -> None:
    address = f"{PERMISSIONS}/{cast.read.pk}/usage"
    api.get(address)
    counts = []
    for total in (3, 30):
        for n in range(total):
            role = {"name": f"Role {total} {n}", "permission_keys": ["invoice.read"]}
            api.post(f"{V1}/roles", role, format="json")
        counts.append(statements_of(lambda: api.get(address)))

    assert counts == [4, 4]


def test_hostile_bodies_are_refused_and_the_list_still_works(api, cast) -> None:
    row = {"key": "hostile.row", "name": "n", "description": "d", "category": "c"}

    sent = assert_hostile_is_survived(
        api, "post", "permissions", hostile_bodies({"permissions": [row]})
    )
    for body in hostile_bodies(row):
        answer = api.generic(
            "POST", PERMISSIONS, b'{"permissions": [' + body + b"]}", "application/json"
        )
        assert answer.status_code < 500, body[:200]
    address = f"permissions/{cast.read.pk}"
    sent += assert_hostile_is_survived(
        api, "patch", address, hostile_bodies({"name": "n"}, ["description", "category"])
    )

    assert sent > 100
    assert api.get(PERMISSIONS).status_code == 200
    wrong = api.generic("POST", PERMISSIONS, "{}", "application/json; charset=latin-1")
    error_of(wrong, 415)


def test_the_list_takes_as_many_statements_for_30_rows_as_for_3(api) -> None:
    api.get(PERMISSIONS)
    counts = []
    for total in (3, 30):
        rows = [{"key": f"a{total}.b{n}"} for n in range(total)]
        api.post(PERMISSIONS, {"permissions": rows}, format="json")
        counts.append(statements_of(lambda: api.get(PERMISSIONS)))

    assert counts == [2, 2]


def test_an_unknown_permission_has_no_version_to_compare(api) -> None:
    answer = api.delete(f"{PERMISSIONS}/{uuid4()}", HTTP_IF_MATCH='"1"')

    error_of(answer, 404, "permissions.not_found")
