"""`/identities/with-roles`, `/summary` and `/grants`: identities by what they hold."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from assignments.models import Role
from common.refs import Ref
from hierarchy.models import Node
from hierarchy.services.nodes import create_node
from identities.models import Identity
from tests.assignments.cast import ME, Cast, make_cast, moment, text
from tests.identities.people import FIELDS, IDENTITIES, invite
from tests.rituals import V1, error_of, names_field, statements_of

pytestmark = pytest.mark.django_db


def names(api: Any, query: str = "") -> list[str]:
    """Who is listed with roles, by first name."""
    answer = api.get(f"{IDENTITIES}/with-roles?sort_by=name&{query}")
    assert answer.status_code == 200, answer.content
    return [row["first_name"] for row in answer.json()["items"]]


def roles_of(api: Any, first_name: str) -> list[str]:
    """The names of the roles that someone is listed with."""
    rows = api.get(f"{IDENTITIES}/with-roles?take=100").json()["items"]
    [row] = [row for row in rows if row["first_name"] == first_name]
    return [role["name"] for role in row["roles"]]


@pytest.fixture
def people(cast: Cast) -> Cast:
    """Ada reads and writes, Bob will read, Carol did, Dan never held anything."""
    bob, carol = cast.person("bob"), cast.person("carol")
    cast.person("dan")
    cast.give()
    cast.give(cast.writer, cast.room, end=moment(2))
    cast.give(identity=bob, start=moment(1))
    cast.give(identity=carol, start=moment(-2), end=moment(-1))
    return cast


def test_a_row_is_an_identity_with_its_live_roles(api, people) -> None:
    end = people.ada.assignments.get(role=people.writer).effective_to

    answer = api.get(f"{IDENTITIES}/with-roles?q=ada").json()

    [row] = answer["items"]
    assert set(answer) == {"items", "pagination"}
    assert set(row) == FIELDS | {"roles"}
    assert {name: row[name] for name in FIELDS} == api.get(f"{IDENTITIES}/ext:ada-1").json()
    assert [set(role) - {"state"} for role in row["roles"]] == 2 * [
        {
            "assignment_id",
            "id",
            "name",
            "node_id",
            "node_name",
            "effective_from",
            "effective_to",
        }
    ]
    assert [(role["name"], role["node_name"], role["effective_to"]) for role in row["roles"]] == [
        ("Reader", "Site", None),
        ("Writer", "Room", text(end)),
    ]
    assert row["roles"] == api.get(f"{IDENTITIES}/ext:ada-1/detail").json()["roles"]


def test_the_list_is_narrowed_by_what_is_held(api, people) -> None:
    assert names(api) == ["Ada", "Bob", "Carol", "Dan"]
    assert names(api, f"role_id={people.reader.pk}") == ["Ada", "Bob"]
    assert names(api, f"role_id={people.writer.pk}") == ["Ada"]
    assert names(api, f"role_id={uuid4()}") == []
    assert names(api, "no_assignment=true") == ["Carol", "Dan"]
    assert names(api, "no_assignment=false") == ["Ada", "Bob", "Carol", "Dan"]
    assert names(api, "no_assignment=true&q=dan") == ["Dan"]
    assert names(api, f"role_id={people.reader.pk}&order=desc&take=1") == ["Bob"]
    assert names(api, f"role_id={people.reader.pk}&take=1&page=2") == ["Bob"]
    assert roles_of(api, "Carol") == []


def test_a_role_that_is_revoked_is_not_listed(api, people) -> None:
    for row in people.ada.assignments.all():
        api.delete(f"{V1}/assignments/{row.pk}")

    assert roles_of(api, "Ada") == []
    assert names(api, "no_assignment=true") == ["Ada", "Carol", "Dan"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("role_id=x", "role_id"),
        ("role_id=", "role_id"),
        ("role_id=%00", "role_id"),
        ("role_id=ext:a", "role_id"),
        ("no_assignment=1", "no_assignment"),
        ("no_assignment=", "no_assignment"),
        (f"role_id={UUID(int=1)}&no_assignment=true", "no_assignment"),
        (f"role_id={UUID(int=1)}&no_assignment=false", "no_assignment"),
        ("q=%ED%A0%80x%00", "q"),
        ("take=101", "take"),
        ("page=0", "page"),
        ("sort_by=role", "sort_by"),
        ("status=removed", "status"),
        ("node_id=x", "node_id"),
    ],
)
def test_a_wrong_parameter_is_named(api, query, field) -> None:
    assert names_field(api.get(f"{IDENTITIES}/with-roles?{query}"), field)


def test_roles_of_another_environment_are_like_none(api, people, make_environment) -> None:
    other = make_cast(make_environment())
    other.give()

    assert names(api, f"role_id={other.reader.pk}") == []
    assert "Ada" in names(api)
    assert str(other.ada.pk) not in api.get(f"{IDENTITIES}/with-roles").content.decode()


def test_the_summary_counts_live_assignments_only(api, people, make_environment) -> None:
    make_cast(make_environment()).give()
    gone = people.person("gone")
    people.give(identity=gone)
    api.delete(f"{IDENTITIES}/{gone.pk}")

    assert api.get(f"{IDENTITIES}/summary").json() == {
        "total_identities": 4,
        "assigned_count": 2,
        "unassigned_count": 2,
    }


def test_an_empty_environment_is_counted_too(api) -> None:
    assert api.get(f"{IDENTITIES}/summary").json() == {
        "total_identities": 0,
        "assigned_count": 0,
        "unassigned_count": 0,
    }


def grants(api: Any, identity: object) -> dict[str, list[str]]:
    """What is granted, by permission."""
    answer = api.get(f"{IDENTITIES}/{identity}/grants")
    assert answer.status_code == 200, answer.content
    items = answer.json()["items"]
    assert [set(item) for item in items] == [{"permission", "node_ids"}] * len(items)
    assert [item["permission"] for item in items] == sorted(item["permission"] for item in items)
    for item in items:
        assert item["node_ids"] == sorted(set(item["node_ids"]))
    return {item["permission"]: item["node_ids"] for item in items}


def test_grants_tell_the_places_of_each_permission(api, people) -> None:
    site, room = str(people.site.pk), str(people.room.pk)
    # A second way to the same place tells it once.
    people.give(people.writer, people.site)

    assert grants(api, "ext:ada-1") == {
        "invoice.read": sorted([site, room]),
        "invoice.write": sorted([site, room]),
    }
    assert grants(api, "email:bob@example.org") == {}
    assert grants(api, "email:carol@example.org") == {}


@pytest.mark.parametrize("obstacle", ["identity", "role", "place", "above"])
def test_grants_leave_out_what_is_not_effective(api, cast, obstacle) -> None:
    cast.give(node=cast.room)
    assert set(grants(api, cast.ada.pk)) == {"invoice.read"}

    match obstacle:
        case "identity":
            Identity.objects.filter(pk=cast.ada.pk).update(status="inactive")
        case "role":
            Role.objects.filter(pk=cast.reader.pk).update(is_active=False)
        case "place":
            Node.objects.filter(pk=cast.room.pk).update(status="inactive")
        case "above":
            Node.objects.filter(pk=cast.site.pk).update(status="inactive")

    assert grants(api, cast.ada.pk) == {}
    assert api.get(f"{IDENTITIES}/{cast.ada.pk}/permissions").json() == {"items": []}


def test_grants_permissions_and_evaluate_never_disagree(api, people) -> None:
    annex = create_node(
        actor=ME, environment=people.environment, parent=Ref.of(people.site.pk), name="Annex"
    )
    Node.objects.filter(pk=annex.pk).update(status="inactive")
    people.give(people.writer, annex)
    dan = Identity.objects.get(email="dan@example.org")
    people.give(identity=dan, node=annex)
    invited = people.person("eve")
    people.give(identity=invited)
    invite(invited)

    for row in Identity.objects.in_environment(people.environment):
        granted = grants(api, row.pk)
        assert list(granted) == api.get(f"{IDENTITIES}/{row.pk}/permissions").json()["items"]
        for key in ("invoice.read", "invoice.write"):
            asked = {"identity_id": str(row.pk), "permission": key, "scope": "app_wide"}
            answer = api.post(f"{V1}/permissions/evaluate", asked, format="json").json()
            assert answer["allowed"] == (key in granted)
            for node_id in granted.get(key, []):
                here = {**asked, "scope": "node", "node_id": node_id}
                told = api.post(f"{V1}/permissions/evaluate", here, format="json").json()
                assert (told["allowed"], told["effective_node_id"]) == (True, node_id)


def test_nobody_has_no_grants(api, cast, make_environment) -> None:
    other = make_cast(make_environment())

    for who in (other.ada.pk, uuid4(), "ext:nobody", "email:nobody@example.org"):
        error_of(api.get(f"{IDENTITIES}/{who}/grants"), 404, "identities.not_found")


def test_each_takes_as_many_statements_for_30_rows_as_for_3(api, cast) -> None:
    api.get(IDENTITIES)
    counts = []
    for total in (3, 30):
        for n in range(total):
            someone = cast.person(f"p{total}-{n}")
            cast.give(identity=someone)
            cast.give(cast.writer, identity=someone)
            cast.give(start=moment(total * 100 + n), end=moment(total * 100 + n + 1))
        counts.append(
            [
                statements_of(partial(api.get, f"{IDENTITIES}/{path}"))
                for path in (
                    "with-roles?take=100",
                    f"with-roles?take=100&role_id={cast.reader.pk}",
                    "with-roles?no_assignment=true",
                    "summary",
                    f"{cast.ada.pk}/grants",
                )
            ]
        )

    assert counts[0] == counts[1] == [4, 4, 3, 2, 3]
