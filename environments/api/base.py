"""The view set that every route of an environment stands on."""

from functools import cached_property
from typing import cast

from common.api.endpoints import EndpointViewSet
from environments.actors import Actor
from environments.models import ApiKey, Environment


class EnvironmentViewSet(EndpointViewSet):
    """Acts in the key's environment and nowhere else."""

    @cached_property
    def environment(self) -> Environment:
        """The key's environment."""
        return cast(ApiKey, self.request.auth).environment

    @cached_property
    def actor(self) -> Actor:
        """The key as an actor, with its scopes and the request's id."""
        return cast(Actor, self.request.user)
