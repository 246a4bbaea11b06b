"""The decision: every denial cause by name, and every form of the question against the oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assignments.decision.evaluate import evaluate, evaluate_many
from assignments.decision.explain import explain
from assignments.decision.question import Question
from assignments.models import Assignment, Permission, Role
from common.errors import NotFound
from common.refs import Ref
from identities.models import Identity
from tests.assignments.forms import assert_lists_agree
from tests.assignments.worlds import GrantSpec, World, WorldSpec, build

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
UNKNOWN = Ref("id", "00000000-0000-4000-8000-000000000000")


@pytest.fixture
def world(environment) -> World:
    """Root > 1 > 2, and 3 beside 1; one active person who holds role 0 (thing.act0) at node 1."""
    spec = WorldSpec(
        parents=[None, 0, 1, 0],
        roles=[frozenset({0}), frozenset({1})],
        statuses=["active"],
        grants=[GrantSpec(0, 0, 1)],
    )
    return build(environment, spec)


def ask(world: World, permission: str = "thing.act0", node: int = 2, at: datetime | None = None):
    """The decision and the explanation of one question, which must agree."""
    question = Question(world.identity(0), permission, world.node(node), at)
    decision = evaluate(world.environment, question)
    explanation = explain(world.environment, question)
    assert (decision.allowed, decision.denial_reason) == (
        explanation.allowed,
        explanation.denial_reason,
    )
    return decision, explanation


def test_a_role_holds_at_its_node_and_below_and_nowhere_else(world) -> None:
    answers = [ask(world, node=node)[0] for node in range(4)]

    assert [answer.allowed for answer in answers] == [False, True, True, False]
    assert answers[2].granting_roles == ["Role 0"]
    assert answers[2].effective_node_id == str(world.nodes[1].pk)


def test_an_explanation_shows_the_way_from_the_root_and_what_grants(world) -> None:
    _, explanation = ask(world)

    assert [rung.node_id for rung in explanation.lineage] == [node.pk for node in world.nodes[:3]]
    assert [rung.is_target for rung in explanation.lineage] == [False, False, True]
    assert explanation.granting_nodes == [world.nodes[1].pk]
    assert explanation.granting_roles == [world.roles[0].pk]
    assert explanation.lineage[1].grants[0].assignment_id == world.assignments[0].pk
    assert explanation.near_misses == []


def test_denied_identity_not_found(world) -> None:
    question = Question(UNKNOWN, "thing.act0", world.node(2))

    assert evaluate(world.environment, question).denial_reason == "identity_not_found"
    with pytest.raises(NotFound, match="identity"):
        explain(world.environment, question)


def test_denied_node_not_found(world) -> None:
    question = Question(world.identity(0), "thing.act0", UNKNOWN)

    assert evaluate(world.environment, question).denial_reason == "node_not_found"
    with pytest.raises(NotFound, match="node"):
        explain(world.environment, question)


@pytest.mark.parametrize("status", ["invited", "inactive"])
def test_denied_identity_not_active(world, status) -> None:
    Identity.objects.update(status=status)

    decision, explanation = ask(world)

    assert decision.denial_reason == f"identity_{status}"
    assert explanation.near_misses == [
        {"reason": f"identity_{status}", "identity_id": world.identities[0].pk}
    ]


def test_a_removed_identity_is_not_found(world) -> None:
    Identity.objects.update(status="removed")

    answer = evaluate(world.environment, Question(world.identity(0), "thing.act0", world.node(2)))

    assert answer.denial_reason == "identity_not_found"


@pytest.mark.parametrize("inactive", [1, 2])
def test_denied_node_inactive_at_the_node_or_above(world, inactive) -> None:
    type(world.nodes[0]).objects.filter(pk=world.nodes[inactive].pk).update(status="inactive")

    decision, explanation = ask(world)

    assert decision.denial_reason == "node_inactive"
    assert explanation.near_misses == [
        {"reason": "node_inactive", "node_id": world.nodes[inactive].pk}
    ]


def test_denied_permission_not_found(world) -> None:
    decision, explanation = ask(world, permission="thing.unheard_of")

    assert decision.denial_reason == "permission_not_found"
    assert explanation.near_misses == [
        {"reason": "permission_not_found", "permission": "thing.unheard_of"}
    ]


def test_denied_role_inactive(world) -> None:
    Role.objects.update(is_active=False)

    decision, explanation = ask(world)

    assert decision.denial_reason == "role_inactive"
    assert explanation.near_misses[0]["role_id"] == world.roles[0].pk
    assert explanation.near_misses[0]["assignment_id"] == world.assignments[0].pk


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        ({"effective_from": NOW + DAY}, "window_not_started"),
        ({"effective_to": NOW - DAY}, "window_ended"),
    ],
)
def test_denied_outside_the_window(world, window, reason) -> None:
    Assignment.objects.update(**window)

    decision, explanation = ask(world)

    assert decision.denial_reason == reason
    assert explanation.near_misses[0]["reason"] == reason
    assert explanation.near_misses[0]["assignment_id"] == world.assignments[0].pk
    assert explanation.near_misses[0]["node_id"] == world.nodes[1].pk


def test_denied_no_grant_names_the_roles_that_would_do(world) -> None:
    decision, explanation = ask(world, permission="thing.act1")

    assert decision.denial_reason == "no_grant"
    assert explanation.near_misses == [
        {
            "reason": "no_grant",
            "identity_id": world.identities[0].pk,
            "node_id": world.nodes[2].pk,
            "role_ids": [world.roles[1].pk],
        }
    ]


def test_a_revoked_assignment_is_neither_a_grant_nor_a_near_miss(world) -> None:
    Assignment.objects.update(revoked_at=NOW)

    decision, explanation = ask(world)

    assert decision.denial_reason == "no_grant"
    assert all(rung.grants == [] for rung in explanation.lineage)


def test_the_miss_with_the_fewest_obstacles_is_the_nearest(environment) -> None:
    spec = WorldSpec(
        parents=[None, 0],
        roles=[frozenset({0}), frozenset({0})],
        inactive_roles=frozenset({0}),
        statuses=["active"],
        grants=[
            GrantSpec(0, 0, 1, effective_to=NOW - DAY),
            GrantSpec(0, 1, 0, effective_from=NOW + DAY),
        ],
    )
    world = build(environment, spec)

    decision, explanation = ask(world, node=1)

    assert decision.denial_reason == "window_not_started"
    assert [miss["reason"] for miss in explanation.near_misses] == [
        "window_not_started",
        "role_inactive",
    ]


def test_windows_are_half_open(world) -> None:
    start, end = NOW - DAY, NOW + DAY
    Assignment.objects.update(effective_from=start, effective_to=end, counts_from=start - DAY)
    tick = timedelta(microseconds=1)

    answers = {
        at: ask(world, at=at)[0].denial_reason for at in (start - tick, start, end - tick, end)
    }

    assert answers == {
        start - tick: "window_not_started",
        start: None,
        end - tick: None,
        end: "window_ended",
    }


def test_the_past_counts_an_assignment_from_its_creation_to_its_revocation(world) -> None:
    Assignment.objects.update(
        effective_from=NOW - 100 * DAY, counts_from=NOW - 3 * DAY, revoked_at=NOW - DAY
    )

    allowed = [ask(world, at=NOW - days * DAY)[0].allowed for days in (4, 3, 2, 1, 0)]

    assert allowed == [False, True, True, False, False]


def test_references_by_external_id_and_address_reach_the_same_rows(world) -> None:
    Identity.objects.update(external_id="ada-1")
    type(world.nodes[0]).objects.filter(pk=world.nodes[2].pk).update(external_id="site-2")
    identities = [world.identity(0), Ref("ext", "ada-1"), Ref("email", "person0@example.org")]
    nodes = [world.node(2), Ref("ext", "site-2"), None]
    questions = [Question(who, "thing.act0", where) for who in identities for where in nodes]

    together = evaluate_many(world.environment, questions)

    assert all(decision.allowed for decision in together)
    assert together == [evaluate(world.environment, question) for question in questions]


def test_anywhere_ignores_places_below_an_inactive_node(world) -> None:
    anywhere = Question(world.identity(0), "thing.act0", None)
    assert evaluate(world.environment, anywhere).effective_node_id == str(world.nodes[1].pk)

    type(world.nodes[0]).objects.filter(pk=world.nodes[1].pk).update(status="inactive")

    assert evaluate(world.environment, anywhere).denial_reason == "no_grant"


def test_another_environment_is_never_asked(world, make_environment) -> None:
    other = make_environment()
    Permission.objects.create(environment=other, key="thing.act0", name="", category="thing")

    answer = evaluate(other, Question(world.identity(0), "thing.act0", world.node(2)))

    assert answer.denial_reason == "identity_not_found"


def test_each_form_is_one_statement(world, django_assert_num_queries) -> None:
    question = Question(world.identity(0), "thing.act0", world.node(2))

    with django_assert_num_queries(1):
        evaluate(world.environment, question)
    with django_assert_num_queries(1):
        evaluate_many(world.environment, [question] * 1_000)
    with django_assert_num_queries(1):
        explain(world.environment, question)


_moments = st.sampled_from([None, NOW - 2 * DAY, NOW - DAY, NOW + DAY, NOW + 2 * DAY])


@st.composite
def specs(draw: st.DrawFn) -> WorldSpec:
    """Worlds of up to 8 nodes, 3 roles, 3 people and 10 assignments."""
    size = draw(st.integers(1, 8))
    parents = [None, *(draw(st.integers(0, node - 1)) for node in range(1, size))]
    roles = draw(st.lists(st.frozensets(st.integers(0, 2)), min_size=1, max_size=3))
    statuses = draw(
        st.lists(
            st.sampled_from(["active", "active", "inactive", "invited"]), min_size=1, max_size=3
        )
    )
    grants = []
    for _ in range(draw(st.integers(0, 10))):
        start, end = draw(_moments), draw(_moments)
        if start and end and start >= end:
            start, end = (end, start) if start > end else (start, None)
        grants.append(
            GrantSpec(
                draw(st.integers(0, len(statuses) - 1)),
                draw(st.integers(0, len(roles) - 1)),
                draw(st.integers(0, size - 1)),
                start,
                end,
                draw(st.booleans()) and draw(st.booleans()),
            )
        )
    return WorldSpec(
        parents=parents,
        inactive_nodes=draw(st.frozensets(st.integers(1, max(size - 1, 1)), max_size=2)),
        roles=roles,
        inactive_roles=draw(st.frozensets(st.integers(0, len(roles) - 1), max_size=1)),
        statuses=statuses,
        grants=grants,
    )


@given(spec=specs())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_form_of_the_question_agrees_with_the_oracle(make_environment, spec) -> None:
    assert_agrees(make_environment(), spec)


def assert_agrees(environment, spec: WorldSpec) -> int:
    """Ask everything about a world in every form; returns how many questions were asked."""
    world = build(environment, spec)
    keys = [
        (identity, permission, node)
        for identity in range(len(spec.statuses))
        for permission in range(spec.permissions)
        for node in range(len(spec.parents))
    ]
    questions = [
        Question(world.identity(who), f"thing.act{what}", world.node(where))
        for who, what, where in keys
    ]
    expected = [spec.allows(who, what, where, NOW) for who, what, where in keys]

    decisions = evaluate_many(environment, questions)

    assert [decision.allowed for decision in decisions] == expected
    for question, decision in zip(questions, decisions, strict=True):
        explanation = explain(environment, question)
        assert explanation.allowed == decision.allowed
        assert explanation.denial_reason == decision.denial_reason
        nearest = explanation.effective_node_id
        assert (nearest and str(nearest)) == decision.effective_node_id
    for who in range(len(spec.statuses)):
        for what in range(spec.permissions):
            anywhere = evaluate(
                environment, Question(world.identity(who), f"thing.act{what}", None)
            )
            assert anywhere.allowed == any(
                spec.allows(who, what, where, NOW) for where in range(len(spec.parents))
            )
    assert_lists_agree(world, spec)
    return len(questions)
