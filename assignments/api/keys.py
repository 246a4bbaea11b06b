"""What of `/api-keys` concerns what a key has sent."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from assignments.services.keys import delete_key
from common.api.endpoints import Endpoint
from hierarchy.api.keys import MANAGE, ApiKeyViewSet


class SendingKeyViewSet(ApiKeyViewSet):
    """Keys together with the invitations that they have sent."""

    endpoints: ClassVar[Mapping[str, Endpoint]] = {
        **ApiKeyViewSet.endpoints,
        "destroy": Endpoint(
            MANAGE, "Delete an API key, and revoke the invitations it has sent", status=204
        ),
    }

    def destroy(self, request: Request, pk: UUID) -> Response:
        """A key deleted."""
        delete_key(actor=self.actor, environment=self.environment, key_id=pk)
        return Response(status=204)
