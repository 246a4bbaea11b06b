"""`/api-keys`, but for deletion, which reaches up to invitations; that lives with them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from common.api.endpoints import Endpoint
from environments.api.base import EnvironmentViewSet
from environments.models import ApiKey
from environments.queries import get_key, keys_of
from environments.scopes import Scope
from hierarchy.api.key_shapes import (
    ApiKeyChange,
    ApiKeyCreate,
    ApiKeyList,
    ApiKeyRotate,
    ApiKeyRow,
    ApiKeyWithText,
)
from hierarchy.services.keys import (
    create_api_key,
    rotate_api_key,
    set_api_key_active,
)

VIEW, MANAGE = Scope.KEY_VIEW, Scope.KEY_MANAGE


class ApiKeyViewSet(EnvironmentViewSet):
    """Keys to the environment that the calling key belongs to."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        "list": Endpoint(VIEW, "List API keys", answer=ApiKeyList),
        "create": Endpoint(
            MANAGE,
            "Create an API key; its text is shown this once",
            body=ApiKeyCreate,
            answer=ApiKeyWithText,
            status=201,
            creates=True,
            secrets=("key",),
        ),
        "retrieve": Endpoint(VIEW, "Show an API key", answer=ApiKeyRow),
        "partial_update": Endpoint(
            MANAGE, "Enable or disable an API key", body=ApiKeyChange, answer=ApiKeyRow
        ),
        "rotate": Endpoint(
            MANAGE,
            "Give an API key a new text, shown this once",
            body=ApiKeyRotate,
            answer=ApiKeyWithText,
            creates=True,
            secrets=("key",),
        ),
    }

    def present(self, key: ApiKey) -> dict[str, Any]:
        """One key as it is listed."""
        return ApiKeyRow(key).data

    def list(self, request: Request) -> Response:
        """All keys, newest first."""
        return Response({"items": [self.present(key) for key in keys_of(self.environment)]})

    def create(self, request: Request) -> Response:
        """A new key."""
        node = self.data.pop("node_id", None)
        key, text = create_api_key(
            actor=self.actor, environment=self.environment, node=node, **self.data
        )
        return Response({**self.present(key), "key": text}, status=201)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One key."""
        return Response(self.present(get_key(self.environment, pk)))

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """A key enabled or disabled."""
        key = set_api_key_active(
            actor=self.actor, environment=self.environment, key_id=pk, **self.data
        )
        return Response(self.present(key))

    def rotate(self, request: Request, pk: UUID) -> Response:
        """A key with a new text."""
        key, text = rotate_api_key(
            actor=self.actor,
            environment=self.environment,
            key_id=pk,
            grace=timedelta(seconds=self.data["grace_seconds"]),
        )
        return Response({**self.present(key), "key": text})
