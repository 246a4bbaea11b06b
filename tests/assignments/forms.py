"""Every form of the question put to a small world, for whoever asks, and held against the oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from assignments.decision.evaluate import evaluate
from assignments.decision.explain import Explanation, explain
from assignments.decision.grants_of import grants_of
from assignments.decision.held import permissions_held
from assignments.decision.listing import Listing, page_of, whole_of
from assignments.decision.question import Question
from assignments.decision.what import permissions_allowed
from assignments.decision.where import nodes_allowed
from assignments.decision.who import identities_allowed
from common.errors import NotFound
from environments.models import Environment
from tests.assignments.worlds import World, WorldSpec
from tests.oracle import in_tree_order, way_to


def every_item(listing: Listing[Any], position: Callable[[Any], str], limit: int = 2) -> list[Any]:
    """The whole answer, which is the same by page and at once."""
    paged: list[Any] = []
    after = None
    while True:
        page = page_of(listing, after, limit)
        paged += page.items
        assert len(page.items) <= limit
        if not page.more:
            break
        after = position(page.items[-1])
    assert list(whole_of(listing)) == paged
    return paged


def found(make: Callable[[], Sequence[Any]]) -> tuple[list[Any], str | None]:
    """What a list holds, or the code of its refusal."""
    try:
        return list(make()), None
    except NotFound as error:
        return [], error.code


def assert_lists_agree(
    world: World, spec: WorldSpec, at: datetime | None = None, bound: int | None = None
) -> None:
    """Where, who, what and "anywhere" follow from the oracle's answers at each node.

    Args:
        world: the rows; its environment is asked as a caller who is bound to `bound`.
        spec: what they were made of.
        at: the instant that is asked about.
        bound: the node that the caller is bound to.
    """
    instant = at or datetime.now(UTC)
    shown = [
        node
        for node in in_tree_order(spec.parents)
        if bound is None or bound in way_to(spec.parents, node)
    ]
    world.environment.bound_to = None if bound is None else world.nodes[bound].pk
    for who in range(len(spec.statuses)):
        seen = bound is None or spec.is_assigned(who, shown)
        for what in range(spec.permissions):
            allowed = [node for node in shown if spec.allows(who, what, node, instant)]
            _assert_where(world, spec, (who, what), allowed, seen, at, bound)
            _assert_anywhere(world, (who, what), allowed, seen, at)
        for where in shown:
            here = permissions_allowed(
                world.environment, world.identity(who), world.node(where), at
            )
            keys, code = found(partial(every_item, here, str))
            expected = [
                f"thing.act{what}"
                for what in range(spec.permissions)
                if spec.allows(who, what, where, instant)
            ]
            assert keys == expected
            assert code == (None if seen or expected else "identities.not_found")
    for what in range(spec.permissions):
        for where in shown:
            listing = identities_allowed(
                world.environment, f"thing.act{what}", world.node(where), at
            )
            _assert_who(world, spec, listing, (what, where), instant, shown, bound)


def _assert_where(
    world: World,
    spec: WorldSpec,
    asked: tuple[int, int],
    allowed: list[int],
    seen: bool,
    at: datetime | None,
    bound: int | None,
) -> None:
    who, what = asked
    question = Question(world.identity(who), f"thing.act{what}", None, at)
    nodes, code = found(
        lambda: every_item(nodes_allowed(world.environment, question), lambda node: node.id)
    )
    assert [node.id for node in nodes] == [str(world.nodes[node].pk) for node in allowed]
    assert code == (None if seen or allowed else "identities.not_found")
    for node, index in zip(nodes, allowed, strict=True):
        way = way_to(spec.parents, index)
        above = 0 if bound is None else way.index(bound)
        assert node.path == [world.nodes[step].name for step in way[above:]]


def _assert_who(
    world: World,
    spec: WorldSpec,
    listing: Listing[Any],
    asked: tuple[int, int],
    instant: datetime,
    shown: list[int],
    bound: int | None,
) -> None:
    what, where = asked
    expected = {
        str(world.identities[who].pk)
        for who in range(len(spec.statuses))
        if spec.allows(who, what, where, instant)
        and (bound is None or spec.is_assigned(who, shown))
    }
    people = every_item(listing, lambda identity: identity.id, limit=1)
    assert [person.id for person in people] == sorted(expected)
    lineage = [node for node in reversed(way_to(spec.parents, where)) if node in shown]
    nodes = [str(world.nodes[node].pk) for node in lineage]
    for person in people:
        places = [nodes.index(via.node_id) for via in person.via]
        assert places == sorted(places)
        assert places or bound is not None


def _assert_anywhere(
    world: World, asked: tuple[int, int], allowed: list[int], seen: bool, at: datetime | None
) -> None:
    who, what = asked
    key = f"thing.act{what}"
    decision = evaluate(world.environment, Question(world.identity(who), key, None, at))
    assert decision.allowed == bool(allowed)
    assert seen or allowed or decision.denial_reason == "identity_not_found"
    if at is None:
        held = permissions_held(world.environment, world.identities[who])
        granted = {row.permission for row in grants_of(world.environment, world.identities[who])}
        assert (key in held) == bool(allowed)
        assert granted <= set(held)


def assert_bound_agrees(world: World, spec: WorldSpec, bound: int) -> None:
    """What a caller who is bound to a node is told of each question about one node."""
    environment = world.environment
    within = [node for node in range(len(spec.parents)) if bound in way_to(spec.parents, node)]
    names = {None, *(str(world.nodes[node].pk) for node in within)}
    environment.bound_to = world.nodes[bound].pk
    for who in range(len(spec.statuses)):
        seen = spec.is_assigned(who, within)
        for what in range(spec.permissions):
            for where in range(len(spec.parents)):
                question = Question(world.identity(who), f"thing.act{what}", world.node(where))
                allowed = where in within and spec.allows(who, what, where, datetime.now(UTC))

                decision = evaluate(environment, question)
                told, code = found(partial(_explained, environment, question))

                assert decision.allowed == allowed
                assert decision.effective_node_id in names
                if not allowed and not seen:
                    assert decision.denial_reason == "identity_not_found"
                    assert code == "identities.not_found"
                elif where not in within:
                    assert decision.denial_reason in (
                        "node_not_found", f"identity_{spec.statuses[who]}",
                    )  # fmt: skip
                    assert code == "nodes.not_found"
                else:
                    (explanation,) = told
                    nearest = explanation.effective_node_id
                    assert explanation.allowed == decision.allowed
                    assert explanation.denial_reason == decision.denial_reason
                    assert (nearest and str(nearest)) == decision.effective_node_id
                    assert explanation.lineage[0].node_id == environment.bound_to
                    assert {str(node) for node in explanation.granting_nodes} <= names
                    assert {
                        miss["node_id"] for miss in explanation.near_misses if "node_id" in miss
                    } <= {world.nodes[node].pk for node in within}


def _explained(environment: Environment, question: Question) -> list[Explanation]:
    return [explain(environment, question)]
