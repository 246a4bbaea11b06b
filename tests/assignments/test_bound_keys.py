"""A key that is bound to a node sees, gives, revokes and undoes within its subtree, and nothing outside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from assignments.batches import whole
from assignments.models import Assignment
from assignments.sight import get_identity_seen, identities_seen, resolve_identities_seen
from common.errors import NotFound
from common.refs import Ref
from environments.scopes import Scope
from hierarchy.models import Node
from hierarchy.services.nodes import create_node, move_node
from identities.models import Identity
from tests.assignments.cast import ME, Cast, moment, snapshot
from tests.assignments.undos import (
    BATCHES,
    assert_refused,
    bulk_change_role,
    bulk_create,
    bulk_remove,
    undo,
    undone,
)
from tests.rituals import V1, error_of, said, statements_of

pytestmark = pytest.mark.django_db
ASSIGNMENTS = f"{V1}/assignments"


@pytest.fixture
def bound(cast: Cast, client_of: Callable[..., Any]) -> Any:
    """A key bound to the site, with all that such a key may carry."""
    return client_of(cast.environment, node=cast.site)


@pytest.fixture
def seen(cast: Cast) -> Any:
    """The environment as a key sees it that is bound to the site."""
    environment = whole(cast.environment)
    environment.bound_to = cast.site.pk
    return environment


@pytest.fixture
def people(cast: Cast) -> dict[str, Identity]:
    """Who holds something: `above` at the root, `here` at the site, `below` in the room, `was` no more."""
    found = {name: cast.person(name) for name in ("above", "here", "below", "was", "ended")}
    cast.give(node=cast.root, identity=found["above"])
    cast.give(identity=found["here"])
    cast.give(node=cast.room, identity=found["below"], start=moment(2))
    cast.give(identity=found["ended"], end=moment(-1))
    gone = cast.give(identity=found["was"])
    Assignment.objects.filter(pk=gone.pk).update(revoked_at=moment(0))
    return found


def of(identity: Identity) -> Assignment:
    """What someone was given."""
    return Assignment.objects.get(identity=identity)


def test_whoever_is_assigned_in_the_subtree_is_seen(cast, people, seen) -> None:
    every = set(identities_seen(cast.environment))

    assert every == {cast.ada, *people.values()}
    assert set(identities_seen(seen)) == {people["here"], people["below"]}


def test_others_are_answered_like_nobody(people, seen) -> None:
    refs = [Ref("email", f"{name}@example.org") for name in people]

    found = resolve_identities_seen(seen, [*refs, Ref.of(uuid4())])

    assert {row.first_name for row in found.values()} == {"Here", "Below"}
    for name in ("above", "was", "ended"):
        with pytest.raises(NotFound) as refused:
            get_identity_seen(seen, Ref.of(people[name].pk))
        assert refused.value.code == "identities.not_found"
    assert get_identity_seen(seen, Ref.of(people["here"].pk)) == people["here"]


def test_inactive_and_invited_people_are_seen_and_removed_ones_are_not(people, seen) -> None:
    for status, expected in (("inactive", 1), ("invited", 1), ("removed", 0)):
        Identity.objects.filter(pk=people["here"].pk).update(status=status)
        assert identities_seen(seen).filter(pk=people["here"].pk).count() == expected


def test_lists_and_counts_end_at_the_node(bound, cast, people) -> None:
    rows = bound.get(ASSIGNMENTS).json()["items"]
    counts = bound.get(f"{ASSIGNMENTS}/app-wide/summary").json()

    assert {row["identity"]["first_name"] for row in rows} == {"Here", "Below", "Ended"}
    assert counts == {
        "active_count": 1,
        "scheduled_count": 1,
        "expired_count": 1,
        "expiring_soon_count": 0,
        "distinct_role_count": 1,
    }
    for param, value in (
        ("node_id", cast.root.pk),
        ("subtree", cast.root.pk),
        ("source_node_id", cast.root.pk),
        ("identity_id", people["above"].pk),
    ):
        theirs = bound.get(ASSIGNMENTS, {param: str(value)})
        random = uuid4()
        nobody = bound.get(ASSIGNMENTS, {param: str(random)})
        error_of(theirs, 404)
        assert said(theirs, value) == said(nobody, random)
    assert str(cast.root.pk) not in str(rows)
    assert cast.root.name not in str(rows)


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_an_assignment_outside_is_answered_like_none(bound, people, cast, method) -> None:
    above = of(people["above"]).pk
    before = snapshot(cast.environment)
    call = getattr(bound, method)
    random = uuid4()

    theirs = call(f"{ASSIGNMENTS}/{above}", {}, format="json")
    nobody = call(f"{ASSIGNMENTS}/{random}", {}, format="json")

    error_of(theirs, 404, "assignments.not_found")
    assert said(theirs, above) == said(nobody, random)
    assert snapshot(cast.environment) == before


def test_a_bound_key_changes_and_revokes_what_lies_within(bound, people, cast) -> None:
    here, below = of(people["here"]), of(people["below"])
    address = f"{ASSIGNMENTS}/{here.pk}"

    changed = bound.patch(address, {"role_id": str(cast.writer.pk)}, format="json")
    revoked = bound.delete(address)
    many = bulk_change_role(bound, cast.writer.pk, below.pk)
    gone = bulk_remove(bound, below.pk)

    assert (changed.status_code, revoked.status_code) == (200, 204)
    assert many != gone
    assert not Assignment.objects.filter(pk__in=[here.pk, below.pk], revoked_at=None).exists()


@pytest.mark.parametrize("path", ["bulk-remove", "bulk-change-role"])
def test_one_assignment_outside_refuses_all(bound, people, cast, path) -> None:
    rows = [str(of(people[name]).pk) for name in ("here", "above")]
    body: dict[str, Any] = {"assignment_ids": rows}
    if path == "bulk-change-role":
        body |= {"role_id": str(cast.writer.pk)}
    before = snapshot(cast.environment)

    error = error_of(bound.post(f"{ASSIGNMENTS}/{path}", body, format="json"), 404)

    assert error["details"] == [f"assignment_ids: {rows[1]} does not exist"]
    assert snapshot(cast.environment) == before


def test_a_bound_key_gives_only_to_whom_it_sees_and_only_within(bound, people, cast) -> None:
    before = snapshot(cast.environment)
    site, writer = str(cast.site.pk), str(cast.writer.pk)
    cases = [
        ({"identity_id": str(people["above"].pk), "node_id": site}, "identity"),
        ({"identity_id": "email:was@example.org", "node_id": site}, "identity"),
        ({"identity_id": "ext:ada-1", "node_id": site}, "identity"),
        ({"identity_id": str(people["here"].pk), "node_id": str(cast.root.pk)}, "node"),
    ]
    for body, what in cases:
        answer = bound.post(ASSIGNMENTS, {**body, "role_id": writer}, format="json")
        error_of(answer, 404, f"assignments.{what}_not_found")
    assert snapshot(cast.environment) == before

    body = {"identity_id": str(people["here"].pk), "node_id": str(cast.room.pk)}
    assert bound.post(ASSIGNMENTS, {**body, "role_id": writer}, format="json").status_code == 201


def test_a_node_that_left_the_subtree_takes_its_assignments_out_of_sight(
    bound, people, cast
) -> None:
    api_path = f"{ASSIGNMENTS}/{of(people['below']).pk}"
    assert bound.get(api_path).status_code == 200
    elsewhere = create_node(
        actor=ME, environment=cast.environment, parent=Ref.of(cast.root.pk), name="Elsewhere"
    )
    move_node(
        actor=ME,
        environment=cast.environment,
        node=Ref.of(cast.room.pk),
        parent=Ref.of(elsewhere.pk),
    )

    assert bound.get(api_path).status_code == 404
    assert bound.delete(api_path).status_code == 404


def test_a_bound_key_undoes_its_own_and_others_acts_within(api, bound, people, cast) -> None:
    mine = bulk_remove(bound, of(people["here"]).pk)
    theirs = bulk_remove(api, of(people["below"]).pk)
    assert bound.get(f"{BATCHES}/{theirs}").json()["undoable_until"]

    # Neither is seen any more, but what they held within the subtree is given back all the same.
    undone(bound, undone(bound, undone(bound, mine)))
    undone(bound, theirs)

    live = Assignment.objects.filter(environment=cast.environment).live()
    assert live.filter(identity=people["here"], node=cast.site).count() == 1
    assert live.filter(identity=people["below"], node=cast.room).count() == 1


def test_a_batch_that_reaches_outside_is_not_there_for_a_bound_key(
    api, bound, people, cast
) -> None:
    person = {"email": "new@example.org", "first_name": "New", "last_name": "Example"}
    made = api.post(f"{V1}/identities/bulk-create", {"identities": [person]}, format="json")
    batches = [
        bulk_remove(api, of(people["above"]).pk),
        bulk_create(
            api, cast.body(node_id=str(cast.room.pk)), cast.body(node_id=str(cast.root.pk))
        ),
        made.json()["batch_id"],
    ]
    before = snapshot(cast.environment)

    for batch in batches:
        random = uuid4()
        for call in (
            lambda pk: bound.get(f"{BATCHES}/{pk}"),
            lambda pk: undo(bound, pk),
        ):
            error_of(call(batch), 404, "batches.not_found")
            assert said(call(batch), batch) == said(call(random), random)
        assert_refused(bound, batch, 404, "batches.not_found")

    assert snapshot(cast.environment) == before


def test_a_bound_key_brings_back_nodes_below_its_own(api, bound, people, cast) -> None:
    answer = bound.delete(f"{V1}/nodes/{cast.room.pk}?cascade=true")
    batch = answer["X-Batch-ID"]

    undone(bound, undone(bound, undone(bound, batch)))

    assert Node.objects.get(pk=cast.room.pk).deleted_at is None
    assert Assignment.objects.filter(identity=people["below"]).live().count() == 1


def test_a_bound_key_undoes_nodes_that_were_made_below_its_own(bound, cast) -> None:
    rows = [{"ref": "a", "name": "A", "parent_node_id": str(cast.site.pk)}]
    rows += [{"name": "B", "parent_ref": "a"}]
    made = bound.post(f"{V1}/nodes/bulk-create", {"nodes": rows}, format="json")
    assert made.status_code in (200, 201), made.content

    first = undone(bound, made.json()["batch_id"])

    assert Node.objects.filter(name__in="AB", deleted_at=None).count() == 0
    undone(bound, first)
    assert Node.objects.filter(name__in="AB", deleted_at=None).count() == 2


def test_a_key_does_not_take_away_the_node_that_it_is_bound_to(api, client_of, cast) -> None:
    rows = [{"name": "Own", "parent_node_id": str(cast.site.pk)}]
    made = api.post(f"{V1}/nodes/bulk-create", {"nodes": rows}, format="json").json()
    own = client_of(cast.environment, node=Node.objects.get(name="Own"))

    answer = undo(own, made["batch_id"])

    error_of(answer, 403, "beyond_own_node")
    assert Node.objects.get(name="Own").deleted_at is None


def test_a_bound_key_needs_the_right_to_what_an_undo_does(api, client_of, cast, people) -> None:
    batch = api.delete(f"{V1}/nodes/{cast.room.pk}?cascade=true")["X-Batch-ID"]
    clerk = client_of(
        cast.environment, Scope.ASSIGNMENTS_VIEW, Scope.ASSIGNMENTS_MANAGE, node=cast.site
    )

    error = error_of(undo(clerk, batch), 403, "scope_missing")

    assert error["message"] == "This needs the scope hierarchy.manage."


def test_a_bound_key_costs_a_fixed_number_of_statements(api, bound, cast) -> None:
    counts: dict[int, list[int]] = {}
    for total in (5, 50):
        people = [cast.person(f"p{total}-{n}") for n in range(total)]
        rows = [cast.give(identity=one) for one in people]
        counts[total] = [statements_of(lambda: bound.get(ASSIGNMENTS))]
        batch = bulk_remove(bound, *(row.pk for row in rows))
        counts[total].append(statements_of(partial(bound.get, f"{BATCHES}/{batch}")))
        counts[total].append(statements_of(partial(undo, bound, batch)))

    assert counts[5] == counts[50]
