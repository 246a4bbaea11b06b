"""Who calls: the API key, and with it the one environment that the call acts in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from common.middleware import request_id_of
from environments.actors import Actor
from environments.api.limits import count_guess
from environments.queries import open_with_key
from environments.services.keys import note_use

if TYPE_CHECKING:
    from environments.models import ApiKey

CHALLENGE = 'Bearer realm="trellis"'


class ApiKeyAuthentication(BaseAuthentication):
    """Takes `X-API-Key: trl_…` or `Authorization: Bearer trl_…`; `request.auth` is the key."""

    def authenticate(self, request: Request) -> tuple[Actor, ApiKey] | None:
        """See `BaseAuthentication`.

        Raises:
            AuthenticationFailed: the same for a key that is unknown, disabled, deleted or expired.
        """
        key_text = _given_key(request)
        if key_text is None:
            return None
        key = open_with_key(key_text)
        if key is None:
            count_guess(request)
            raise AuthenticationFailed("This API key does not open anything.", "unauthorized")
        if key.use_is_stale:
            note_use(key)
        return Actor.of_key(key, request_id_of(request)), key

    def authenticate_header(self, request: Request) -> str:
        """See `BaseAuthentication`."""
        return CHALLENGE


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI file tells of keys."""

    target_class = ApiKeyAuthentication
    name = ["apiKey", "bearer"]

    def get_security_definition(self, auto_schema: object) -> list[dict[str, str]]:
        """See `OpenApiAuthenticationExtension`."""
        return [
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            {"type": "http", "scheme": "bearer"},
        ]

    def get_security_requirement(self, auto_schema: object) -> list[dict[str, list[str]]]:
        """See `OpenApiAuthenticationExtension`; either of the two is enough."""
        return [{name: []} for name in self.name]


def _given_key(request: Request) -> str | None:
    header = request.META.get("HTTP_X_API_KEY")
    if header is not None:
        return header
    scheme, _, credentials = get_authorization_header(request).partition(b" ")
    return credentials.decode("latin-1").strip() if scheme.lower() == b"bearer" else None
