"""Setting how the nodes of an environment may nest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from common.changes import differs
from common.errors import RuleViolation, require_version
from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from environments.services import audit
from hierarchy.guard import Power, require_power
from hierarchy.locks import lock_tree
from hierarchy.models import DEEPEST, Node
from hierarchy.queries import get_root
from hierarchy.schema import Schema, read_environment, require_unbroken, stored_form

_NEEDED = ("node_types", "root_node_type")


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """What a change would make of an environment's schema.

    Args:
        row: the environment as it would be, unsaved; its version is the one it would have.
        before: the schema as it is, None where none is set.
        after: the schema as it would be.
        changed: whether anything would change.
    """

    row: Environment
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    changed: bool


@transaction.atomic
def change_schema(
    *,
    actor: Actor,
    environment: Environment,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> Environment:
    """Set how the nodes of an environment may nest, or change it; the root takes on the root's type.

    Args:
        actor: who sets it.
        environment: whose tree.
        changes: new values of node_types, allowed_children, max_depth and root_node_type; the first time
            node_types and root_node_type at least.
        expected_version: the environment's version that the caller read, if it must still be that.

    Returns:
        The environment as it is now.

    Raises:
        VersionConflict: if the environment changed since.
        RuleViolation: `hierarchy_schema.incomplete` or `hierarchy_schema.type_unknown`.
        Conflict: `hierarchy_schema.broken` with the nodes that it does not fit.
        Forbidden: `scope_missing` or `beyond_own_node`.
    """
    lock_tree(environment.pk)
    Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
    plan = plan_schema_change(
        actor, environment, changes=changes, expected_version=expected_version
    )
    row = plan.row
    if not plan.changed:
        return row
    row.save(update_fields=["hierarchy_schema", "version"])
    _retype_root(actor, environment, plan.after["root_node_type"])
    audit.record(
        actor=actor,
        environment=environment,
        action="hierarchy_schema.updated",
        resource=row,
        before=plan.before,
        after=plan.after,
        version=row.version,
    )
    return row


def plan_schema_change(
    actor: Actor,
    environment: Environment,
    *,
    changes: Mapping[str, Any],
    expected_version: int | None = None,
) -> SchemaChange:
    """What `change_schema` would do, by reading only; two statements.

    Args:
        actor: who would set it.
        environment: whose tree.
        changes: as `change_schema`.
        expected_version: as there.

    Returns:
        The change.

    Raises:
        DomainError: as `change_schema`.
    """
    require_power(actor, environment, Power(frozenset({Scope.HIERARCHY_MANAGE}), None))
    row = read_environment(environment)
    require_version(row, expected_version)
    before = row.hierarchy_schema
    if before is None:
        _require_complete(changes)
    known = before or {"allowed_children": {}, "max_depth": DEEPEST}
    schema = Schema(**{**known, **changes})
    _require_known_types(schema)
    after = stored_form(schema)
    changed = differs(before, after)
    if changed:
        require_unbroken(environment, schema)
        row.hierarchy_schema = after
        row.version += 1
    return SchemaChange(row, before, after, changed)


def _require_complete(changes: Mapping[str, Any]) -> None:
    missing = [name for name in _NEEDED if name not in changes]
    if missing:
        raise RuleViolation(
            "hierarchy_schema.incomplete",
            f"The first time a hierarchy schema needs {' and '.join(_NEEDED)}.",
            details=[f"{name}: is needed the first time" for name in missing],
        )


def _require_known_types(schema: Schema) -> None:
    known = set(schema.node_types)
    lines = []
    if schema.root_node_type not in known:
        lines.append("root_node_type: is not one of node_types")
    for above, children in schema.allowed_children.items():
        if above not in known:
            lines.append(f"allowed_children: {above} is not one of node_types")
        unknown = [name for name in children if name not in known]
        lines += [f"allowed_children.{above}: {name} is not one of node_types" for name in unknown]
    if lines:
        raise RuleViolation(
            "hierarchy_schema.type_unknown",
            "The hierarchy schema names types that are not in node_types.",
            details=lines[:20],
        )


def _retype_root(actor: Actor, environment: Environment, node_type: str) -> None:
    root = get_root(environment)
    if root.node_type == node_type:
        return
    Node.objects.filter(pk=root.pk).update(
        node_type=node_type, version=F("version") + 1, updated_at=Now()
    )
    audit.record(
        actor=actor,
        environment=environment,
        action="node.updated",
        resource=root,
        before={"node_type": root.node_type},
        after={"node_type": node_type},
        version=root.version + 1,
    )
