import threading

import pytest
from django.db import connection

from accounts.models import Account, TeamMember, TeamRole
from common.errors import Conflict
from environments.actors import Actor
from environments.models import AuditEvent
from hierarchy.models import Node
from onboarding.services.accounts import create_verified_user, open_account
from tests.factories import UserFactory


@pytest.mark.django_db
def test_open_account_makes_an_owner_and_two_environments_with_their_roots(actor: Actor) -> None:
    user = UserFactory.create()

    account = open_account(actor=actor, user=user, name="Initech")

    assert account.slug == "initech"
    assert TeamMember.objects.get(account=account).user == user
    assert TeamMember.objects.get(account=account).role == TeamRole.OWNER
    assert set(account.environments.values_list("name", "slug")) == {
        ("Development", "development"),
        ("Production", "production"),
    }
    assert Node.objects.filter(environment__account=account, parent=None).count() == 2
    assert AuditEvent.objects.filter(action="environment.created").count() == 2


@pytest.mark.django_db
def test_open_account_numbers_the_slugs_of_one_name(actor: Actor) -> None:
    user = UserFactory.create()

    slugs = [open_account(actor=actor, user=user, name="Ünïted  Söaps!").slug for _ in range(3)]

    assert slugs == ["united-soaps", "united-soaps-2", "united-soaps-3"]


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "slug"), [("東京", "account"), ("x" * 100, "x" * 60)])
def test_open_account_finds_a_slug_for_every_name(name: str, slug: str, actor: Actor) -> None:
    user = UserFactory.create()

    first, second = (open_account(actor=actor, user=user, name=name).slug for _ in range(2))

    assert first == slug
    assert second == f"{slug[:58]}-2"


@pytest.mark.django_db(transaction=True)
def test_open_account_gives_each_of_many_at_once_a_slug_of_its_own(actor: Actor) -> None:
    users = [UserFactory.create() for _ in range(6)]
    barrier = threading.Barrier(len(users))

    def act(index: int) -> None:
        try:
            barrier.wait()
            open_account(actor=actor, user=users[index], name="Same")
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[index]) for index in range(len(users))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(Account.objects.values_list("slug", flat=True)) == {
        "same",
        *(f"same-{number}" for number in range(2, 7)),
    }


@pytest.mark.django_db
def test_create_verified_user_refuses_an_address_that_is_taken() -> None:
    create_verified_user(email="ada@example.org", password=None)

    with pytest.raises(Conflict) as refusal:
        create_verified_user(email="Ada@example.org", password=None)

    assert refusal.value.code == "users.email_taken"
