"""The demo account and its one-time links."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings

from accounts.models import Account, User
from common.errors import NotFound, RuleViolation
from environments.actors import Actor
from identities.models import Identity
from onboarding.models import DemoLink
from onboarding.services.demo import DEMO_EMAIL, make_demo_link, use_demo_link
from tests.onboarding.commands import run_command

GONE = "This link does not work any more"


@pytest.mark.django_db
def test_looking_shows_a_button_and_pressing_it_signs_in_once(actor: Actor, client: Client) -> None:
    address = f"/demo/{make_demo_link(actor=actor)}"

    for _ in range(2):
        looked = client.get(address)
        assert looked.status_code == 200
        assert "_auth_user_id" not in client.session
        assert "no-store" in looked["Cache-Control"]
    pressed = client.post(address, follow=True)
    assert "/app/demo/development/" in pressed.content.decode()

    late = Client()
    for answer in (late.get(address), late.post(address), late.get("/demo/never-was")):
        assert answer.status_code == 404
        assert GONE in answer.content.decode()
    assert "_auth_user_id" not in late.session


@pytest.mark.django_db
def test_a_link_ends_after_fifteen_minutes(actor: Actor, client: Client) -> None:
    address = f"/demo/{make_demo_link(actor=actor)}"
    lasting = DemoLink.objects.filter(
        expires_at__gt=Now() + timedelta(minutes=14), expires_at__lte=Now() + timedelta(minutes=15)
    )
    assert lasting.exists()

    DemoLink.objects.update(expires_at=Now() - timedelta(seconds=1))

    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404
    assert "_auth_user_id" not in client.session


@pytest.mark.django_db
def test_pressing_needs_the_pages_own_form(actor: Actor) -> None:
    address = f"/demo/{make_demo_link(actor=actor)}"

    assert Client(enforce_csrf_checks=True).post(address).status_code == 403
    assert DemoLink.objects.filter(used_at=None).exists()


@pytest.mark.django_db
def test_the_demo_account_is_made_once_and_keeps_what_was_changed(actor: Actor) -> None:
    make_demo_link(actor=actor)
    Identity.objects.filter(email__startswith="ruth").update(first_name="Changed")

    make_demo_link(actor=actor)

    assert User.objects.get().email == DEMO_EMAIL
    assert Account.objects.get().slug == "demo"
    assert Identity.objects.count() == 40
    assert Identity.objects.get(first_name="Changed").environment.slug == "development"


@pytest.mark.django_db
def test_a_token_stands_nowhere(actor: Actor) -> None:
    token = make_demo_link(actor=actor)

    row = DemoLink.objects.get()
    assert len(token) >= 43
    assert token.encode() not in bytes(row.token_hash)
    assert token not in str(DemoLink.objects.values())


@pytest.mark.django_db
def test_there_is_no_demo_in_production(actor: Actor, client: Client, settings: Settings) -> None:
    token = make_demo_link(actor=actor)
    settings.PRODUCTION = True

    assert client.get(f"/demo/{token}").status_code == 404
    assert client.post(f"/demo/{token}").status_code == 404
    with pytest.raises(NotFound):
        use_demo_link(token=token)
    with pytest.raises(RuleViolation):
        make_demo_link(actor=actor)
    assert DemoLink.objects.get().used_at is None


@pytest.mark.django_db(transaction=True)
def test_a_link_lets_in_one_of_many_who_press_at_once(actor: Actor) -> None:
    token = make_demo_link(actor=actor)
    barrier = threading.Barrier(8)
    outcomes: list[str] = []

    def act() -> None:
        try:
            barrier.wait()
            use_demo_link(token=token)
            outcomes.append("in")
        except NotFound:
            outcomes.append("out")
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["in"] + ["out"] * 7


@pytest.mark.django_db(transaction=True)
def test_the_command_prints_a_link_that_works(client: Client) -> None:
    done = run_command("demo_link", PORT="8123")

    assert done.returncode == 0, done.stderr
    link = done.stdout.strip()
    assert link.startswith("http://127.0.0.1:8123/demo/")
    assert client.post(link.removeprefix("http://127.0.0.1:8123")).status_code == 302
