"""The tree stays whole whatever is done to it at once, and does not without its lock."""

from __future__ import annotations

import time
from collections import Counter
from itertools import count

import pytest

from environments.models import Environment
from hierarchy.models import Node
from hierarchy.queries import find_problems
from tests.assignments.cast import Cast
from tests.concurrency.crew import Crew, Fault
from tests.concurrency.hammer import add_environment, changes, faults, hammer
from tests.factories import AccountFactory

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 8
TREE_LOCK = "hierarchy.locks._take"
LONGEST_SEARCH_SECONDS = 60


def hammered(crew: Crew, environment: Environment, seconds: float, seed: int) -> list[object]:
    """What eight writers did at once."""
    calls = [(environment.pk, seed * WRITERS + writer, seconds) for writer in range(WRITERS)]
    return crew.run(hammer, *calls)


@pytest.mark.parametrize(
    ("seconds", "least"),
    [
        pytest.param(4, 40, id="short"),
        pytest.param(600, 20_000, id="whole", marks=pytest.mark.soak),
    ],
)
def test_the_tree_stays_whole_under_the_hammer(
    crew: Crew, cast: Cast, seconds: float, least: int
) -> None:
    done: Counter[str] = Counter()
    until = time.monotonic() + seconds

    for seed in count():
        for result in hammered(crew, cast.environment, min(seconds, 20), seed):
            assert isinstance(result, Counter), result
            done += result
        assert faults(cast.environment) == []
        if time.monotonic() >= until:
            break

    assert changes(done) >= least
    for act in ("create", "create many", "move", "rename", "move and rename", "delete", "assign"):
        assert done[act], done


def test_the_tree_breaks_under_the_hammer_without_its_lock(crew: Crew, cast: Cast) -> None:
    until = time.monotonic() + LONGEST_SEARCH_SECONDS

    with crew.without(TREE_LOCK):
        for seed in count():
            hammered(crew, cast.environment, 1, seed)
            found = find_problems(cast.environment)
            if found or time.monotonic() > until:
                break

    assert found


def test_sixteen_environments_at_once_get_sixteen_roots(crew: Crew) -> None:
    account = AccountFactory.create()

    paths = crew.run(add_environment, *((account.pk, f"Stage {n}") for n in range(16)))

    assert not [path for path in paths if isinstance(path, Fault)]
    assert len(set(paths)) == 16
    assert Node.objects.filter(parent=None).count() == 16
    assert find_problems() == []


def test_sixteen_environments_at_once_collide_without_the_lock(crew: Crew) -> None:
    account = AccountFactory.create()
    until = time.monotonic() + LONGEST_SEARCH_SECONDS

    with crew.without(TREE_LOCK):
        for turn in count():
            calls = [(account.pk, f"Stage {turn} {n}") for n in range(16)]
            collided = [
                path for path in crew.run(add_environment, *calls) if isinstance(path, Fault)
            ]
            if collided or time.monotonic() > until:
                break

    assert collided
    assert "hierarchy_node_path" in collided[0].text
