"""Where a value may stand in a call, read off the committed OpenAPI file: every one, not only for ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.contracts.operations import OPERATIONS, Operation
from tests.contracts.positions import COMMITTED, METHODS, normal

# A name for a member of an object that takes any, such as allowed_children.
ANY_NAME = "node"


@dataclass(frozen=True)
class Place:
    """A place for a value.

    Args:
        where: path, query, header or body.
        steps: the way to it in the body; its name elsewhere. An empty step stands for a list's first item.
        kind: what the file says stands there: its format where it has one, else its type.
    """

    where: str
    steps: tuple[str, ...]
    kind: str

    def __str__(self) -> str:
        return f"{self.where} {'.'.join(step or '0' for step in self.steps)}"


@cache
def places_of(operation: Operation) -> tuple[Place, ...]:
    """Every place for a value in a call of an operation."""
    content = json.loads(COMMITTED.read_text())
    [described] = [
        entry
        for path, methods in content["paths"].items()
        if normal(path) == normal(operation.address)
        for method, entry in methods.items()
        if method in METHODS and method.upper() == operation.method
    ]
    return tuple(_places(content, described))


def _places(content: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[Place]:
    for parameter in described.get("parameters", []):
        yield Place(parameter["in"], (parameter["name"],), _kind(parameter["schema"]))
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    for steps, kind in _fields(content, body.get("schema", {})):
        if steps:
            yield Place("body", steps, kind)


def _fields(
    content: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], str]]:
    if "$ref" in schema:
        schema = content["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    yield (), _kind(schema)
    inner = dict(schema.get("properties", {}))
    if schema.get("type") == "array":
        inner[""] = schema["items"]
    if isinstance(schema.get("additionalProperties"), dict):
        inner[ANY_NAME] = schema["additionalProperties"]
    for name, described in inner.items():
        for steps, kind in _fields(content, described):
            yield (name, *steps), kind


def _kind(schema: Mapping[str, Any]) -> str:
    told = schema.get("format") or schema.get("type") or ""
    return next(kind for kind in told if kind != "null") if isinstance(told, list) else str(told)


EVERY_PLACE = [(operation, place) for operation in OPERATIONS for place in places_of(operation)]
