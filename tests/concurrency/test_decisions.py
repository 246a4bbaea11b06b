"""A decision is one moment's: it is never put together from two, and never remembered from an earlier one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest

from tests.assignments.cast import Cast
from tests.concurrency.calls import ask, ask_once, send
from tests.concurrency.crew import PROCESSES, Crew
from tests.concurrency.torn import Checked, Stage, act_as, make_stage
from tests.factories import make_key

pytestmark = pytest.mark.django_db(transaction=True)

CHECKERS = 2
LONGEST_SEARCH_SECONDS = 60


def play(crew: Crew, stage: Stage, part: str, seconds: float) -> Checked:
    """What the checkers saw while two nodes changed places."""
    parts = ["exchange", *[part] * CHECKERS]
    turns, *seen = crew.run(act_as, *((name, stage, seconds) for name in parts))
    assert isinstance(turns, int), turns
    assert turns >= 2
    total = Checked(0, 0, 0)
    for checked in seen:
        assert isinstance(checked, Checked), checked
        total += checked
    return total


@pytest.mark.parametrize(
    "least",
    [
        pytest.param(2_000, id="short"),
        pytest.param(100_000, id="whole", marks=pytest.mark.soak),
    ],
)
def test_no_decision_is_torn_while_nodes_change_places(crew: Crew, cast: Cast, least: int) -> None:
    stage = make_stage(cast)
    seen = Checked(0, 0, 0)

    while seen.count < least:
        seen += play(crew, stage, "check", 3)

    assert (seen.false_allows, seen.false_denials) == (0, 0)


def test_decisions_in_two_statements_are_torn(crew: Crew, cast: Cast) -> None:
    stage = make_stage(cast)
    until = time.monotonic() + LONGEST_SEARCH_SECONDS
    seen = Checked(0, 0, 0)

    while not (seen.false_allows and seen.false_denials) and time.monotonic() < until:
        seen += play(crew, stage, "check in two", 1)

    assert seen.false_allows
    assert seen.false_denials


def writes(cast: Cast, assignment_id: str) -> Iterator[tuple[bool, str, str, dict[str, Any]]]:
    """Endless changes by turns: whether Ada may read in the room after it, and the call that makes it."""
    site, room, root = (str(node.pk) for node in (cast.site, cast.room, cast.root))
    keys = f"roles/{cast.reader.pk}/permissions"
    carried = {"permission_keys": ["invoice.read"]}
    turns: list[tuple[bool, str, str, dict[str, Any]]] = [
        (False, "post", f"identities/{cast.ada.pk}/deactivate", {}),
        (True, "post", f"identities/{cast.ada.pk}/activate", {}),
        (False, "post", f"nodes/{room}/move", {"parent_node_id": root}),
        (True, "post", f"nodes/{room}/move", {"parent_node_id": site}),
        (False, "patch", f"nodes/{room}", {"status": "inactive"}),
        (True, "patch", f"nodes/{room}", {"status": "active"}),
        (False, "patch", f"roles/{cast.reader.pk}", {"is_active": False}),
        (True, "patch", f"roles/{cast.reader.pk}", {"is_active": True}),
        (False, "delete", keys, carried),
        (True, "post", keys, carried),
        (False, "patch", f"assignments/{assignment_id}", {"effective_from": "2999-01-01T00:00:00Z"}),
        (True, "patch", f"assignments/{assignment_id}", {"effective_from": None}),
    ]  # fmt: skip
    return cycle(turns)


def stale_answers(crew: Crew, cast: Cast, asker: Any, pairs: int) -> int:
    """How often what one process had written was not seen by another that was asked right after."""
    key = make_key(cast.environment)
    given = cast.give()
    question = {
        "identity_id": str(cast.ada.pk),
        "permission": "invoice.read",
        "scope": "node",
        "node_id": str(cast.room.pk),
    }
    stale = 0
    choose = random.Random(1)
    for expected, *call in islice(writes(cast, str(given.pk)), pairs):
        writing, asking = choose.sample(range(PROCESSES), 2)
        status, code = crew.ask(writing, send, key, *call)
        assert status in (200, 201, 204), (call, code)
        stale += crew.ask(asking, asker, key, question) is not expected
    return stale


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param(240, id="short"),
        pytest.param(10_000, id="whole", marks=pytest.mark.soak),
    ],
)
def test_what_one_process_wrote_another_knows(crew: Crew, cast: Cast, pairs: int) -> None:
    assert stale_answers(crew, cast, ask, pairs) == 0


def test_a_remembered_decision_would_be_stale(crew: Crew, cast: Cast) -> None:
    assert stale_answers(crew, cast, ask_once, 24) > 0
