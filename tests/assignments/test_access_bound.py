"""Questions of a key that is bound to a node: true answers that name nothing above it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assignments.asking import anywhere, ask, here, why
from tests.assignments.cast import Cast, moment
from tests.assignments.test_access_api import ACCESS, asked, in_lines, lines_of
from tests.rituals import V1, error_of, statements_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def bound(cast: Cast, client_of) -> Any:
    """A client with a key that is bound to the site."""
    return client_of(cast.environment, node=cast.site)


def items(client: Any, question: str, body: dict[str, Any]) -> list[Any]:
    """The items of a list, which come in lines as well."""
    answer = client.post(f"{ACCESS}/{question}", body, format="json")
    assert answer.status_code == 200, answer.content
    told: list[Any] = answer.json()["items"]
    assert lines_of(in_lines(client, question, body)) == told
    return told


def test_a_grant_above_counts_and_its_place_is_not_named(bound, cast) -> None:
    cast.give(cast.writer, cast.root)
    cast.give(cast.reader, cast.site)
    write = {"permission": "invoice.write"}

    told = ask(bound, here(cast, **write))
    explained = ask(bound, why(cast, **write), "/explain")

    assert (told["allowed"], told["effective_node_id"]) == (True, None)
    assert told["granting_roles"] == ["Writer"]
    assert ask(bound, anywhere(cast, **write)) == {**told, "scope_evaluated": "app_wide"}
    assert explained["allowed"]
    assert explained["effective_node_id"] is None
    assert explained["granting_role_ids"] == [str(cast.writer.pk)]
    assert explained["granting_node_ids"] == []
    assert [rung["name"] for rung in explained["lineage"]] == ["Site", "Room"]
    assert str(cast.root.pk) not in str(explained)


def test_a_grant_within_is_the_nearest_and_named(bound, cast) -> None:
    cast.give(cast.writer, cast.root)
    cast.give(cast.reader, cast.site)

    told = ask(bound, here(cast))
    explained = ask(bound, why(cast), "/explain")

    assert told["effective_node_id"] == str(cast.site.pk)
    assert explained["granting_node_ids"] == [str(cast.site.pk)]
    assert explained["granting_role_ids"] == [str(cast.reader.pk), str(cast.writer.pk)]
    assert ask(bound, anywhere(cast))["effective_node_id"] == str(cast.site.pk)


def test_what_lies_outside_is_not_there(bound, cast) -> None:
    cast.give(node=cast.root)
    cast.give(node=cast.room)
    outside = str(cast.root.pk)

    assert ask(bound, here(cast, node_id=outside))["denial_reason"] == "node_not_found"
    explain = bound.post(
        f"{V1}/permissions/evaluate/explain", why(cast, node_id=outside), format="json"
    )
    error_of(explain, 404, "nodes.not_found")
    for question, field in (
        ("nodes", "under"),
        ("identities", "node_id"),
        ("permissions", "node_id"),
    ):
        body = asked(cast, question, **{field: outside})
        answer = bound.post(f"{ACCESS}/{question}", body, format="json")
        error_of(answer, 404, "nodes.not_found")


def test_anywhere_means_within_the_subtree(api, bound, cast) -> None:
    other = api.post(
        f"{V1}/nodes", {"parent_node_id": str(cast.root.pk), "name": "Other"}, format="json"
    ).json()["id"]
    api.post(f"{V1}/assignments", cast.body(node_id=other), format="json")
    cast.give(cast.writer, cast.room, end=moment(1))
    everywhere = ask(api, anywhere(cast, permission="invoice.read"))
    within = ask(bound, anywhere(cast, permission="invoice.read"))
    api.patch(f"{V1}/nodes/{cast.room.pk}", {"status": "inactive"}, format="json")

    assert everywhere["allowed"]
    assert within["effective_node_id"] == str(cast.room.pk)
    assert ask(api, anywhere(cast, permission="invoice.read"))["effective_node_id"] == other
    assert not ask(bound, anywhere(cast, permission="invoice.read"))["allowed"]


def test_who_is_not_assigned_within_does_not_exist_unless_allowed(bound, cast) -> None:
    elsewhere = cast.person("grace")
    cast.give(cast.reader, cast.root, identity=elsewhere)
    nobody = {"identity_id": "ext:nobody"}
    named = {"identity_id": str(elsewhere.pk)}
    write = {"permission": "invoice.write"}

    allowed = ask(bound, here(cast, **named))
    denied = ask(bound, here(cast, **named, **write))

    assert allowed["allowed"]
    assert denied == ask(bound, here(cast, **nobody, **write))
    assert denied["denial_reason"] == "identity_not_found"
    assert ask(bound, anywhere(cast, **named, **write))["denial_reason"] == "identity_not_found"
    unseen = bound.post(
        f"{V1}/permissions/evaluate/explain", why(cast, **named, **write), format="json"
    )
    error_of(unseen, 404, "identities.not_found")
    assert items(bound, "permissions", asked(cast, "permissions", **named)) == ["invoice.read"]
    answer = bound.post(f"{ACCESS}/nodes", asked(cast, "nodes", **named, **write), format="json")
    error_of(answer, 404, "identities.not_found")
    assert in_lines(bound, "nodes", asked(cast, "nodes", **named, **write)).status_code == 404


def test_who_lists_those_assigned_within_and_names_nothing_above(bound, cast) -> None:
    cast.give(cast.writer, cast.root)
    own = cast.give(cast.reader, cast.room)
    cast.give(cast.writer, cast.root, identity=cast.person("grace"))
    scheduled = cast.person("linus")
    cast.give(cast.writer, cast.root, identity=scheduled)
    cast.give(cast.reader, cast.site, identity=scheduled, start=moment(1))

    people = {
        row["email"]: row["via"] for row in items(bound, "identities", asked(cast, "identities"))
    }

    assert people == {
        "ada@example.org": [
            {"assignment_id": str(own.pk), "role": "Reader", "node_id": str(cast.room.pk)}
        ],
        "linus@example.org": [],
    }


def test_where_begins_at_the_bound_node(api, bound, cast) -> None:
    cast.give(cast.reader, cast.root)

    everywhere = items(api, "nodes", asked(cast, "nodes"))
    within = items(bound, "nodes", asked(cast, "nodes"))

    assert [row["name"] for row in everywhere] == [cast.root.name, "Site", "Room"]
    assert [row["path"] for row in within] == [["Site"], ["Site", "Room"]]


def test_a_switched_off_node_above_denies_without_a_name(api, client_of, cast) -> None:
    cast.give(cast.reader, cast.room)
    client = client_of(cast.environment, node=cast.room)
    api.patch(f"{V1}/nodes/{cast.site.pk}", {"status": "inactive"}, format="json")

    told = ask(client, why(cast), "/explain")

    assert ask(client, here(cast))["denial_reason"] == told["denial_reason"] == "node_inactive"
    assert told["near_misses"] == [{"reason": "node_inactive"}]
    assert str(cast.site.pk) not in str(told)
    assert not ask(client, anywhere(cast))["allowed"]
    assert items(client, "nodes", asked(cast, "nodes")) == []


def test_a_miss_above_is_told_without_its_place(bound, cast) -> None:
    cast.give(cast.writer, cast.root, start=moment(1))
    cast.give(cast.reader, cast.site)

    told = ask(bound, why(cast, permission="invoice.write"), "/explain")

    assert told["denial_reason"] == "window_not_started"
    assert told["near_misses"] == [{"reason": "window_not_started"}]


def test_a_bound_key_costs_no_further_statement(bound, cast) -> None:
    cast.give()
    bound.get(f"{V1}/nodes")
    checks = {"checks": [here(cast), anywhere(cast), here(cast, node_id=str(cast.root.pk))] * 20}

    assert statements_of(lambda: ask(bound, here(cast))) == 2
    assert statements_of(lambda: ask(bound, checks, "/bulk")) == 2
    assert statements_of(lambda: ask(bound, why(cast), "/explain")) == 2
