"""The cast: an environment with its root, a client with a key to it, and people to act as."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from environments.actors import Actor
from environments.models import Environment
from environments.scopes import Scope
from hierarchy.models import Node
from hierarchy.queries import get_root
from hierarchy.services.environments import create_environment
from tests.factories import AccountFactory, make_key


@pytest.fixture
def actor() -> Actor:
    """Someone who may do everything."""
    return Actor.system("test")


@pytest.fixture
def make_environment(db: None, actor: Actor) -> Callable[[], Environment]:
    """Makes environments, each in an account of its own and with its root."""

    def make() -> Environment:
        return create_environment(actor=actor, account=AccountFactory.create(), name="Development")

    return make


@pytest.fixture
def environment(make_environment: Callable[[], Environment]) -> Environment:
    """An environment that holds nothing but its root."""
    return make_environment()


@pytest.fixture
def root(environment: Environment) -> Node:
    """The environment's root."""
    return get_root(environment)


@pytest.fixture
def client_of() -> Callable[..., APIClient]:
    """Makes an API client with a key: to an environment or to one node, with all scopes or those named."""

    def make(environment: Environment, *scopes: Scope, node: Node | None = None) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_X_API_KEY=make_key(environment, *scopes, node=node))
        return client

    return make


@pytest.fixture
def api(environment: Environment, client_of: Callable[..., APIClient]) -> APIClient:
    """An API client with full access to `environment`."""
    return client_of(environment)
