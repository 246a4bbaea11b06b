"""The view set that every route of an environment stands on."""

from functools import cached_property, partial
from typing import Any, cast

from rest_framework.request import Request
from rest_framework.response import Response

from common.api.endpoints import EndpointViewSet
from environments.actors import Actor
from environments.api.limits import count_request, headers_of, too_many
from environments.api.once import answer_once, idempotency_key
from environments.limits import Allowance
from environments.models import ApiKey, Environment


class EnvironmentViewSet(EndpointViewSet):
    """Acts in the key's environment and nowhere else, within the key's limits, and once where it is told so."""

    allowance: Allowance | None = None

    @cached_property
    def key(self) -> ApiKey:
        """The key that opened the request."""
        return cast(ApiKey, self.request.auth)

    @cached_property
    def environment(self) -> Environment:
        """The key's environment, as far as the key sees it."""
        return self.key.environment

    @cached_property
    def actor(self) -> Actor:
        """The key as an actor, with its scopes and the request's id."""
        return cast(Actor, self.request.user)

    def check_permissions(self, request: Request) -> None:
        """See `APIView`; counts the request first, so that refusals count as well.

        Raises:
            ApiError: 429 when the key's limit of this minute is reached.
        """
        if request.auth is not None and self.endpoint is not None:
            self.allowance = count_request(self.key, self.endpoint.limit)
            if not self.allowance.granted:
                raise too_many(self.allowance.reset_seconds)
        super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """See `EndpointViewSet`; with an Idempotency-Key, what follows is done once."""
        super().initial(request, *args, **kwargs)
        endpoint, method = self.endpoint, (request.method or "").lower()
        if endpoint is None or not endpoint.creates:
            return
        once = idempotency_key(request)
        if once is None or (endpoint.plans and self.params["dry_run"]):
            return
        handle = getattr(self, method)
        again = partial(self._once, handle, once, endpoint.secrets)
        setattr(self, method, again)

    def _once(
        self, handle: Any, once: str, secrets: tuple[str, ...], request: Request, **kwargs: Any
    ) -> Response:
        return answer_once(request, self.key, once, secrets, partial(handle, request, **kwargs))

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """See `EndpointViewSet`; tells what is left of the key's limit."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.allowance is not None:
            for name, value in headers_of(self.allowance).items():
                response[name] = value
        return response
