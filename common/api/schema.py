"""The OpenAPI file, read off the `endpoints` of each view set."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
)
from rest_framework import serializers

from common.api.bulk import PlanAnswer
from common.api.feeds import LINES
from common.api.serializers import NoQuery


class ApiErrorBody(serializers.Serializer):
    """What every refusal says."""

    statusCode = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.ListField(child=serializers.CharField(), required=False)
    data = serializers.JSONField(required=False)  # type: ignore[assignment]  # the contract names it so
    timestamp = serializers.DateTimeField()
    path = serializers.CharField()
    method = serializers.CharField()
    request_id = serializers.CharField()


class ErrorEnvelope(serializers.Serializer):
    """The body of every error."""

    error = ApiErrorBody()


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 characters; the same call with the same key is done once, and answered again for 24 hours.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The version you read; a stale one is answered 409 `version_conflict`.",
)


class ApiSchema(AutoSchema):
    """Describes an action by its `Endpoint`; other views as drf-spectacular does."""

    @property
    def _endpoint(self) -> Any:
        return getattr(self.view, "endpoint", None)

    def get_operation_id(self) -> str:
        """See `AutoSchema`; the fixed words of the address, and the action where they do not say it."""
        if not self._endpoint:
            return super().get_operation_id()
        words = [word.replace("-", "_") for word in self._tokenize_path()]
        action = str(getattr(self.view, "action", ""))
        return "_".join(words if words[-1] == action else [*words, action])

    def get_summary(self) -> str | None:
        """See `AutoSchema`."""
        return self._endpoint.summary if self._endpoint else super().get_summary()

    def get_description(self) -> str:  # type: ignore[override]  # takes what the base is given
        """See `AutoSchema`; tells the scopes."""
        if not self._endpoint:
            return super().get_description()
        scopes = (self._endpoint.scope, *self._endpoint.scopes)
        return f"Scope: {', '.join(f'`{scope}`' for scope in scopes)}"

    def get_override_parameters(self) -> list[Any]:
        """See `AutoSchema`."""
        if not self._endpoint:
            return []
        query = [self._endpoint.query] if self._endpoint.query is not NoQuery else []
        headers = [
            *([IF_MATCH] if self._endpoint.versioned else []),
            *([IDEMPOTENCY_KEY] if self._endpoint.creates else []),
        ]
        return [*query, *headers]

    def get_request_serializer(self) -> Any:
        """See `AutoSchema`."""
        return self._endpoint.body if self._endpoint else None

    def get_response_serializers(self) -> Any:
        """See `AutoSchema`; every route may refuse, in one shape."""
        if not self._endpoint:
            return super().get_response_serializers()
        endpoint = self._endpoint
        answer = OpenApiResponse(endpoint.answer) if endpoint.answer else None
        return {
            **self._plan(endpoint),
            **dict.fromkeys((endpoint.status, *endpoint.statuses), answer),
            **self._answer_or_plan(endpoint),
            **self._answer_in_lines(endpoint),
            "default": OpenApiResponse(ErrorEnvelope, "The refusal."),
        }

    def _plan(self, endpoint: Any) -> dict[int, Any]:
        return (
            {200: OpenApiResponse(PlanAnswer, "The plan, with `dry_run`.")}
            if endpoint.plans
            else {}
        )

    def _answer_or_plan(self, endpoint: Any) -> dict[int, Any]:
        """Where both the act and its plan are answered with 200, either shape."""
        if not endpoint.plans or endpoint.status != 200:
            return {}
        either = PolymorphicProxySerializer(
            component_name=f"{endpoint.answer.__name__}OrPlan",
            serializers=[endpoint.answer, PlanAnswer],
            resource_type_field_name=None,
        )
        return {200: OpenApiResponse(either)}

    def _answer_in_lines(self, endpoint: Any) -> dict[Any, Any]:
        """Where the whole answer can also be had line by line, either media type."""
        if endpoint.line is None:
            return {}
        line = OpenApiResponse(endpoint.line, "The whole answer, one item a line.")
        return {
            (200, "application/json"): OpenApiResponse(endpoint.answer),
            (200, LINES): line,
        }

    def _is_list_view(self, serializer: Any = None) -> bool:
        # Our lists have an envelope, which their answer's serializer describes.
        return False

    def get_filter_backends(self) -> list[Any]:
        """See `AutoSchema`; filters stand in the query's serializer."""
        return []
