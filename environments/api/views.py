"""`/api-keys`."""

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from common.api.endpoints import Endpoint
from environments.api.base import EnvironmentViewSet
from environments.api.serializers import (
    ApiKeyChange,
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyList,
    ApiKeyRow,
)
from environments.models import ApiKey
from environments.queries import get_key, keys_of
from environments.scopes import Scope
from environments.services.keys import create_api_key, delete_api_key, set_api_key_active


class ApiKeyViewSet(EnvironmentViewSet):
    """Keys to the environment that the calling key belongs to."""

    endpoints: ClassVar = {
        "list": Endpoint(Scope.KEY_VIEW, "List API keys", answer=ApiKeyList),
        "create": Endpoint(
            Scope.KEY_MANAGE,
            "Create an API key; its text is shown this once",
            body=ApiKeyCreate,
            answer=ApiKeyCreated,
            status=201,
        ),
        "retrieve": Endpoint(Scope.KEY_VIEW, "Show an API key", answer=ApiKeyRow),
        "partial_update": Endpoint(
            Scope.KEY_MANAGE, "Enable or disable an API key", body=ApiKeyChange, answer=ApiKeyRow
        ),
        "destroy": Endpoint(Scope.KEY_MANAGE, "Delete an API key", status=204),
    }

    def present(self, key: ApiKey) -> dict[str, Any]:
        """One key as it is listed."""
        return ApiKeyRow(key).data

    def list(self, request: Request) -> Response:
        """All keys, newest first."""
        return Response({"items": [self.present(key) for key in keys_of(self.environment)]})

    def create(self, request: Request) -> Response:
        """A new key."""
        key, text = create_api_key(actor=self.actor, environment=self.environment, **self.data)
        key.refresh_from_db(fields=["created_at"])
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

    def destroy(self, request: Request, pk: UUID) -> Response:
        """A key deleted."""
        delete_api_key(actor=self.actor, environment=self.environment, key_id=pk)
        return Response(status=204)
