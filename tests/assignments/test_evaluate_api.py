"""`/permissions/evaluate`, `/bulk` and `/explain`: shapes, references, instants and the past."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from environments.scopes import Scope
from tests.assignments.asking import EVALUATE, anywhere, ask, here, why
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


def routes_of(cast: Cast) -> list[Route]:
    """Every form of the question."""
    return [
        Route("post", "permissions/evaluate", Scope.EVALUATE, here(cast)),
        Route("post", "permissions/evaluate/bulk", Scope.EVALUATE, {"checks": [here(cast)]}),
        Route("post", "permissions/evaluate/explain", Scope.EVALUATE, why(cast)),
    ]


def test_a_yes_names_the_roles_and_the_nearest_place(api, cast: Cast) -> None:
    cast.give()
    cast.give(cast.writer, cast.root)

    assert ask(api, here(cast)) == {
        "allowed": True,
        "permission": "invoice.read",
        "scope_evaluated": "node",
        "effective_node_id": str(cast.site.pk),
        "granting_roles": ["Reader", "Writer"],
        "denial_reason": None,
    }
    assert ask(api, anywhere(cast)) == {
        **ask(api, here(cast)), "scope_evaluated": "app_wide",
    }  # fmt: skip


def test_a_no_has_a_reason(api, cast) -> None:
    assert ask(api, here(cast)) == {
        "allowed": False,
        "permission": "invoice.read",
        "scope_evaluated": "node",
        "effective_node_id": None,
        "granting_roles": [],
        "denial_reason": "no_grant",
    }


def test_an_explanation_has_every_step(api, cast) -> None:
    end = moment(3)
    given = cast.give(end=end)
    other = cast.give(cast.writer, cast.root, start=moment(1))

    told = ask(api, why(cast, permission="invoice.read"), "/explain")

    def rung(node: Any, depth: int, assignments: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "node_id": str(node.pk),
            "name": node.name,
            "node_type": node.node_type,
            "depth": depth,
            "is_target": node == cast.room,
            "is_active": True,
            "assignments": assignments,
        }

    assert told == {
        "identity_id": str(cast.ada.pk),
        "permission": "invoice.read",
        "node_id": str(cast.room.pk),
        "allowed": True,
        "denial_reason": None,
        "effective_node_id": str(cast.site.pk),
        "granting_role_ids": [str(cast.reader.pk)],
        "granting_node_ids": [str(cast.site.pk)],
        "lineage": [
            rung(cast.root, 0, [
                {
                    "assignment_id": str(other.pk),
                    "role_id": str(cast.writer.pk),
                    "role_name": "Writer",
                    "active": False,
                    "effective_from": text(other.effective_from),
                    "effective_to": None,
                    "grants_permission": True,
                }
            ]),
            rung(cast.site, 1, [
                {
                    "assignment_id": str(given.pk),
                    "role_id": str(cast.reader.pk),
                    "role_name": "Reader",
                    "active": True,
                    "effective_from": None,
                    "effective_to": text(end),
                    "grants_permission": True,
                }
            ]),
            rung(cast.room, 2, []),
        ],
        "near_misses": [],
    }  # fmt: skip


def test_an_explanation_of_a_no_shows_the_nearest_miss(api, cast) -> None:
    start = moment(1)
    row = cast.give(cast.writer, start=start)
    cast.give()

    told = ask(api, why(cast, permission="invoice.write"), "/explain")

    assert (told["allowed"], told["denial_reason"]) == (False, "window_not_started")
    assert told["near_misses"] == [
        {
            "reason": "window_not_started",
            "assignment_id": str(row.pk),
            "role_id": str(cast.writer.pk),
            "role_name": "Writer",
            "node_id": str(cast.site.pk),
            "effective_from": text(start),
            "effective_to": None,
        }
    ]
    carried = [row["grants_permission"] for row in told["lineage"][1]["assignments"]]
    assert sorted(carried) == [False, True]


def test_a_bulk_answer_is_in_the_order_of_its_questions(api, cast) -> None:
    cast.give()
    checks = [
        here(cast),
        anywhere(cast, permission="invoice.write"),
        here(cast, identity_id="ext:nobody"),
        here(cast, node_id="ext:site-1", identity_id="email:ada@example.org"),
        here(cast, at=text(moment(-1))),
        here(cast, at=None),
    ]

    told = ask(api, {"checks": checks}, "/bulk")

    assert set(told) == {"items"}
    assert told["items"] == [ask(api, check) for check in checks]
    assert [item["denial_reason"] for item in told["items"]] == [
        None, "no_grant", "identity_not_found", None, "no_grant", None,
    ]  # fmt: skip


@pytest.mark.parametrize("identity", ["id", "ID", "ext:ada-1", "email:ada@example.org", "email:ADA@EXAMPLE.ORG"])  # fmt: skip
@pytest.mark.parametrize("node", ["id", "ID", "ext:site-1"])
def test_a_callers_own_ids_ask_the_same_question(api, cast, identity, node) -> None:
    cast.give()
    ids = {"id": str(cast.ada.pk), "ID": str(cast.ada.pk).upper()}
    places = {"id": str(cast.site.pk), "ID": str(cast.site.pk).upper()}
    told = {"identity_id": ids.get(identity, identity), "node_id": places.get(node, node)}

    assert ask(api, here(cast, **told))["effective_node_id"] == str(cast.site.pk)
    assert ask(api, why(cast, **told), "/explain")["node_id"] == str(cast.site.pk)
    assert ask(api, {"checks": [here(cast, **told)]}, "/bulk")["items"][0]["allowed"]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"identity_id": str(uuid4())}, "identity_not_found"),
        ({"identity_id": "ext:nobody"}, "identity_not_found"),
        ({"identity_id": "email:no@body.org"}, "identity_not_found"),
        ({"node_id": str(uuid4())}, "node_not_found"),
        ({"node_id": "ext:nowhere"}, "node_not_found"),
        ({"permission": "no.such"}, "permission_not_found"),
        ({"permission": "no key at all"}, "permission_not_found"),
    ],
)
def test_what_is_unknown_is_a_no_and_not_a_404(api, cast, told, reason) -> None:
    cast.give()

    assert ask(api, here(cast, **told))["denial_reason"] == reason


def test_rows_of_another_environment_are_unknown(api, cast, make_environment) -> None:
    theirs = make_cast(make_environment())
    theirs.give()

    for field, pk in (("identity_id", theirs.ada.pk), ("node_id", theirs.site.pk)):
        unknown = uuid4()
        assert ask(api, here(cast, **{field: str(pk)})) == ask(
            api, here(cast, **{field: str(unknown)})
        )
        foreign, random = (
            api.post(f"{EVALUATE}/explain", why(cast, **{field: str(key)}), format="json")
            for key in (pk, unknown)
        )
        error_of(foreign, 404)
        assert said(foreign, pk) == said(random, unknown)


def test_an_explanation_of_what_is_unknown_is_404_by_its_code(api, cast) -> None:
    who = api.post(f"{EVALUATE}/explain", why(cast, identity_id="ext:nobody"), format="json")
    where = api.post(f"{EVALUATE}/explain", why(cast, node_id="ext:nowhere"), format="json")

    error_of(who, 404, "identities.not_found")
    error_of(where, 404, "nodes.not_found")
    denied = ask(api, why(cast, permission="no.such"), "/explain")
    assert denied["denial_reason"] == "permission_not_found"


def test_the_questions_need_their_scope(client_of, cast) -> None:
    assert_scope_is_needed(client_of, cast.environment, routes_of(cast))


def test_a_key_to_ask_with_needs_nothing_else(client_of, cast) -> None:
    client = client_of(cast.environment, Scope.EVALUATE)

    assert [route.call(client).status_code for route in routes_of(cast)] == [200, 200, 200]


def test_other_methods_are_refused(api, cast) -> None:
    assert_other_methods_are_refused(api, routes_of(cast))


def test_what_is_unknown_is_named(api, cast) -> None:
    assert_unknown_is_refused(api, routes_of(cast))
    within = {"checks": [here(cast), here(cast, surprise=1)]}
    answer = api.post(f"{EVALUATE}/bulk", within, format="json")
    assert names_field(answer, "checks.1.surprise")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *product(["identity_id", "permission", "scope"], [None, "", 5, [], {}, "x\0y"]),
        *product(["identity_id", "scope"], ["x y"]),
    ],
)
def test_a_wrong_field_is_named(api, cast, field, value) -> None:
    checks = [here(cast), here(cast, **{field: value})]

    assert names_field(api.post(EVALUATE, checks[1], format="json"), field)
    bulk = api.post(f"{EVALUATE}/bulk", {"checks": checks}, format="json")
    assert names_field(bulk, f"checks.1.{field}")
    without = {key: value for key, value in here(cast).items() if key != field}
    assert names_field(api.post(EVALUATE, without, format="json"), field)


@pytest.mark.parametrize("value", [None, "", "x", 5, "email:ada@example.org", "ext:a b"])
def test_a_wrong_node_is_named(api, cast, value) -> None:
    assert names_field(api.post(EVALUATE, here(cast, node_id=value), format="json"), "node_id")
    explain = api.post(f"{EVALUATE}/explain", why(cast, node_id=value), format="json")
    assert names_field(explain, "node_id")


def test_a_node_goes_with_its_scope_and_with_no_other(api, cast) -> None:
    node = str(cast.site.pk)
    without = {key: value for key, value in here(cast).items() if key != "node_id"}

    assert names_field(api.post(EVALUATE, without, format="json"), "node_id")
    assert names_field(api.post(EVALUATE, anywhere(cast, node_id=node), format="json"), "node_id")
    assert names_field(api.post(EVALUATE, anywhere(cast, node_id=None), format="json"), "node_id")
    assert names_field(api.post(EVALUATE, here(cast, scope="tenant"), format="json"), "scope")


@pytest.mark.parametrize("value", UNWANTED_TIMES)
def test_what_is_no_instant_is_named(api, cast, value) -> None:
    checks = {"checks": [here(cast), anywhere(cast, at=value)]}

    assert names_field(api.post(EVALUATE, here(cast, at=value), format="json"), "at")
    explain = api.post(f"{EVALUATE}/explain", why(cast, at=value), format="json")
    assert names_field(explain, "at")
    assert names_field(api.post(f"{EVALUATE}/bulk", checks, format="json"), "checks.1.at")


@pytest.mark.parametrize("checks", [None, [], {}, "x", [None], [5], [[]]])
def test_a_bulk_without_questions_is_refused(api, checks) -> None:
    answer = api.post(f"{EVALUATE}/bulk", {"checks": checks}, format="json")

    assert names_field(answer, "checks")


def test_ten_thousand_questions_are_one_statement_and_one_more_is_too_many(api, cast) -> None:
    cast.give()
    api.get(f"{V1}/roles")
    checks = [here(cast), anywhere(cast, permission="invoice.write")] * 5_000

    count = statements_of(lambda: ask(api, {"checks": checks}, "/bulk"))
    answer = api.post(f"{EVALUATE}/bulk", {"checks": [*checks, here(cast)]}, format="json")

    assert count == 2
    assert names_field(answer, "checks")


def test_each_form_is_the_key_and_one_statement(api, cast) -> None:
    cast.give()
    api.get(f"{V1}/roles")

    counts = [statements_of(partial(route.call, api)) for route in routes_of(cast)]

    assert counts == [2, 2, 2]


def test_hostile_bodies_are_refused_and_questions_still_answered(api, cast) -> None:
    cast.give()
    sent = assert_hostile_is_survived(
        api, "post", "permissions/evaluate", hostile_bodies(here(cast), ["at"])
    )
    sent += assert_hostile_is_survived(
        api, "post", "permissions/evaluate/explain", hostile_bodies(why(cast), ["at"])
    )
    sent += assert_hostile_is_survived(
        api, "post", "permissions/evaluate/bulk", hostile_bodies({"checks": [here(cast)]})
    )
    for body in hostile_bodies(here(cast), ["at"]):
        wrapped = b'{"checks": [' + body + b"]}"
        sent += assert_hostile_is_survived(api, "post", "permissions/evaluate/bulk", [wrapped])

    assert sent > 400
    assert ask(api, here(cast))["allowed"]
