"""`/hierarchy-schema`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.bulk import answer_plan
from common.api.endpoints import Endpoint
from common.api.fields import CleanText, Whole
from common.api.serializers import Strict, WriteQuery
from common.api.versions import expected_version, versioned
from environments.api.base import EnvironmentViewSet
from environments.models import Environment
from environments.scopes import Scope
from hierarchy.models import DEEPEST
from hierarchy.schema import read_environment
from hierarchy.services.schema import change_schema, plan_schema_change

MOST_TYPES = 100
_FIELDS = ("node_types", "allowed_children", "max_depth", "root_node_type")


class NodeType(CleanText):
    """The name of a node type."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=50, **options)


class NodeTypes(serializers.ListField):
    """Names of node types, each once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=NodeType(), max_length=MOST_TYPES, **options)

    def to_internal_value(self, data: Any) -> list[str]:
        """See `Field`."""
        names: list[str] = super().to_internal_value(data)
        if len(set(names)) < len(names):
            raise serializers.ValidationError("must not name a type twice")
        return names


class AllowedChildren(serializers.DictField):
    """Which types may stand below a type, by the name of that type."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=NodeTypes(), **options)

    def to_internal_value(self, data: Any) -> dict[str, list[str]]:
        """See `Field`."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be an object")
        if len(data) > MOST_TYPES:
            raise serializers.ValidationError(f"must not name more than {MOST_TYPES} types")
        name = NodeType()
        allowed: dict[str, list[str]] = super().to_internal_value(
            {name.run_validation(key): children for key, children in data.items()}
        )
        return allowed


class SchemaRow(serializers.Serializer):
    """Node types and how they may nest; null until it is set."""

    node_types = serializers.ListField(child=serializers.CharField(), allow_null=True)
    allowed_children = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        allow_null=True,
        help_text="The types that may stand below a type; any, below one that is not named.",
    )
    max_depth = serializers.IntegerField(allow_null=True, help_text="The root is at 0.")
    root_node_type = serializers.CharField(allow_null=True)
    version = serializers.IntegerField(help_text="The environment's.")


class SchemaChange(Strict):
    """What shall change; the first time node_types and root_node_type at least."""

    node_types = NodeTypes(required=False, allow_empty=False)
    allowed_children = AllowedChildren(required=False)
    max_depth = Whole(required=False, min_value=1, max_value=DEEPEST)
    root_node_type = NodeType(required=False, help_text="The root takes it on.")


class HierarchySchemaViewSet(EnvironmentViewSet):
    """How the nodes of the environment may nest."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "retrieve": Endpoint(
            Scope.HIERARCHY_VIEW, "Show the node types and how they may nest", answer=SchemaRow
        ),
        "partial_update": Endpoint(
            Scope.HIERARCHY_MANAGE,
            "Set the node types and how they may nest",
            query=WriteQuery,
            body=SchemaChange,
            answer=SchemaRow,
            versioned=True,
        ),
    }

    def present(self, row: Environment) -> dict[str, Any]:
        """The schema of an environment as it is shown."""
        stored = row.hierarchy_schema or dict.fromkeys(_FIELDS)
        return {**{name: stored[name] for name in _FIELDS}, "version": row.version}

    def retrieve(self, request: Request) -> Response:
        """The schema."""
        return versioned(self.present(read_environment(self.environment)))

    def partial_update(self, request: Request) -> Response:
        """The schema changed."""
        expected = expected_version(request)
        if self.params["dry_run"]:
            return answer_plan(
                lambda: self.present(
                    plan_schema_change(
                        self.actor,
                        self.environment,
                        changes=self.data,
                        expected_version=expected,
                    ).row
                ),
                code=200,
                given=request.data,
            )
        row = change_schema(
            actor=self.actor,
            environment=self.environment,
            changes=self.data,
            expected_version=expected,
        )
        return versioned(self.present(row))
