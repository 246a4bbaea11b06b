"""Whoever may delete a place or a role may not by that revoke what is held there or through it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from environments.models import Environment
from environments.scopes import Scope
from tests.contracts.operations import make_rows
from tests.contracts.test_isolation import fingerprint
from tests.rituals import V1, error_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("resource", "name", "scope"),
    [("nodes", "other node", Scope.HIERARCHY_MANAGE), ("roles", "roles", Scope.ROLES_MANAGE)],
)
def test_a_cascade_needs_the_right_to_revoke(
    resource: str,
    name: str,
    scope: Scope,
    api: APIClient,
    environment: Environment,
    client_of: Callable[..., APIClient],
) -> None:
    path = f"{V1}/{resource}/{make_rows(api)[name]}?cascade=true"
    without = client_of(environment, scope)
    before = fingerprint()

    error = error_of(without.delete(path), 403, "scope_missing")

    assert error["message"] == "This needs the scope rbac.manage_assignments."
    assert fingerprint() == before
    assert client_of(environment, scope, Scope.ASSIGNMENTS_MANAGE).delete(path).status_code == 204
