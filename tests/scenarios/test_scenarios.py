"""Small stories in YAML, each put to every form of the question; all forms must tell the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from rest_framework.test import APIClient

from tests.scenarios.forms import assert_held_alike, assert_lists_agree
from tests.scenarios.world import ScenarioWorld, instant

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario(file: Path, api: APIClient) -> None:
    story = yaml.safe_load(file.read_text())
    world = ScenarioWorld(api, story)

    check(world, story)
    for step in story.get("steps", []):
        world.do(step["do"])
        check(world, step)


def check(world: ScenarioWorld, expected: Mapping[str, Any]) -> None:
    """Ask about now, and about each other instant that is told of."""
    check_at(world, expected, None)
    for offset, told in expected.get("at", {}).items():
        check_at(world, told or {}, instant(offset))


def check_at(world: ScenarioWorld, expected: Mapping[str, Any], at: str | None) -> None:
    """Ask for every person, permission and node; whatever is not listed as allowed must be denied."""
    allowed = {
        (*line.split(), node)
        for line, nodes in expected.get("allowed", {}).items()
        for node in nodes
    }
    asked = [
        (who, what, where)
        for who in world.people
        for what in world.permissions
        for where in world.nodes
    ]

    answers = dict(zip(asked, ask_all(world, asked, at), strict=True))

    assert {key for key, answer in answers.items() if answer["allowed"]} == allowed
    for key, answer in answers.items():
        assert ask(world, key, at) == answer, key
        assert_explained_alike(world, key, answer, at)
    for line, reason in expected.get("denied", {}).items():
        assert answers[tuple(line.split(maxsplit=2))]["denial_reason"] == reason, line
    for line, node in expected.get("nearest", {}).items():
        answer = answers[tuple(line.split(maxsplit=2))]
        assert answer["effective_node_id"] == world.nodes[node], line
    assert_held_alike(world, allowed, at)
    assert_lists_agree(world, allowed, at)


def question(world: ScenarioWorld, key: tuple[str, str, str], at: str | None) -> dict[str, str]:
    """The question as the API takes it."""
    who, what, where = key
    asked = {
        "identity_id": world.people[who],
        "permission": what,
        "scope": "node",
        "node_id": world.nodes[where],
    }
    return {**asked, "at": at} if at else asked


def ask(world: ScenarioWorld, key: tuple[str, str, str], at: str | None) -> Any:
    """One answer by itself."""
    return world.send("post", "permissions/evaluate", 200, **question(world, key, at))


def ask_all(world: ScenarioWorld, keys: list[tuple[str, str, str]], at: str | None) -> Any:
    """All answers at once."""
    checks = [question(world, key, at) for key in keys]
    return world.send("post", "permissions/evaluate/bulk", 200, checks=checks)["items"]


def assert_explained_alike(
    world: ScenarioWorld, key: tuple[str, str, str], answer: Mapping[str, Any], at: str | None
) -> None:
    """An explanation says what the plain answer says, and 404 for what is not there."""
    asked = question(world, key, at)
    del asked["scope"]
    if answer["denial_reason"] in ("identity_not_found", "node_not_found"):
        world.send("post", "permissions/evaluate/explain", 404, **asked)
        return
    told = world.send("post", "permissions/evaluate/explain", 200, **asked)
    names = {role_id: name for name, role_id in world.roles.items()}
    for name in ("allowed", "denial_reason", "effective_node_id"):
        assert told[name] == answer[name], key
    assert sorted(names[row] for row in told["granting_role_ids"]) == answer["granting_roles"]
    assert bool(told["near_misses"]) != told["allowed"]
    if told["near_misses"]:
        assert told["near_misses"][0]["reason"] == answer["denial_reason"]
