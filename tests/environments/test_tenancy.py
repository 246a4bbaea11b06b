"""The second layer: PostgreSQL itself refuses a row that ties two environments together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from assignments.models import Assignment, Role, RolePermission
from environments.models import ApiKey, Batch, Environment
from environments.scopes import Scope
from hierarchy.models import Node
from identities.models import Identity, Invitation
from tests.assignments.worlds import GrantSpec, World, WorldSpec, build
from tests.factories import make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_world(make_environment: Callable[[], Environment]) -> Callable[[], World]:
    """Makes small worlds, each in an environment of its own."""
    spec = WorldSpec(
        parents=[None, 0],
        roles=[frozenset({0})],
        permissions=1,
        statuses=["active"],
        grants=[GrantSpec(0, 0, 1)],
    )
    return lambda: build(make_environment(), spec)


def batch_in(environment: Environment) -> Batch:
    """An act on many rows."""
    return Batch.objects.create(environment=environment, action="x", actor_type="system")


def ties(here: World, there: World) -> list[tuple[type[models.Model], dict[str, Any]]]:
    """Every column that refers to a row of an environment, with a row of another one."""
    make_key(here.environment, Scope.EVALUATE)
    here_batch, there_batch = batch_in(here.environment), batch_in(there.environment)
    Invitation.objects.create(
        environment=here.environment,
        identity=here.identities[0],
        nonce=b"0" * 16,
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert here_batch != there_batch
    return [
        (Assignment, {"identity": there.identities[0]}),
        (Assignment, {"node": there.nodes[1]}),
        (Assignment, {"role": there.roles[0]}),
        (Assignment, {"batch": there_batch}),
        (Assignment, {"environment": there.environment}),
        (RolePermission, {"role": there.roles[0]}),
        (RolePermission, {"permission": there.permissions[0]}),
        (RolePermission, {"environment": there.environment}),
        (Node, {"parent": there.nodes[1]}),
        (ApiKey, {"node_id": there.nodes[1].pk}),
        (Batch, {"undo_of": there_batch}),
        (Invitation, {"identity": there.identities[0]}),
        (Role, {"environment": there.environment, "name": "Moved"}),
        (Identity, {"environment": there.environment, "email": "moved@example.org"}),
    ]


def test_no_row_can_refer_to_another_environment(make_world: Callable[[], World]) -> None:
    here, there = make_world(), make_world()

    for model, change in ties(here, there):
        mine: Any = model._default_manager.filter(environment=here.environment)
        if model is Node:
            mine = mine.exclude(parent=None)
        with pytest.raises(IntegrityError, match="same_environment"), transaction.atomic():
            assert mine.order_by("pk").update(**change) > 0, (model, change)
