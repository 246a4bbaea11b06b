"""`/access` as a client meets it: shapes, pages, lines, cursors, refusals and the cost of each."""

from __future__ import annotations

import json
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F

from environments.models import Environment
from environments.scopes import ALL_SCOPES, Scope
from hierarchy.models import Node
from tests.assignments.cast import Cast, make_cast, moment, text
from tests.rituals import (
    UNWANTED_TIMES,
    V1,
    Route,
    assert_hostile_is_survived,
    assert_other_methods_are_refused,
    assert_scope_is_needed,
    assert_unknown_is_refused,
    error_of,
    hostile_bodies,
    names_field,
    said,
    statements_of,
)

pytestmark = pytest.mark.django_db
ACCESS = f"{V1}/access"
LINES = "application/x-ndjson"
QUESTIONS = ["nodes", "identities", "permissions"]


def asked(cast: Cast, question: str, **others: Any) -> dict[str, Any]:
    """Where may Ada read invoices, who may in the room, what may Ada do there?"""
    named = {
        "nodes": {"identity_id": str(cast.ada.pk), "permission": "invoice.read"},
        "identities": {"permission": "invoice.read", "node_id": str(cast.room.pk)},
        "permissions": {"identity_id": str(cast.ada.pk), "node_id": str(cast.room.pk)},
    }
    return named[question] | others


def ask(api: Any, question: str, body: dict[str, Any], query: str = "") -> dict[str, Any]:
    """Put a question that is answered."""
    answer = api.post(f"{ACCESS}/{question}{query}", body, format="json")
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    assert set(told) == {"items", "pagination"}
    return told


def in_lines(api: Any, question: str, body: dict[str, Any], query: str = "", **others: Any) -> Any:
    """Ask for the whole answer, line by line."""
    headers = {"HTTP_ACCEPT": LINES, **others}
    return api.post(f"{ACCESS}/{question}{query}", body, format="json", **headers)


def lines_of(answer: Any) -> list[Any]:
    """The items of an answer in lines."""
    assert answer.status_code == 200
    assert answer["Content-Type"] == LINES
    content = b"".join(answer).decode()
    assert content == "" or content.endswith("\n")
    return [json.loads(line) for line in content.splitlines()]


def routes_of(cast: Cast) -> list[Route]:
    """The three questions."""
    return [
        Route("post", f"access/{question}", Scope.EVALUATE, asked(cast, question))
        for question in QUESTIONS
    ]


@pytest.fixture
def many(cast: Cast) -> Cast:
    """Ada and four others are readers or writers at the site, which has five rooms."""
    for number in range(2, 6):
        Node.objects.add_child(
            cast.site,
            instance=Node(
                environment=cast.environment, parent=cast.site, name=f"Room {number}",
                slug=f"room-{number}", node_type="room",
            ),
        )  # fmt: skip
        cast.give(cast.writer, identity=cast.person(f"person{number}"))
    cast.give(cast.writer)
    return cast


def test_where_tells_each_node_with_the_names_on_the_way(api, cast) -> None:
    cast.give()

    told = ask(api, "nodes", asked(cast, "nodes"))

    way = [cast.root.name, "Site"]
    assert told == {
        "items": [
            {
                "id": str(cast.site.pk), "name": "Site", "node_type": "node",
                "external_id": "site-1", "path": way,
            },
            {
                "id": str(cast.room.pk), "name": "Room", "node_type": "node",
                "external_id": None, "path": [*way, "Room"],
            },
        ],
        "pagination": {"next_cursor": None},
    }  # fmt: skip


def test_who_tells_each_identity_with_what_allows_it_nearest_first(api, cast) -> None:
    above, near = cast.give(cast.writer, cast.root), cast.give(node=cast.room)
    other = cast.person("grace")
    cast.give(identity=other, start=moment(1))

    (row,) = ask(api, "identities", asked(cast, "identities"))["items"]

    assert row == {
        "id": str(cast.ada.pk),
        "email": "ada@example.org",
        "name": "Ada Lovelace",
        "external_id": "ada-1",
        "via": [
            {"assignment_id": str(near.pk), "role": "Reader", "node_id": str(cast.room.pk)},
            {"assignment_id": str(above.pk), "role": "Writer", "node_id": str(cast.root.pk)},
        ],
    }


def test_what_tells_keys(api, cast) -> None:
    cast.give(cast.writer)

    assert ask(api, "permissions", asked(cast, "permissions"))["items"] == [
        "invoice.read",
        "invoice.write",
    ]
    assert ask(api, "permissions", asked(cast, "permissions", node_id=str(cast.root.pk))) == {
        "items": [],
        "pagination": {"next_cursor": None},
    }


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_instant_is_asked_about(api, cast, question) -> None:
    cast.give(start=moment(1), end=moment(2))

    found = [
        bool(ask(api, question, asked(cast, question, at=at))["items"])
        for at in (None, text(moment(1.5)), text(moment(2)), text(moment(-1)))
    ]

    assert found == [False, True, False, False]


def test_a_part_of_the_tree_is_asked_about(api, many) -> None:
    def names(**others: Any) -> list[str]:
        return [row["name"] for row in ask(api, "nodes", asked(many, "nodes", **others))["items"]]

    assert len(names()) == 6
    assert names(under="ext:site-1") == names(under=str(many.root.pk)) == names()
    assert names(under=str(many.room.pk)) == ["Room"]
    assert names(node_type="room") == ["Room 2", "Room 3", "Room 4", "Room 5"]
    assert names(under=str(many.room.pk), node_type="room") == []


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_make_up_what_comes_in_lines(api, many, question, limit) -> None:
    body = asked(many, question)
    items: list[Any] = []
    query = f"?limit={limit}"

    while query:
        page = ask(api, question, body, query)
        items += page["items"]
        following = page["pagination"]["next_cursor"]
        query = f"?limit={limit}&cursor={following}" if following else ""

    assert len(items) == {"nodes": 6, "identities": 5, "permissions": 2}[question]
    assert lines_of(in_lines(api, question, body)) == items


@pytest.mark.parametrize("question", QUESTIONS)
def test_nothing_is_an_empty_list_and_no_line(api, cast, question) -> None:
    assert ask(api, question, asked(cast, question))["items"] == []
    assert lines_of(in_lines(api, question, asked(cast, question))) == []


def test_the_accept_header_decides_and_the_answer_varies_by_it(api, cast) -> None:
    body = asked(cast, "nodes")
    wanted = {
        "*/*": False,
        "application/json": False,
        f"{LINES}, application/json;q=0.5": True,
        f"{LINES};q=0.5, application/json": False,
        "text/html": False,
        "nonsense": False,
    }

    for accept, lines in wanted.items():
        answer = in_lines(api, "nodes", body, HTTP_ACCEPT=accept)
        assert (answer["Content-Type"] == LINES) == lines, accept
        assert "Accept" in answer["Vary"]
        assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_refusal_of_lines_is_plain_json(api, cast, question) -> None:
    field = "node_id" if question == "identities" else "identity_id"

    unknown = in_lines(api, question, asked(cast, question, **{field: str(uuid4())}))
    wrong = in_lines(api, question, asked(cast, question, **{field: 5}))

    for answer in (unknown, wrong):
        assert answer["Content-Type"] == "application/json"
    error_of(unknown, 404)
    assert names_field(wrong, field)


def test_lines_are_the_whole_answer_and_no_part(api, cast) -> None:
    answer = in_lines(api, "nodes", asked(cast, "nodes"), "?limit=5&cursor=x")

    assert error_of(answer, 400)["details"] == [
        f"cursor: does not go with {LINES}",
        f"limit: does not go with {LINES}",
    ]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_cursor_goes_with_its_own_question_only(
    api, many, question, client_of, make_environment
) -> None:
    body = asked(many, question)
    cursor = ask(api, question, body, "?limit=1")["pagination"]["next_cursor"]
    theirs = make_cast(make_environment())
    others = [
        (api, question, {**body, "at": text(moment(0.1))}),
        *((api, other, asked(many, other)) for other in QUESTIONS if other != question),
        (client_of(theirs.environment), question, asked(theirs, question)),
        (client_of(many.environment, node=many.site), question, body),
    ]

    for client, other, changed in others:
        answer = client.post(f"{ACCESS}/{other}?cursor={cursor}", changed, format="json")
        error_of(answer, 400, "cursor_invalid")
    for spoilt in (cursor[:-1], f"{cursor}x", "x", cursor.upper()):
        answer = api.post(f"{ACCESS}/{question}?cursor={spoilt}", body, format="json")
        error_of(answer, 400, "cursor_invalid")
    assert ask(api, question, body, f"?limit=3&cursor={cursor}")["items"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_cursor_goes_stale_when_the_tree_changes(api, many, question) -> None:
    body = asked(many, question)
    cursor = ask(api, question, body, "?limit=1")["pagination"]["next_cursor"]
    Environment.objects.filter(pk=many.environment.pk).update(tree_version=F("tree_version") + 1)

    answer = api.post(f"{ACCESS}/{question}?cursor={cursor}", body, format="json")

    error_of(answer, 409, "cursor_stale")
    assert ask(api, question, body)["items"]


def test_a_move_makes_a_cursor_stale(api, many) -> None:
    body = asked(many, "nodes")
    cursor = ask(api, "nodes", body, "?limit=1")["pagination"]["next_cursor"]
    moved = api.post(
        f"{V1}/nodes/{many.room.pk}/move", {"parent_node_id": str(many.root.pk)}, format="json"
    )
    assert moved.status_code == 200

    answer = api.post(f"{ACCESS}/nodes?cursor={cursor}", body, format="json")

    error_of(answer, 409, "cursor_stale")


@pytest.mark.parametrize(
    ("question", "field", "value", "code"),
    [
        ("nodes", "identity_id", "ext:nobody", "identities.not_found"),
        ("nodes", "permission", "no.such", "permissions.not_found"),
        ("nodes", "under", "ext:nowhere", "nodes.not_found"),
        ("identities", "permission", "no key at all", "permissions.not_found"),
        ("identities", "node_id", "ext:nowhere", "nodes.not_found"),
        ("permissions", "identity_id", "email:no@body.org", "identities.not_found"),
        ("permissions", "node_id", "ext:nowhere", "nodes.not_found"),
    ],
)
def test_what_is_unknown_is_404_by_its_code(api, cast, question, field, value, code) -> None:
    answer = api.post(
        f"{ACCESS}/{question}", asked(cast, question, **{field: value}), format="json"
    )

    error_of(answer, 404, code)


def test_rows_of_another_environment_are_unknown(api, cast, make_environment) -> None:
    theirs = make_cast(make_environment())
    theirs.give()
    named = {
        "nodes": [("identity_id", theirs.ada.pk), ("under", theirs.site.pk)],
        "identities": [("node_id", theirs.site.pk)],
        "permissions": [("identity_id", theirs.ada.pk), ("node_id", theirs.site.pk)],
    }

    for question, fields in named.items():
        for field, pk in fields:
            random = uuid4()
            foreign, unknown = (
                api.post(
                    f"{ACCESS}/{question}",
                    asked(cast, question, **{field: str(key)}),
                    format="json",
                )
                for key in (pk, random)
            )
            error_of(foreign, 404)
            assert said(foreign, pk) == said(unknown, random)


def test_the_questions_need_their_scopes(client_of, cast) -> None:
    assert_scope_is_needed(client_of, cast.environment, routes_of(cast))
    asking = client_of(cast.environment, Scope.EVALUATE)
    told = [route.call(asking).status_code for route in routes_of(cast)]
    without = client_of(cast.environment, *sorted(ALL_SCOPES - {Scope.IDENTITY_VIEW}))
    error = error_of(routes_of(cast)[1].call(without), 403, "scope_missing")
    both = client_of(cast.environment, Scope.EVALUATE, Scope.IDENTITY_VIEW)

    assert told == [200, 403, 200]
    assert error["message"] == "This needs the scope identity.view."
    assert routes_of(cast)[1].call(both).status_code == 200


def test_other_methods_are_refused(api, cast) -> None:
    assert_other_methods_are_refused(api, routes_of(cast))


def test_what_is_unknown_is_named(api, cast) -> None:
    assert_unknown_is_refused(api, routes_of(cast))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "1.5", ""])
def test_a_limit_out_of_range_is_refused(api, cast, question, limit) -> None:
    answer = api.post(f"{ACCESS}/{question}?limit={limit}", asked(cast, question), format="json")

    assert names_field(answer, "limit")
    assert ask(api, question, asked(cast, question), "?limit=1000")["items"] == []


@pytest.mark.parametrize(
    ("question", "field", "value"),
    [
        *product(["nodes", "permissions"], ["identity_id"], [None, "", 5, [], "x y", "a\0"]),
        *product(["nodes", "identities"], ["permission"], [None, "", 5, [], "a\0b"]),
        *product(["identities", "permissions"], ["node_id"], [None, "", 5, "email:a@b.de"]),
        *product(["nodes"], ["under", "node_type"], [None, "", 5, []]),
        *product(QUESTIONS, ["at"], UNWANTED_TIMES),
    ],
)
def test_a_wrong_field_is_named(api, cast, question, field, value) -> None:
    body = asked(cast, question, **{field: value})

    assert names_field(api.post(f"{ACCESS}/{question}", body, format="json"), field)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_page_is_the_key_and_one_statement_and_so_are_lines(api, many, question) -> None:
    body = asked(many, question)
    cursor = ask(api, question, body, "?limit=1")["pagination"]["next_cursor"]

    counts = [
        statements_of(partial(ask, api, question, body, query))
        for query in ("?limit=1", "?limit=1000", f"?limit=1&cursor={cursor}")
    ]

    assert counts == [2, 2, 2]


def test_hostile_bodies_are_refused_and_questions_still_answered(api, cast) -> None:
    cast.give()
    sent = 0
    for question in QUESTIONS:
        more = ["at", "under", "node_type"] if question == "nodes" else ["at"]
        bodies = hostile_bodies(asked(cast, question), more)
        sent += assert_hostile_is_survived(api, "post", f"access/{question}", bodies)

    assert sent > 300
    assert all(ask(api, question, asked(cast, question))["items"] for question in QUESTIONS)
