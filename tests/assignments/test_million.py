"""A large world against the oracle: every answer of a million, and a part of them in every form."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from assignments.decision.evaluate import evaluate, evaluate_many
from assignments.decision.explain import explain
from assignments.decision.listing import whole_of
from assignments.decision.question import Question
from assignments.decision.what import permissions_allowed
from assignments.decision.where import nodes_allowed
from assignments.decision.who import identities_allowed
from bench.loading import load
from bench.world import MEDIUM, SMALL, Size, generate
from common.refs import Ref
from environments.models import Environment
from environments.queries import open_with_key

pytestmark = pytest.mark.django_db
AT_ONCE = 10_000
IN_EVERY_FORM = 100
IN_LISTS = 10


@pytest.mark.parametrize(
    ("size", "count"),
    [
        pytest.param(SMALL, 20_000, id="short"),
        pytest.param(MEDIUM, 1_000_000, id="whole", marks=pytest.mark.soak),
    ],
)
def test_a_large_world_agrees_with_the_oracle(size: Size, count: int) -> None:
    world = generate(size)
    loaded = load(world)
    environment = environment_of(loaded.key)
    choose = random.Random(1)
    started = datetime.now(UTC)

    for _ in range(count // AT_ONCE):
        checks = []
        for _ in range(AT_ONCE):
            # Half about a grant that there is, so that a good part is allowed.
            grant = choose.choice(world.grants)
            near = choose.random() < 0.5
            who = grant.identity
            what = choose.choice(sorted(world.roles[grant.role])) if near else choose.randrange(80)
            where = grant.node if near else choose.randrange(size.nodes)
            checks.append((who, what, where))
        questions = [
            Question(
                Ref.of(UUID(loaded.ids.identities[who])),
                world.permissions[what],
                Ref.of(UUID(loaded.ids.nodes[where])),
            )
            for who, what, where in checks
        ]
        expected = [world.allows(who, what, where, started) for who, what, where in checks]

        decisions = evaluate_many(environment, questions)

        assert [decision.allowed for decision in decisions] == expected
        assert 0.2 < sum(expected) / AT_ONCE < 0.8
        for question, decision in list(zip(questions, decisions, strict=True))[:IN_EVERY_FORM]:
            explanation = explain(environment, question)
            assert evaluate(environment, question) == decision
            assert explanation.allowed == decision.allowed
            assert explanation.denial_reason == decision.denial_reason
        for (who, what, where), question in list(zip(checks, questions, strict=True))[:IN_LISTS]:
            assert_listed(environment, world, loaded.ids, (who, what, where), question, started)


def assert_listed(
    environment: Environment,
    world: Any,
    ids: Any,
    asked: tuple[int, int, int],
    question: Question,
    at: datetime,
) -> None:
    """The lists hold exactly those for whom, and where, and what the oracle allows."""
    who, what, where = asked
    assert question.node is not None
    places = nodes_allowed(environment, Question(question.identity, question.permission, None))
    people = identities_allowed(environment, question.permission, question.node, None)
    keys = permissions_allowed(environment, question.identity, question.node, None)

    assert {node.id for node in whole_of(places)} == {
        ids.nodes[node] for node in range(world.size.nodes) if world.allows(who, what, node, at)
    }
    assert {identity.id for identity in whole_of(people)} == {
        ids.identities[identity]
        for identity in range(world.size.identities)
        if world.allows(identity, what, where, at)
    }
    assert set(whole_of(keys)) == {
        key for index, key in enumerate(world.permissions) if world.allows(who, index, where, at)
    }


def test_a_decision_reads_few_pages_even_before_the_tables_have_statistics() -> None:
    loaded = load(generate(SMALL))
    environment = environment_of(loaded.key)
    identity, node = UUID(loaded.ids.identities[7]), UUID(loaded.ids.nodes[-1])
    question = Question(Ref.of(identity), "resource0.read", Ref.of(node))
    plans: list[Any] = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params, many, context)
        plans.append(context["cursor"].fetchone()[0][0])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        evaluate(environment, question)

    assert len(plans) == 1
    pages = plans[0]["Plan"]["Shared Hit Blocks"] + plans[0]["Plan"]["Shared Read Blocks"]
    assert 5 < pages < 60


def test_a_decision_is_planned_once_and_not_for_every_question() -> None:
    loaded = load(generate(SMALL))
    environment = environment_of(loaded.key)

    for identity in loaded.ids.identities[:20]:
        node = Ref.of(UUID(loaded.ids.nodes[-1]))
        evaluate(environment, Question(Ref.of(UUID(identity)), "resource0.read", node))

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE 'SELECT c.position%%VALUES%%' ORDER BY generic_plans DESC"
        )
        generic, custom = cursor.fetchone() or (0, 0)
    assert custom <= 5
    assert generic >= 15


def environment_of(key: str) -> Environment:
    """The environment that a key opens."""
    opened = open_with_key(key)
    assert opened is not None
    return opened.environment
