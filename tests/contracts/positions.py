"""Where an id of a row may stand in a call, read off the committed OpenAPI file."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
METHODS = ("get", "post", "put", "patch", "delete")
# What a field or a parameter that takes an id is called, and the kind of row it names.
KINDS = {
    "identity_id": "identities",
    "node_id": "nodes",
    "parent_node_id": "nodes",
    "source_node_id": "nodes",
    "subtree": "nodes",
    "under": "nodes",
    "role_id": "roles",
    "assignment_ids": "assignments",
}
# Ids that are compared with the audit log's rows and name nothing by themselves: any value is as good.
FREE = {"actor_id", "resource_id", "client_id"}


@dataclass(frozen=True)
class Position:
    """A place for an id.

    Args:
        where: path, query or body.
        steps: the way to it in the body; its name elsewhere. An empty step stands for a list's first item.
        kind: the resource whose rows it names.
    """

    where: str
    steps: tuple[str, ...]
    kind: str

    def __str__(self) -> str:
        return f"{self.where} {'.'.join(step or '0' for step in self.steps)}"


@dataclass(frozen=True)
class Described:
    """An operation as the OpenAPI file tells of it."""

    method: str
    path: str
    positions: tuple[Position, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def described() -> tuple[Described, ...]:
    """Every operation of the committed file."""
    content = json.loads(COMMITTED.read_text())
    return tuple(
        Described(method.upper(), path, tuple(_positions(content, path, operation)))
        for path, methods in content["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    )


def _positions(
    content: Mapping[str, Any], path: str, operation: Mapping[str, Any]
) -> Iterator[Position]:
    resource = path.removeprefix("/api/v1/").split("/")[0]
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        if parameter["in"] == "path":
            yield Position("path", (name,), resource)
        elif parameter["in"] == "query" and takes_id(name, parameter["schema"]):
            yield Position("query", (name,), KINDS[name])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for steps in _fields(content, body.get("schema", {})):
        name = next(step for step in reversed(steps) if step)
        yield Position("body", steps, KINDS[name])


def takes_id(name: str, schema: Mapping[str, Any]) -> bool:
    """Whether a parameter or field takes an id; one that is not known here fails by its name."""
    told = schema.get("format") == "uuid" or schema.get("description", "").startswith("A UUID")
    return (told or name in KINDS) and name not in FREE


def _fields(
    content: Mapping[str, Any], schema: Mapping[str, Any], name: str = ""
) -> Iterator[tuple[str, ...]]:
    if "$ref" in schema:
        named = content["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        yield from _fields(content, named, name)
    elif schema.get("type") == "array":
        for steps in _fields(content, schema["items"], name):
            yield ("", *steps)
    elif "properties" in schema:
        for key, inner in schema["properties"].items():
            for steps in _fields(content, inner, key):
                yield (key, *steps)
    elif takes_id(name, schema):
        yield ()


def with_id(body: Any, steps: tuple[str, ...], row_id: str) -> Any:
    """A body with an id at a position, whatever stood there.

    Args:
        body: JSON-ready.
        steps: the way to the position.
        row_id: what shall stand there.
    """
    if not steps:
        return row_id
    step, rest = steps[0], steps[1:]
    if step == "":
        return [with_id(body[0] if body else None, rest, row_id), *(body or [])[1:]]
    changed = copy.deepcopy(body) if body else {}
    changed[step] = with_id(changed.get(step), rest, row_id)
    return changed


def normal(path: str) -> str:
    """A path without the names and kinds of what stands in it, as the file and the addresses both write it."""
    return re.sub(r"\{[^}]*\}|<[^>]*>", "{}", path)
