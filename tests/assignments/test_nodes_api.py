"""The lists of who holds what: `/nodes/{id}/identities`, `/assignments`, `/identities/{id}/assignments`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from assignments.models import Assignment
from assignments.services.assign import NewAssignment, assign_roles
from common.refs import Ref
from environments.scopes import Scope
from identities.services.identities import NewIdentity, create_identities
from tests.assignments.cast import DAY, ME, Cast, make_cast, moment
from tests.rituals import (
    V1,
    Route,
    assert_foreign_is_like_random,
    assert_other_methods_are_refused,
    assert_scope_is_needed,
    assert_unknown_is_refused,
    error_of,
    names_field,
    said,
    statements_of,
)

pytestmark = pytest.mark.django_db
VIEW = Scope.ASSIGNMENTS_VIEW
SORTS = ["name", "role", "access_type", "created_at"]


def lists_of(cast: Cast) -> list[str]:
    """Every list of assignments."""
    return [
        f"nodes/{cast.room.pk}/identities",
        "assignments",
        "assignments/app-wide",
        f"identities/{cast.ada.pk}/assignments",
    ]


def routes_of(cast: Cast) -> list[Route]:
    """Every list as a route."""
    return [Route("get", path, VIEW) for path in lists_of(cast)]


@pytest.fixture
def crowd(cast: Cast) -> Cast:
    """Ada reads at the site, writes in the room, and will read at the root; bob once wrote at the site."""
    cast.give()
    cast.give(cast.writer, cast.room)
    cast.give(node=cast.root, start=moment(3))
    bob = cast.person("bob")
    cast.give(cast.writer, identity=bob, start=moment(-9), end=moment(-1))
    return cast


def items(api: Any, path: str) -> list[dict[str, Any]]:
    """The rows of a list."""
    answer = api.get(f"{V1}/{path}")
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["items"]
    return rows


def brief(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, str, str]]:
    """Who, what, where, how and when of rows."""
    return [
        (
            row["identity"]["first_name"],
            row["role"]["name"],
            row["assignment"]["source_node_name"],
            row["assignment"]["access_type"],
            row["assignment"]["status"],
        )
        for row in rows
    ]


def test_a_row_has_the_identity_the_role_and_the_assignment(api, cast) -> None:
    start, end = moment(-1), moment(1)
    given = cast.give(start=start, end=end)

    for path in lists_of(cast):
        [row] = items(api, path)
        assert row == {
            "identity": {
                "id": str(cast.ada.pk),
                "first_name": "Ada",
                "last_name": "Lovelace",
                "name": "Ada Lovelace",
                "email": "ada@example.org",
            },
            "role": {"id": str(cast.reader.pk), "name": "Reader"},
            "assignment": {
                "id": str(given.pk),
                "source_node_id": str(cast.site.pk),
                "source_node_name": "Site",
                "access_type": "inherited" if path.startswith("nodes") else "direct",
                "effective_from": start.isoformat().replace("+00:00", "Z"),
                "effective_to": end.isoformat().replace("+00:00", "Z"),
                "status": "active",
                "created_at": row["assignment"]["created_at"],
            },
        }
        assert row["assignment"]["created_at"].endswith("Z")


def test_an_empty_list_has_no_pages(api, cast) -> None:
    for path in lists_of(cast):
        assert api.get(f"{V1}/{path}").json() == {
            "items": [],
            "pagination": {
                "page": 1,
                "take": 20,
                "item_count": 0,
                "page_count": 0,
                "has_previous_page": False,
                "has_next_page": False,
            },
        }


def test_a_node_lists_what_is_held_there_and_above(api, crowd) -> None:
    room = brief(items(api, f"nodes/{crowd.room.pk}/identities?sort_by=role"))
    site = brief(items(api, "nodes/ext:site-1/identities?sort_by=role"))
    root = brief(items(api, f"nodes/{crowd.root.pk}/identities"))

    assert sorted(room) == [
        ("Ada", "Reader", crowd.root.name, "inherited", "scheduled"),
        ("Ada", "Reader", "Site", "inherited", "active"),
        ("Ada", "Writer", "Room", "direct", "active"),
        ("Bob", "Writer", "Site", "inherited", "expired"),
    ]
    assert sorted(row[2:4] for row in site) == [
        (crowd.root.name, "inherited"), ("Site", "direct"), ("Site", "direct"),
    ]  # fmt: skip
    assert [row[3:] for row in root] == [("direct", "scheduled")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("access_type=direct", ["Writer Room"]),
        ("access_type=inherited&status=active", ["Reader Site"]),
        ("status=scheduled", ["Reader root"]),
        ("status=expired", ["Writer Site"]),
        ("status=revoked", []),
        ("source_node_id=ext:site-1", ["Reader Site", "Writer Site"]),
        ("role_id={writer}", ["Writer Room", "Writer Site"]),
        ("role_id={writer}&source_node_id={site}&status=expired&access_type=inherited", ["Writer Site"]),
        ("role_id={writer}&status=scheduled", []),
        ("q=bob", ["Writer Site"]),
        ("q=LOVELACE&role_id={writer}", ["Writer Room"]),
        ("q=room", ["Writer Room"]),
        ("q=%25", []),
        ("q=_", []),
    ],
)  # fmt: skip
def test_a_nodes_list_is_narrowed(api, crowd, query, expected) -> None:
    query = query.format(writer=crowd.writer.pk, site=crowd.site.pk)

    rows = brief(items(api, f"nodes/{crowd.room.pk}/identities?{query}"))

    names = {crowd.root.name: "root"}
    assert sorted(f"{row[1]} {names.get(row[2], row[2])}" for row in rows) == expected


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 4),
        ("identity_id=email:bob@example.org", 1),
        ("identity_id=ext:ada-1", 3),
        ("node_id=ext:site-1", 2),
        ("source_node_id=ext:site-1", 2),
        ("subtree=ext:site-1", 3),
        ("subtree=ext:site-1&node_id=ext:site-1&identity_id=ext:ada-1", 1),
        ("subtree={root}", 4),
        ("subtree={room}&status=active", 1),
        ("role_id={reader}", 2),
        ("role_id={unknown}", 0),
    ],
)
@pytest.mark.parametrize("path", ["assignments", "assignments/app-wide"])
def test_the_environments_list_is_narrowed(api, crowd, path, query, count) -> None:
    named = {"root": crowd.root.pk, "room": crowd.room.pk, "reader": crowd.reader.pk}

    rows = items(api, f"{path}?{query.format(**named, unknown=uuid4())}")

    assert len(rows) == count


def test_revoked_rows_show_only_when_asked_for(api, cast) -> None:
    row = cast.give()
    api.delete(f"{V1}/assignments/{row.pk}")

    for path in lists_of(cast):
        assert items(api, path) == []
        assert brief(items(api, f"{path}?status=revoked"))[0][4] == "revoked"


@pytest.mark.parametrize(("sort", "order"), list(product(SORTS, ["asc", "desc"])))
def test_every_list_is_sorted_by_every_column_both_ways(api, crowd, sort, order) -> None:
    keys: dict[str, Callable[[dict[str, Any]], str]] = {
        "name": lambda row: row["identity"]["name"],
        "role": lambda row: row["role"]["name"],
        "access_type": lambda row: row["assignment"]["access_type"],
        "created_at": lambda row: row["assignment"]["created_at"],
    }

    for path in lists_of(crowd):
        values = [keys[sort](row) for row in items(api, f"{path}?sort_by={sort}&order={order}")]
        assert len(values) >= 3
        assert values == sorted(values, reverse=order == "desc")


def test_without_an_order_the_newest_comes_first(api, crowd) -> None:
    for path in lists_of(crowd):
        made = [row["assignment"]["created_at"] for row in items(api, path)]
        assert made == sorted(made, reverse=True)


def test_pages_are_complete_and_say_where_they_stand(api, crowd) -> None:
    for path in lists_of(crowd)[:2]:
        whole = [row["assignment"]["id"] for row in items(api, f"{path}?sort_by=role")]
        pages = [api.get(f"{V1}/{path}?sort_by=role&take=3&page={page}").json() for page in (1, 2)]
        beyond = api.get(f"{V1}/{path}?take=3&page=9").json()

        assert [row["assignment"]["id"] for page in pages for row in page["items"]] == whole
        assert [page["pagination"]["has_next_page"] for page in pages] == [True, False]
        assert [page["pagination"]["has_previous_page"] for page in pages] == [False, True]
        assert pages[0]["pagination"]["page_count"] == 2
        assert beyond["items"] == []
        assert beyond["pagination"]["item_count"] == 4


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.5", "page"),
        ("page=", "page"),
        ("page=1" + "0" * 40, "page"),
        ("page=%D9%A1", "page"),
        ("take=0", "take"),
        ("take=101", "take"),
        ("take=all", "take"),
        ("order=up", "order"),
        ("sort_by=password", "sort_by"),
        ("sort_by=identity__email", "sort_by"),
        ("status=live", "status"),
        ("role_id=1", "role_id"),
        ("source_node_id=x", "source_node_id"),
        ("q=%00", "q"),
        ("q=%ED%A0%80", "q"),
        ("q=" + "x" * 201, "q"),
        ("page=1&page=2", "page"),
        ("revoked_at=1", "revoked_at"),
    ],
)
def test_a_wrong_parameter_is_named(api, cast, query, field) -> None:
    for path in lists_of(cast):
        assert names_field(api.get(f"{V1}/{path}?{query}"), field)


def test_each_list_takes_its_own_filters_only(api, cast) -> None:
    node, everything, _, identity = lists_of(cast)

    assert names_field(api.get(f"{V1}/{everything}?access_type=direct"), "access_type")
    for path in (node, identity):
        for name in ("identity_id", "node_id", "subtree"):
            assert names_field(api.get(f"{V1}/{path}?{name}={cast.root.pk}"), name)
    assert names_field(api.get(f"{V1}/{node}?access_type=both"), "access_type")


def test_the_lists_need_their_scope(client_of, cast) -> None:
    assert_scope_is_needed(client_of, cast.environment, routes_of(cast))


def test_the_lists_only_answer_to_get(api, cast) -> None:
    only_lists = [routes_of(cast)[index] for index in (0, 2, 3)]

    assert_other_methods_are_refused(api, only_lists)


def test_what_is_unknown_is_named(api, cast) -> None:
    assert_unknown_is_refused(api, routes_of(cast))


def test_what_belongs_to_another_environment_is_not_there(api, cast, make_environment) -> None:
    theirs = make_cast(make_environment())
    theirs.give()

    assert_foreign_is_like_random(
        api, [lambda pk: Route("get", f"nodes/{pk}/identities", VIEW)], theirs.site.pk
    )
    assert_foreign_is_like_random(
        api, [lambda pk: Route("get", f"identities/{pk}/assignments", VIEW)], theirs.ada.pk
    )
    for name, pk in (
        ("identity_id", theirs.ada.pk),
        ("node_id", theirs.site.pk),
        ("subtree", theirs.site.pk),
        ("source_node_id", theirs.site.pk),
    ):
        unknown = uuid4()
        foreign = api.get(f"{V1}/assignments?{name}={pk}")
        error_of(foreign, 404)
        random = api.get(f"{V1}/assignments?{name}={unknown}")
        assert said(foreign, pk) == said(random, unknown)
    assert items(api, f"assignments?role_id={theirs.reader.pk}") == []


def test_the_lists_take_as_many_statements_for_30_rows_as_for_3(api, cast) -> None:
    counts: dict[int, list[int]] = {}
    for total in (3, 30):
        people = [NewIdentity(f"{total}-{n}@example.org") for n in range(total)]
        _, made = create_identities(people, actor=ME, environment=cast.environment)
        new = [
            NewAssignment(Ref.of(outcome.value.pk), cast.reader.pk, Ref.of(node.pk))
            for outcome in made
            for node in (cast.root, cast.site, cast.room)
            if outcome.value
        ]
        new += [
            NewAssignment(
                Ref.of(cast.ada.pk),
                cast.writer.pk,
                Ref.of(cast.room.pk),
                moment(total * 100 + n),
                moment(total * 100 + n) + DAY / 2,
            )
            for n in range(total)
        ]
        assign_roles(new, actor=ME, environment=cast.environment)
        api.get(f"{V1}/roles")
        counts[total] = [
            statements_of(partial(items, api, f"{path}?take=100")) for path in lists_of(cast)
        ]

    assert Assignment.objects.count() == 33 * 4
    # The key, the node or identity and what stands around it, the count, the page.
    assert counts[3] == counts[30] == [5, 3, 3, 4]


def test_the_statements_do_not_grow_with_the_filters_values(api, crowd) -> None:
    path = f"assignments?subtree={crowd.root.pk}&identity_id={crowd.ada.pk}&node_id=ext:site-1"
    api.get(f"{V1}/roles")

    assert statements_of(lambda: items(api, path)) == 6


def summary_of(api: Any, node: Any) -> dict[str, Any]:
    """The summary of who holds what at a node."""
    answer = api.get(f"{V1}/nodes/{node.pk}/identities/summary")
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_a_nodes_summary_counts_what_its_list_shows(api, crowd) -> None:
    bob, eve = crowd.person("bo"), crowd.person("eve")
    crowd.give(node=crowd.room, identity=bob, end=moment(6.9))
    crowd.give(node=crowd.room, identity=eve, end=moment(7.1))
    revoked = crowd.give(crowd.writer, crowd.room, identity=eve)
    api.delete(f"{V1}/assignments/{revoked.pk}")

    summary = summary_of(api, crowd.room)

    recent = summary.pop("recent_identities")
    assert summary == {
        "direct_count": 3,
        "inherited_count": 3,
        "active_count": 4,
        "scheduled_count": 1,
        "expired_count": 1,
        "expiring_soon_count": 1,
        "distinct_role_count": 2,
        "can_manage_assignments": True,
    }
    assert len(items(api, f"nodes/{crowd.room.pk}/identities")) == 6
    assert [row["first_name"] for row in recent] == ["Eve", "Bo", "Bob", "Ada"]
    assert recent[0] == {
        "id": str(eve.pk),
        "first_name": "Eve",
        "last_name": "Example",
        "name": "Eve Example",
        "email": "eve@example.org",
    }
    assert summary_of(api, crowd.root)["direct_count"] == 1


def test_a_nodes_summary_names_five_people_at_most_and_nobody_of_nothing(api, cast) -> None:
    empty = summary_of(api, cast.room)
    for n in range(7):
        cast.give(identity=cast.person(f"p{n}"))

    names = [row["first_name"] for row in summary_of(api, cast.room)["recent_identities"]]

    assert (empty["recent_identities"], empty["active_count"]) == ([], 0)
    assert names == ["P6", "P5", "P4", "P3", "P2"]


def test_a_nodes_summary_says_whether_the_caller_may_change_it(client_of, cast) -> None:
    reader = client_of(cast.environment, VIEW)

    assert summary_of(reader, cast.room)["can_manage_assignments"] is False


def test_a_nodes_summary_takes_the_same_statements_for_any_number_of_rows(api, cast) -> None:
    api.get(f"{V1}/roles")
    counts = []
    for total in (3, 30):
        for n in range(total):
            cast.give(identity=cast.person(f"p{total}-{n}"))
        counts.append(statements_of(lambda: summary_of(api, cast.room)))

    # The key, the node, its ancestors, the counts, the latest five and who they are.
    assert counts == [6, 6]


def test_a_nodes_summary_goes_through_the_ritual(api, client_of, cast, make_environment) -> None:
    route = Route("get", f"nodes/{cast.room.pk}/identities/summary", VIEW)
    theirs = make_cast(make_environment())

    assert_scope_is_needed(client_of, cast.environment, [route])
    assert_unknown_is_refused(api, [route])
    assert_other_methods_are_refused(api, [route])
    assert_foreign_is_like_random(
        api,
        [lambda pk: Route("get", f"nodes/{pk}/identities/summary", VIEW)],
        theirs.site.pk,
    )
