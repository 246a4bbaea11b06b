"""One line per route: who may call it, what it takes and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.errors import ApiError
from common.api.parsers import MAX_BODY_BYTES
from common.api.serializers import NoQuery, Query, Strict, WriteQuery


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What one action of a view set takes and gives; drives the checks, the OpenAPI file and its tests.

    Args:
        scope: the right that a key needs.
        summary: one line for the docs page.
        query: the query parameters it takes.
        body: the JSON body it takes, if any.
        answer: the shape of its 2xx answer; none for 204.
        status: the status of its plain success.
        statuses: further statuses with the same shape, such as 207.
        versioned: whether it honours If-Match.
        max_body_bytes: how large its body may be, in bytes.
        creates: whether it honours Idempotency-Key.
        secrets: fields of its answer that a replay leaves out.
        limit: which of a key's rate limits it counts against.
        scopes: further rights that it needs besides.
        line: the shape of a line where it also answers `application/x-ndjson`; a serializer or plain type.
    """

    scope: str
    summary: str
    query: type[Query] = NoQuery
    body: type[Strict] | None = None
    answer: type[serializers.BaseSerializer[Any]] | None = None
    status: int = 200
    statuses: tuple[int, ...] = field(default=())
    versioned: bool = False
    max_body_bytes: int = MAX_BODY_BYTES
    creates: bool = False
    secrets: tuple[str, ...] = field(default=())
    limit: Literal["evaluate", "others"] = "others"
    scopes: tuple[str, ...] = field(default=())
    line: type[Any] | None = None

    @property
    def plans(self) -> bool:
        """Whether it takes `dry_run`."""
        return issubclass(self.query, WriteQuery)


class EndpointViewSet(viewsets.ViewSet):
    """A view set whose actions are described by `endpoints`: `self.params` and `self.data` are validated."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {}

    @property
    def endpoint(self) -> Endpoint | None:
        """The description of the action that is called, None for a method it does not have."""
        return self.endpoints.get(self.action or "")

    @property
    def max_body_bytes(self) -> int:
        """How large the body may be, in bytes."""
        return self.endpoint.max_body_bytes if self.endpoint else MAX_BODY_BYTES

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, authorise, then validate the query and the body, in this order.

        Args:
            request: what was asked.
            args: as in the URL.
            kwargs: as in the URL.

        Raises:
            ValidationError: naming each parameter or field that is unknown or wrong.
        """
        super().initial(request, *args, **kwargs)
        endpoint = self.endpoint
        if endpoint is None:
            return
        self.params = self._validated(endpoint.query, _single_values(request))
        if endpoint.body is not None:
            self.data = self._validated(endpoint.body, request.data)
        elif request.method not in ("GET", "HEAD") and request.META.get("CONTENT_LENGTH"):
            # Whoever sends `{"dry_run": true}` with a DELETE shall not find the row gone.
            self._validated(Strict, request.data or {})

    def _validated(self, serializer_class: type[Strict], data: Any) -> dict[str, Any]:
        plain = serializer_class.read_plain(data)
        if plain is not None:
            return plain
        serializer = serializer_class(data=data, context={"view": self, "request": self.request})
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Answers to a key are never stored on the way, and nothing may be loaded from them.

        Args:
            request: what was asked.
            response: the answer.
            args: as in the URL.
            kwargs: as in the URL.

        Returns:
            The answer with its headers.
        """
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        # Data, never a page: a policy that is always the same need not be built each time.
        response["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        return response


def _single_values(request: Request) -> dict[str, str]:
    repeated = [name for name, values in request.query_params.lists() if len(values) > 1]
    if repeated:
        lines = [f"{name[:100]}: stands more than once" for name in repeated[:20]]
        raise ApiError(400, "invalid", "The request is not valid.", details=lines)
    return request.query_params.dict()
