"""`/assignments`: the ritual, windows, overlaps, edits and lists."""

from __future__ import annotations

from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from assignments.models import Assignment
from environments.scopes import Scope
from identities.models import Identity
from tests.assignments.cast import DAY, Cast, make_cast, moment, text
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
ASSIGNMENTS = f"{V1}/assignments"
VIEW, MANAGE = Scope.ASSIGNMENTS_VIEW, Scope.ASSIGNMENTS_MANAGE
ROW_CALLS = [
    lambda pk: Route("get", f"assignments/{pk}", VIEW),
    lambda pk: Route("patch", f"assignments/{pk}", MANAGE, {"effective_to": None}),
    lambda pk: Route("delete", f"assignments/{pk}", MANAGE),
]


def routes_of(cast: Cast, assignment_id: object) -> list[Route]:
    """Every route of assignments."""
    return [
        Route("get", "assignments", VIEW),
        Route("post", "assignments", MANAGE, cast.body()),
        Route("get", "assignments/app-wide", VIEW),
        Route("post", "assignments/bulk-create", MANAGE, {"assignments": [cast.body()]}),
        *(call(assignment_id) for call in ROW_CALLS),
    ]


def post(api: Any, body: dict[str, Any]) -> Any:
    """Assign over the API."""
    return api.post(ASSIGNMENTS, body, format="json")


def patch(api: Any, row: Any, **changes: Any) -> Any:
    """Change over the API."""
    return api.patch(f"{ASSIGNMENTS}/{row}", changes, format="json")


def test_an_assignment_is_given_shown_changed_and_revoked(api, cast: Cast) -> None:
    start, end = moment(-1), moment(5)

    created = post(api, cast.body(effective_from=text(start), effective_to=text(end)))
    row = created.json()
    address = f"{ASSIGNMENTS}/{row['id']}"
    shown = api.get(address)
    changed = patch(api, row["id"], effective_to=None, role_id=str(cast.writer.pk))
    revoked = api.delete(address)

    assert created.status_code == 201
    assert created["ETag"] == shown["ETag"] == '"1"'
    assert {**row, "id": 0, "created_at": 0, "updated_at": 0} == {
        "id": 0,
        "identity_id": str(cast.ada.pk),
        "node_id": str(cast.site.pk),
        "application_node_id": str(cast.site.pk),
        "role_id": str(cast.reader.pk),
        "effective_from": text(start),
        "effective_to": text(end),
        "state": "active",
        "created_at": 0,
        "updated_at": 0,
        "version": 1,
    }
    assert shown.json() == row
    assert {**changed.json(), "updated_at": 0} == {
        **row, "role_id": str(cast.writer.pk), "effective_to": None, "version": 2, "updated_at": 0,
    }  # fmt: skip
    assert changed["ETag"] == '"2"'
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert api.get(address).json()["state"] == "revoked"


def test_assignments_need_their_scopes(client_of, cast) -> None:
    row = cast.give(cast.writer)

    assert_scope_is_needed(client_of, cast.environment, routes_of(cast, row.pk))


def test_assignments_of_another_environment_are_not_there(api, cast, make_environment) -> None:
    theirs = make_cast(make_environment()).give()

    assert_foreign_is_like_random(api, ROW_CALLS, theirs.pk)

    assert Assignment.objects.get(pk=theirs.pk).revoked_at is None
    for status in ("", "?status=active", "?status=revoked"):
        assert api.get(f"{ASSIGNMENTS}{status}").json()["items"] == []


@pytest.mark.parametrize("bad", ["x", "%00", "ext:a", "app-wide/x"])
def test_what_is_no_id_is_not_there(api, bad) -> None:
    error_of(api.get(f"{ASSIGNMENTS}/{bad}"), 404)


def test_other_methods_are_refused(api, cast) -> None:
    assert_other_methods_are_refused(api, routes_of(cast, cast.give().pk))


def test_what_is_unknown_is_named(api, cast) -> None:
    row = cast.give(cast.writer)

    assert_unknown_is_refused(api, routes_of(cast, row.pk))

    assert list(Assignment.objects.values_list("version", "revoked_at")) == [(1, None)]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("identity_id", "assignments.identity_not_found"),
        ("node_id", "assignments.node_not_found"),
        ("role_id", "assignments.role_not_found"),
    ],
)
def test_an_unknown_id_in_the_body_is_told_by_its_code(
    api, cast, make_environment, field, code
) -> None:
    other = make_cast(make_environment())
    random, foreign = str(uuid4()), other.body()[field]

    answers = [post(api, cast.body(**{field: value})) for value in (random, foreign)]

    errors = [error_of(answer, 404, code) for answer in answers]
    assert errors[0]["details"] == errors[1]["details"] == [f"{field}: does not exist"]
    assert errors[0]["message"].replace(random, "") == errors[1]["message"].replace(foreign, "")
    assert not Assignment.objects.exists()


def test_a_callers_own_ids_are_taken(api, cast) -> None:
    bob = cast.person("bob")
    by_ext = post(api, cast.body(identity_id="ext:ada-1", node_id="ext:site-1")).json()
    by_email = post(api, cast.body(identity_id="email:BOB@Example.org")).json()
    upper = post(api, cast.body(identity_id=str(bob.pk).upper(), node_id=str(cast.root.pk)))

    assert (by_ext["identity_id"], by_ext["node_id"]) == (str(cast.ada.pk), str(cast.site.pk))
    assert by_email["identity_id"] == str(bob.pk)
    assert upper.status_code == 201
    for unknown in ("ext:nobody", "email:nobody@example.org"):
        answer = post(api, cast.body(identity_id=unknown))
        error_of(answer, 404, "assignments.identity_not_found")
    error_of(post(api, cast.body(node_id="ext:nowhere")), 404, "assignments.node_not_found")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *product(["identity_id", "node_id"], [None, "", "x", 5, [], "ext:", "ext:a b", "id:a"]),
        *product(["role_id"], [None, "", "x", 5, "ext:a", "0" * 32]),
        ("node_id", "email:ada@example.org"),
        ("identity_id", "email:ada"),
        ("identity_id", "email:a\0@example.org"),
        ("identity_id", "ext:0b5d5c51-9f51-4f4b-8a3a-4a3fbbd1a0c1"),
    ],
)
def test_what_is_no_reference_is_named(api, cast, field, value) -> None:
    assert names_field(post(api, cast.body(**{field: value})), field)


@pytest.mark.parametrize("missing", ["identity_id", "node_id", "role_id"])
def test_what_is_missing_is_named(api, cast, missing) -> None:
    body = cast.body()
    del body[missing]

    assert names_field(post(api, body), missing)


@pytest.mark.parametrize("field", ["effective_from", "effective_to"])
@pytest.mark.parametrize("value", UNWANTED_TIMES)
def test_what_is_no_instant_is_named(api, cast, field, value) -> None:
    row = cast.give(cast.writer)

    assert names_field(post(api, cast.body(**{field: value})), field)
    assert names_field(patch(api, row.pk, **{field: value}), field)
    assert Assignment.objects.count() == 1


@pytest.mark.parametrize("length", [0, -1])
def test_a_window_has_length(api, cast, length) -> None:
    start = moment(1)
    window = {"effective_from": text(start), "effective_to": text(start + length * DAY)}
    row = cast.give(cast.writer, start=moment(-1))

    assert names_field(post(api, cast.body(**window)), "effective_to")
    assert names_field(patch(api, row.pk, **window), "effective_to")
    assert names_field(patch(api, row.pk, effective_to=text(moment(-2))), "effective_to")


@pytest.mark.parametrize(
    ("start", "end", "state"),
    [
        (None, None, "active"),
        (-1, None, "active"),
        (None, 1, "active"),
        (1, 2, "scheduled"),
        (-2, -1, "expired"),
        (None, -1, "expired"),
    ],
)
def test_the_state_follows_from_the_window(api, cast, start, end, state) -> None:
    window = {
        "effective_from": start and text(moment(start)),
        "effective_to": end and text(moment(end)),
    }

    answer = post(api, cast.body(**window))

    assert answer.status_code == 201
    assert answer.json()["state"] == state
    assert api.get(f"{ASSIGNMENTS}/{answer.json()['id']}").json()["state"] == state


def test_a_time_with_an_offset_is_told_in_utc(api, cast) -> None:
    answer = post(api, cast.body(effective_from="2020-01-01T02:30:00.25+02:30"))

    assert answer.json()["effective_from"] == "2020-01-01T00:00:00.250000Z"


def test_an_overlap_is_refused_with_the_one_that_stands_in_the_way(api, cast) -> None:
    start, end = moment(1), moment(5)
    first = post(api, cast.body(effective_from=text(start), effective_to=text(end))).json()

    overlapping = [
        (None, None),
        (None, start + DAY / 2),
        (start, end),
        (end - DAY / 2, None),
    ]
    for begin, stop in overlapping:
        window = {"effective_from": begin and text(begin), "effective_to": stop and text(stop)}
        error = error_of(post(api, cast.body(**window)), 409, "assignments.conflict")
        assert error["data"] == first
    touching = [(None, start), (end, None)]
    for begin, stop in touching:
        window = {"effective_from": begin and text(begin), "effective_to": stop and text(stop)}
        assert post(api, cast.body(**window)).status_code == 201


def test_another_role_place_or_person_never_conflicts(api, cast) -> None:
    cast.give()
    others = [
        {"role_id": str(cast.writer.pk)},
        {"node_id": str(cast.room.pk)},
        {"identity_id": str(cast.person("bob").pk)},
    ]

    assert [post(api, cast.body(**other)).status_code for other in others] == [201, 201, 201]


def test_what_is_revoked_or_over_never_blocks(api, cast) -> None:
    api.delete(f"{ASSIGNMENTS}/{cast.give().pk}")
    cast.give(end=moment(-1))

    assert post(api, cast.body(effective_to=text(moment(-1)))).status_code == 201
    assert post(api, cast.body()).status_code == 201
    assert post(api, cast.body(effective_to=text(moment(-1)))).status_code == 201


def test_an_inactive_identity_is_given_nothing(api, cast) -> None:
    Identity.objects.update(status="inactive")

    error = error_of(post(api, cast.body()), 409, "assignments.identity_inactive")

    assert error["details"] == ["identity_id: is inactive"]


def test_an_invited_identity_is_given_roles_that_wait_for_it(api, cast) -> None:
    Identity.objects.update(status="invited")
    question = {"identity_id": str(cast.ada.pk), "permission": "invoice.read", "scope": "app_wide"}

    assert post(api, cast.body()).status_code == 201
    denied = api.post(f"{V1}/permissions/evaluate", question, format="json").json()
    assert denied["denial_reason"] == "identity_invited"
    Identity.objects.update(status="active")
    assert api.post(f"{V1}/permissions/evaluate", question, format="json").json()["allowed"]


def test_a_removed_identity_is_unknown(api, cast) -> None:
    api.delete(f"{V1}/identities/{cast.ada.pk}")

    error_of(post(api, cast.body()), 404, "assignments.identity_not_found")


def test_null_clears_and_absent_keeps(api, cast) -> None:
    start, end = moment(-1), moment(5)
    row = cast.give(start=start, end=end)

    first = patch(api, row.pk, effective_from=None).json()
    second = patch(api, row.pk, effective_to=None).json()
    nothing = patch(api, row.pk).json()

    assert (first["effective_from"], first["effective_to"]) == (None, text(end))
    assert (second["effective_from"], second["effective_to"]) == (None, None)
    assert nothing == second
    assert second["version"] == 3


@pytest.mark.parametrize("field", ["identity_id", "node_id", "application_node_id", "state"])
def test_who_and_where_never_change(api, cast, field) -> None:
    assert names_field(patch(api, cast.give().pk, **{field: str(cast.root.pk)}), field)


def test_an_edit_may_not_overlap_another(api, cast) -> None:
    start = moment(5)
    later = cast.give(start=start)
    row = cast.give(end=moment(2))
    other = cast.give(cast.writer)

    widened = patch(api, row.pk, effective_to=None)
    moved = patch(api, other.pk, role_id=str(cast.reader.pk))

    shown = [api.get(f"{ASSIGNMENTS}/{pk}").json() for pk in (later.pk, row.pk)]
    assert error_of(widened, 409, "assignments.conflict")["data"] == shown[0]
    assert error_of(moved, 409, "assignments.conflict")["data"] in shown
    assert patch(api, row.pk, effective_to=text(start)).status_code == 200


def test_an_edit_to_an_unknown_role_is_told(api, cast) -> None:
    row = cast.give()

    answer = patch(api, row.pk, role_id=str(uuid4()))

    error_of(answer, 404, "assignments.role_not_found")
    assert names_field(patch(api, row.pk, role_id=None), "role_id")


@pytest.mark.parametrize("ended", ["expired", "revoked"])
def test_what_has_ended_is_not_edited(api, cast, ended) -> None:
    row = cast.give(end=moment(-1) if ended == "expired" else None)
    if ended == "revoked":
        api.delete(f"{ASSIGNMENTS}/{row.pk}")

    error = error_of(patch(api, row.pk, effective_to=None), 409, "assignments.ended")

    assert error["data"] == api.get(f"{ASSIGNMENTS}/{row.pk}").json()
    assert error["data"]["state"] == ended


def test_a_stale_version_is_answered_with_the_assignment_as_it_is(api, cast) -> None:
    row = cast.give()
    address = f"{ASSIGNMENTS}/{row.pk}"

    stale = api.patch(address, {"effective_to": None}, format="json", HTTP_IF_MATCH='"2"')
    fresh = api.patch(
        address, {"effective_to": text(moment(1))}, format="json", HTTP_IF_MATCH='"1"'
    )

    assert error_of(stale, 409, "version_conflict")["data"]["version"] == 1
    assert fresh.status_code == 200


def test_revoking_twice_changes_nothing_the_second_time(api, cast) -> None:
    row = cast.give()
    over = cast.give(cast.writer, end=moment(-1))
    first = api.delete(f"{ASSIGNMENTS}/{row.pk}")
    then = api.get(f"{ASSIGNMENTS}/{row.pk}").json()

    second = api.delete(f"{ASSIGNMENTS}/{row.pk}")
    expired = api.delete(f"{ASSIGNMENTS}/{over.pk}")

    assert (first.status_code, second.status_code, expired.status_code) == (204, 204, 204)
    assert api.get(f"{ASSIGNMENTS}/{row.pk}").json() == then
    assert api.get(f"{ASSIGNMENTS}/{over.pk}").json()["state"] == "expired"
    assert (then["state"], then["version"]) == ("revoked", 2)


def test_hostile_bodies_are_refused_and_the_lists_still_work(api, cast) -> None:
    row = cast.give(cast.writer)
    window = ["effective_from", "effective_to"]

    sent = assert_hostile_is_survived(
        api, "post", "assignments", hostile_bodies(cast.body(), window)
    )
    for body in hostile_bodies(cast.body(), window):
        wrapped = b'{"assignments": [' + body + b"]}"
        sent += assert_hostile_is_survived(api, "post", "assignments/bulk-create", [wrapped])
    sent += assert_hostile_is_survived(
        api,
        "post",
        "assignments/bulk-create",
        hostile_bodies({"assignments": [cast.body()]}),
    )
    sent += assert_hostile_is_survived(
        api, "patch", f"assignments/{row.pk}", hostile_bodies({}, [*window, "role_id"])
    )

    assert sent > 300
    for path in ("assignments", "assignments/app-wide", f"nodes/{cast.room.pk}/identities"):
        assert api.get(f"{V1}/{path}").status_code == 200
