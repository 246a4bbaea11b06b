"""The access questions and the lists about one person, told to follow from the answers at each node."""

from __future__ import annotations

import json
from typing import Any

from tests.scenarios.world import ScenarioWorld

Allowed = set[tuple[str, ...]]


def assert_lists_agree(world: ScenarioWorld, allowed: Allowed, at: str | None) -> None:
    """Where, who and what hold exactly those for whom a single question is answered with yes.

    Args:
        world: whose lists.
        allowed: person, permission and node of each yes.
        at: the instant that is asked about; None is now.
    """
    for who, identity_id in world.people.items():
        for what in world.permissions:
            body = {"identity_id": identity_id, "permission": what}
            nodes = everything(world, "nodes", at, **body)
            expected = [node for node in world.tree() if (who, what, node) in allowed]
            assert [node["id"] for node in nodes] == [world.nodes[node] for node in expected]
            assert [node["path"] for node in nodes] == [world.way_to(node) for node in expected]
        for where, node_id in world.nodes.items():
            keys = everything(world, "permissions", at, identity_id=identity_id, node_id=node_id)
            assert set(keys) == {
                what for what in world.permissions if (who, what, where) in allowed
            }
    for what in world.permissions:
        for where, node_id in world.nodes.items():
            people = everything(world, "identities", at, permission=what, node_id=node_id)
            assert {person["id"] for person in people} == {
                identity_id
                for who, identity_id in world.people.items()
                if (who, what, where) in allowed
            }
            assert all(person["via"] for person in people)


def everything(world: ScenarioWorld, question: str, at: str | None, **body: str) -> list[Any]:
    """The whole answer by pages of two, which is the same line by line; none where something is not there."""
    asked = {**body, **({"at": at} if at else {})}
    path = f"/api/v1/access/{question}"
    lines = world.api.post(path, asked, format="json", HTTP_ACCEPT="application/x-ndjson")
    if lines.status_code == 404:
        assert (
            world.api.post(path, asked, format="json")
            .json()["error"]["code"]
            .endswith(".not_found")
        )
        return []
    items: list[Any] = []
    cursor = ""
    while True:
        page = world.send("post", f"access/{question}?limit=2{cursor}", 200, **asked)
        items += page["items"]
        if page["pagination"]["next_cursor"] is None:
            break
        cursor = f"&cursor={page['pagination']['next_cursor']}"
    text = b"".join(lines).decode()
    assert [json.loads(line) for line in text.splitlines()] == items
    return items


def assert_held_alike(world: ScenarioWorld, allowed: Allowed, at: str | None) -> None:
    """ "Anywhere" and the lists of what someone holds follow from the answers at each node."""
    instant = {"at": at} if at else {}
    for who, identity_id in world.people.items():
        somewhere = {what for person, what, _ in allowed if person == who}
        for what in world.permissions:
            asked = {"identity_id": identity_id, "permission": what, "scope": "app_wide"}
            answer = world.send("post", "permissions/evaluate", 200, **asked, **instant)
            assert answer["allowed"] == (what in somewhere), (who, what)
        if at is not None:
            continue
        listed = world.api.get(f"/api/v1/identities/{identity_id}/permissions")
        granted = world.api.get(f"/api/v1/identities/{identity_id}/grants")
        if listed.status_code == 200:
            assert set(listed.json()["items"]) == somewhere
            places = {row["permission"]: row["node_ids"] for row in granted.json()["items"]}
            assert set(places) == somewhere
            _assert_reached(world, who, places, allowed)
        else:
            assert not somewhere


def _assert_reached(
    world: ScenarioWorld, who: str, places: dict[str, list[str]], allowed: Allowed
) -> None:
    """What is granted at a place is allowed there, and nothing is allowed that no place is above."""
    names = {node_id: name for name, node_id in world.nodes.items()}
    for what, node_ids in places.items():
        granted = {names[node_id] for node_id in node_ids}
        nodes = {where for person, key, where in allowed if (person, key) == (who, what)}
        assert granted <= nodes
        assert all(granted & set(world.way_to(node)) for node in nodes)
