"""Node types and how they may nest, where an environment has set it: the one rule for whatever places a node."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from common.errors import Conflict, RuleViolation
from environments.models import Environment
from hierarchy.models import DEEPEST

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Schema:
    """How the nodes of an environment may nest.

    Args:
        node_types: the types there are.
        allowed_children: the types that may stand directly below a type; any, below one that is not named.
        max_depth: how deep a node may stand, the root being at 0.
        root_node_type: the type of the root.
    """

    node_types: Sequence[str]
    allowed_children: Mapping[str, Sequence[str]]
    max_depth: int
    root_node_type: str


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a node would stand.

    Args:
        node_type: its own type.
        parent_type: the type of the node above.
        depth: how deep it, or the deepest node that it brings along, would stand; the root is at 0.
    """

    node_type: str
    parent_type: str
    depth: int


def read_environment(environment: Environment) -> Environment:
    """An environment with its schema, as its row is now; one statement.

    Args:
        environment: which; the object that opened the request leaves the schema out.

    Returns:
        The row.
    """
    return Environment.objects.get(pk=environment.pk)


def read_schema(environment: Environment) -> Schema | None:
    """What an environment has set, as it is now; one statement.

    Args:
        environment: whose schema.

    Returns:
        The schema, None until it is set.
    """
    rows = Environment.objects.filter(pk=environment.pk)
    stored = rows.values_list("hierarchy_schema", flat=True).get()
    return None if stored is None else Schema(**stored)


def stored_form(schema: Schema) -> dict[str, Any]:
    """A schema as the environment's row shall hold it.

    Args:
        schema: the schema.

    Returns:
        JSON-ready.
    """
    return asdict(schema)


def refuse_spot(schema: Schema | None, spot: Spot, blamed: str) -> RuleViolation | None:
    """Why a node may not stand somewhere, if it may not.

    Args:
        schema: the environment's; without one only the depth of the tree itself counts.
        spot: where it would stand.
        blamed: the field to name where its type does not go below the other.

    Returns:
        `nodes.type_unknown`, `nodes.child_not_allowed`, `nodes.too_deep` or None.
    """
    if schema is not None and spot.node_type not in schema.node_types:
        return RuleViolation(
            "nodes.type_unknown",
            f"The hierarchy schema has no node type {spot.node_type}.",
            details=["node_type: is not in the hierarchy schema"],
        )
    allowed = None if schema is None else schema.allowed_children.get(spot.parent_type)
    if allowed is not None and spot.node_type not in allowed:
        return RuleViolation(
            "nodes.child_not_allowed",
            f"The hierarchy schema allows no {spot.node_type} below a {spot.parent_type}.",
            details=[f"{blamed}: no {spot.node_type} may stand below a {spot.parent_type}"],
        )
    return refuse_depth(spot.depth, schema.max_depth if schema else DEEPEST)


def refuse_depth(depth: int, deepest: int = DEEPEST) -> RuleViolation | None:
    """Why a node may not stand so deep, if it may not.

    Args:
        depth: how deep it would stand, the root being at 0.
        deepest: how deep it may.

    Returns:
        `nodes.too_deep` or None.
    """
    if depth <= deepest:
        return None
    return RuleViolation(
        "nodes.too_deep",
        f"A node stands at most {deepest} levels below the root.",
        details=["parent_node_id: is too deep"],
    )


# The rule of `refuse_spot` over many nodes at once. The root counts as what the schema makes it.
_BROKEN = """
WITH placed AS (
    SELECT n.id, n.name, n.path, n.depth - 1 AS depth,
           CASE WHEN n.parent_id IS NULL THEN %(root)s ELSE n.node_type END AS node_type,
           CASE WHEN p.parent_id IS NULL AND p.id IS NOT NULL THEN %(root)s ELSE p.node_type END AS above
      FROM hierarchy_node n
      LEFT JOIN hierarchy_node p ON p.id = n.parent_id
     WHERE n.environment_id = %(environment)s
       AND CASE WHEN %(deletion)s::uuid IS NULL THEN n.deleted_at IS NULL
                ELSE n.deletion_id = %(deletion)s::uuid END
), judged AS (
    SELECT id, name, node_type, path,
           CASE WHEN node_type <> ALL(%(types)s) THEN 'nodes.type_unknown'
                WHEN %(allowed)s::jsonb ? above AND NOT (%(allowed)s::jsonb -> above) ? node_type
                THEN 'nodes.child_not_allowed'
                WHEN depth > %(deepest)s THEN 'nodes.too_deep' END AS code
      FROM placed
)
SELECT id::text, name, node_type, code,
       count(*) FILTER (WHERE code = 'nodes.type_unknown') OVER (),
       count(*) FILTER (WHERE code = 'nodes.child_not_allowed') OVER (),
       count(*) FILTER (WHERE code = 'nodes.too_deep') OVER ()
  FROM judged
 WHERE code IS NOT NULL
 ORDER BY path
 LIMIT %(shown)s
"""


def require_unbroken(
    environment: Environment, schema: Schema, deletion_id: UUID | None = None
) -> None:
    """Refuse a schema that nodes contradict; one statement.

    Args:
        environment: whose nodes.
        schema: what they must obey.
        deletion_id: to look at what that batch deleted; None looks at what is live.

    Raises:
        Conflict: `hierarchy_schema.broken`, with how many nodes and the first twenty of them.
    """
    parameters = {
        "environment": environment.pk,
        "deletion": deletion_id,
        "root": schema.root_node_type,
        "types": list(schema.node_types),
        "allowed": json.dumps(stored_form(schema)["allowed_children"]),
        "deepest": schema.max_depth,
        "shown": _SHOWN,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN, parameters)
        rows = cursor.fetchall()
    if not rows:
        return
    unknown, not_allowed, too_deep = rows[0][4:]
    raise Conflict(
        "hierarchy_schema.broken",
        "There are nodes that do not fit the hierarchy schema.",
        data={
            "node_count": unknown + not_allowed + too_deep,
            "type_unknown_count": unknown,
            "child_not_allowed_count": not_allowed,
            "too_deep_count": too_deep,
            "nodes": [
                {"id": node_id, "name": name, "node_type": node_type, "code": code}
                for node_id, name, node_type, code, *_ in rows
            ],
        },
    )
