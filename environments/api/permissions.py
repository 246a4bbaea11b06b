"""What the key may call: deny unless the action names a scope and the key carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from environments.actors import Actor

if TYPE_CHECKING:
    from common.api.endpoints import EndpointViewSet


class HasScope(BasePermission):
    """Lets a key with the action's scope pass."""

    def has_permission(self, request: Request, view: EndpointViewSet) -> bool:  # type: ignore[override]  # only our views
        """See `BasePermission`.

        Raises:
            NotAuthenticated: without a key.
            Forbidden: naming the scope that the key lacks.
        """
        if request.auth is None:
            raise NotAuthenticated(
                "Send an API key as X-API-Key or as a Bearer token.", "unauthorized"
            )
        if view.endpoint is None:
            # The method is not one of the route's; the view answers 405 itself.
            return True
        for scope in (view.endpoint.scope, *view.endpoint.scopes):
            cast(Actor, request.user).require(scope)
        return True
