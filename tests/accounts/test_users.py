"""Operators let people in, or not."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission

from accounts.actors import TeamActor
from accounts.models import AccountEvent, User
from accounts.services.users import set_staff, set_user_active
from common.errors import Conflict, Forbidden, NotFound
from tests.factories import UserFactory
from tests.web.people import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    """Someone who runs the installation."""
    return User.objects.create_superuser("operator@example.org", "correct horse battery")


@pytest.fixture
def actor(operator: User) -> TeamActor:
    """The operator as an actor."""
    return TeamActor.of_operator(operator, "request-1")


def test_who_is_deactivated_is_out_with_the_next_request(actor: TeamActor) -> None:
    user = UserFactory.create()
    browser = browser_of(user)
    assert browser.get("/").status_code == 200

    set_user_active(actor=actor, user_id=user.pk, is_active=False)

    assert browser.get("/").status_code == 302
    event = AccountEvent.objects.get()
    assert (event.action, event.actor_id, event.resource_id, event.correlation_id) == (
        "user.deactivated", actor.id, user.pk, "request-1",
    )  # fmt: skip
    set_user_active(actor=actor, user_id=user.pk, is_active=True)
    assert browser_of(user).get("/").status_code == 200


def test_the_same_again_writes_nothing(actor: TeamActor) -> None:
    user = UserFactory.create()

    set_user_active(actor=actor, user_id=user.pk, is_active=True)
    set_staff(actor=actor, user_id=user.pk, is_staff=False, rights=[])

    assert not AccountEvent.objects.exists()


def test_staff_get_rights_and_lose_them_with_being_staff(actor: TeamActor) -> None:
    user = UserFactory.create()
    right = Permission.objects.get(codename="view_node")

    set_staff(actor=actor, user_id=user.pk, is_staff=True, rights=[right])
    assert list(user.user_permissions.all()) == [right]
    set_staff(actor=actor, user_id=user.pk, is_staff=False, rights=[right])

    user.refresh_from_db()
    assert not user.is_staff
    assert not user.user_permissions.exists()
    first, second = AccountEvent.objects.order_by("created_at")
    assert first.metadata["after"] == {"is_staff": True, "rights": ["view_node"]}
    assert second.metadata["before"] == {"is_staff": True, "rights": ["view_node"]}


def test_operators_do_not_lock_themselves_out(actor: TeamActor, operator: User) -> None:
    with pytest.raises(Conflict):
        set_user_active(actor=actor, user_id=operator.pk, is_active=False)
    with pytest.raises(Conflict):
        set_staff(actor=actor, user_id=operator.pk, is_staff=False, rights=[])


def test_whom_a_team_binds_changes_no_people(operator: User) -> None:
    actor = TeamActor.of_user(UserFactory.create(), "test")

    with pytest.raises(Forbidden):
        set_user_active(actor=actor, user_id=operator.pk, is_active=False)
    with pytest.raises(Forbidden):
        set_staff(actor=actor, user_id=operator.pk, is_staff=False, rights=[])


def test_who_is_not_there_is_not_found(actor: TeamActor) -> None:
    with pytest.raises(NotFound):
        set_user_active(actor=actor, user_id=uuid4(), is_active=False)
