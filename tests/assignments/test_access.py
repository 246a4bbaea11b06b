"""Where, who and what against the oracle: for everyone, at every instant, and for callers bound to a node."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assignments.decision.listing import Listing, page_of, whole_of
from assignments.decision.question import Question
from assignments.decision.where import nodes_allowed
from assignments.decision.who import identities_allowed
from common.refs import Ref
from hierarchy.models import Node
from identities.models import Identity
from tests.assignments.forms import assert_bound_agrees, assert_lists_agree, every_item
from tests.assignments.test_decision import specs
from tests.assignments.worlds import GrantSpec, WorldSpec, build
from tests.rituals import statements_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOW = datetime.now(UTC)
thoroughly = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(spec=specs(), days=st.sampled_from([0.5, 1.5, 3]))
@thoroughly
def test_lists_about_a_later_instant_agree_with_the_oracle(make_environment, spec, days) -> None:
    assert_lists_agree(build(make_environment(), spec), spec, at=datetime.now(UTC) + days * DAY)


@given(spec=specs(), data=st.data())
@thoroughly
def test_all_forms_agree_for_a_caller_bound_to_a_node(make_environment, spec, data) -> None:
    world = build(make_environment(), spec)
    bound = data.draw(st.integers(0, len(spec.parents) - 1))

    assert_bound_agrees(world, spec, bound)
    assert_lists_agree(world, spec, bound=bound)


def holder(parents: list[int | None], *places: int, inactive: frozenset[int] = frozenset()):
    """A world with one person who holds the only role at these places."""
    return WorldSpec(
        parents=parents,
        inactive_nodes=inactive,
        roles=[frozenset({0})],
        permissions=1,
        statuses=["active"],
        grants=[GrantSpec(0, 0, place) for place in places],
    )


#   0 > 1 > 2 > 3,  1 > 4,  0 > 5 > 6
TREE = [None, 0, 1, 2, 1, 0, 5]


@pytest.mark.parametrize(
    ("places", "inactive"),
    [
        ((0,), {2}),
        ((0,), {2, 3}),
        ((0,), {3, 5}),
        ((1, 3, 2), {4}),
        ((3, 1, 6), set()),
        ((3, 4, 5), {2}),
        ((2, 6), {1, 5}),
    ],
)
def test_places_below_each_other_and_branches_switched_off_are_told_once_or_not(
    environment, places, inactive
) -> None:
    spec = holder(TREE, *places, inactive=frozenset(inactive))

    world = build(environment, spec)

    assert_lists_agree(world, spec)
    for bound in range(len(TREE)):
        assert_lists_agree(world, spec, bound=bound)
        assert_bound_agrees(world, spec, bound)


def test_under_a_node_and_of_a_type_are_parts_of_the_whole(environment) -> None:
    spec = holder(TREE, 1, 5, inactive=frozenset({4}))
    world = build(environment, spec)
    Node.objects.filter(pk__in=[world.nodes[2].pk, world.nodes[4].pk, world.nodes[6].pk]).update(
        node_type="room"
    )

    def names(under: int | None, node_type: str | None) -> list[str]:
        node = None if under is None else world.node(under)
        question = Question(world.identity(0), "thing.act0", node)
        listing = nodes_allowed(environment, question, node_type)
        return [row.name for row in every_item(listing, lambda row: row.id, limit=1)]

    assert names(None, None) == ["Node 1", "Node 2", "Node 3", "Node 5", "Node 6"]
    assert names(0, None) == names(None, None)
    assert names(1, None) == ["Node 1", "Node 2", "Node 3"]
    assert names(3, None) == ["Node 3"]
    assert names(4, None) == []
    assert names(None, "room") == ["Node 2", "Node 6"]
    assert names(1, "room") == ["Node 2"]
    assert names(None, "hall") == []


def test_a_branch_switched_off_between_two_pages_is_left_out_from_there(environment) -> None:
    spec = holder(TREE, 0)
    world = build(environment, spec)
    listing = nodes_allowed(environment, Question(world.identity(0), "thing.act0", None))
    first = page_of(listing, None, 3)
    Node.objects.filter(pk=world.nodes[1].pk).update(status="inactive")

    rest = page_of(listing, first.items[-1].id, 10)

    assert [node.name for node in first.items[1:]] == ["Node 1", "Node 2"]
    assert [node.name for node in rest.items] == ["Node 5", "Node 6"]


def test_the_past_counts_from_when_an_assignment_was_there_until_it_was_revoked(
    environment,
) -> None:
    spec = holder(TREE, 1)
    world = build(environment, spec)
    (assignment,) = world.assignments
    before = assignment_is_there(world, NOW - DAY)
    type(assignment).objects.update(counts_from=NOW - 3 * DAY, revoked_at=NOW - DAY)

    there = [assignment_is_there(world, NOW - days * DAY) for days in (4, 2, 0.5)]

    assert not before
    assert there == [False, True, False]


def assignment_is_there(world, at: datetime) -> bool:
    """Whether all lists tell of the one assignment at an instant."""
    question = Question(world.identity(0), "thing.act0", None, at)
    nodes = list(whole_of(nodes_allowed(world.environment, question)))
    people = list(whole_of(identities_allowed(world.environment, "thing.act0", world.node(3), at)))
    assert bool(nodes) == bool(people)
    return bool(nodes)


@pytest.fixture
def crowd(environment):
    """Three hundred people at the root and at a leaf, in a tree of three hundred nodes."""
    spec = WorldSpec(
        parents=[None, *(index // 3 for index in range(300))],
        roles=[frozenset({0})],
        permissions=1,
        statuses=["active"] * 300,
        grants=[GrantSpec(who, 0, 0 if who % 2 else 299) for who in range(300)],
    )
    return build(environment, spec)


def test_a_page_is_one_statement_however_many_rows_it_has(environment, crowd) -> None:
    where = nodes_allowed(environment, Question(crowd.identity(1), "thing.act0", None))
    who = identities_allowed(environment, "thing.act0", crowd.node(299), None)

    listings: list[Listing[Any]] = [where, who]

    counts = {
        statements_of(partial(page_of, listing, None, limit))
        for listing in listings
        for limit in (3, 30, 300)
    }

    assert counts == {1}
    assert len(every_item(where, lambda node: node.id, limit=70)) == 301
    people = every_item(who, lambda identity: identity.id, limit=70)
    assert [person.id for person in people] == [
        str(pk) for pk in Identity.objects.order_by("pk").values_list("pk", flat=True)
    ]


def test_a_late_page_reads_no_more_than_an_early_one(environment, crowd) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    where = nodes_allowed(environment, Question(crowd.identity(1), "thing.act0", None))
    who = identities_allowed(environment, "thing.act0", crowd.node(299), None)

    listings: list[Listing[Any]] = [where, who]
    for listing in listings:
        ids = [item.id for item in whole_of(listing)]
        early, late = rows_read(listing, ids[10]), rows_read(listing, ids[-20])
        assert late < 1.5 * early


def rows_read(listing, after: str) -> int:
    """How many pages of the database a page of the list touches."""
    parameters = {**listing.parameters, "after": after, "limit": 11}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {listing.statement}", parameters)
        plan = cursor.fetchone()[0][0]["Plan"]
    touched: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return touched


def test_nobody_of_another_environment_is_told(environment, make_environment) -> None:
    spec = holder(TREE, 0)
    ours, theirs = build(environment, spec), build(make_environment(), spec)
    where = nodes_allowed(environment, Question(ours.identity(0), "thing.act0", None))
    who = identities_allowed(environment, "thing.act0", ours.node(0), None)

    assert {row.id for row in whole_of(where)} == {str(node.pk) for node in ours.nodes}
    assert [row.id for row in whole_of(who)] == [str(ours.identities[0].pk)]
    assert page_of(where, str(theirs.nodes[3].pk), 10).items == page_of(where, None, 10).items


def test_references_of_callers_lead_to_the_same_lists(environment) -> None:
    spec = holder(TREE, 1)
    world = build(environment, spec)
    Identity.objects.update(external_id="e-1")
    Node.objects.filter(pk=world.nodes[2].pk).update(external_id="n-2")

    for ref in (world.identity(0), Ref("ext", "e-1"), Ref("email", "person0@example.org")):
        question = Question(ref, "thing.act0", Ref("ext", "n-2"))
        rows = [row.name for row in whole_of(nodes_allowed(environment, question))]
        assert rows == ["Node 2", "Node 3"]
