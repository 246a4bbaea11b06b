"""Signing up through the pages, with the code from the mail; and who may."""

from __future__ import annotations

import logging
import re
import threading

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.models import Account, TeamMember, User
from environments.actors import Actor
from onboarding.services.accounts import open_account
from onboarding.services.sign_up import OpeningClosed, open_account_by_sign_up
from onboarding.setup_code import announce_setup_code, is_setup_code, setup_code
from tests.factories import UserFactory
from tests.onboarding.commands import run_command
from tests.web.people import browser_of

ADA = {"account_name": "Initech", "email": "Ada@example.org", "password1": "correct horse battery"}
SIGN_UP, CODE = "/accounts/signup/", "/accounts/confirm-email/"

pytestmark = pytest.mark.django_db


def code_mailed() -> str:
    """The code in the newest mail."""
    found = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", str(mail.outbox[-1].body))
    assert found is not None
    return found[0]


def test_signing_up_opens_the_account_once_the_address_is_verified(client: Client) -> None:
    asked = client.post(SIGN_UP, ADA)

    assert asked.headers["Location"] == CODE
    assert not Account.objects.exists()
    assert client.get("/").status_code == 302

    done = client.post(CODE, {"code": code_mailed()}, follow=True)

    assert done.redirect_chain[-1][0] == "/"
    assert "/app/initech/development/" in done.content.decode()
    member = TeamMember.objects.select_related("account", "user").get()
    assert (member.account.name, member.user.email, member.role) == (
        "Initech",
        "ada@example.org",
        "owner",
    )
    assert "account_to_open" not in client.session


def test_a_wrong_code_opens_nothing(client: Client) -> None:
    client.post(SIGN_UP, ADA)

    answer = client.post(CODE, {"code": "XXXX-XXXX"})

    assert answer.status_code == 200
    assert "Incorrect code" in answer.content.decode()
    assert not Account.objects.exists()


def test_a_code_is_of_no_use_in_another_browser(client: Client) -> None:
    client.post(SIGN_UP, ADA)

    Client().post(CODE, {"code": code_mailed()})

    assert not Account.objects.exists()
    assert not EmailAddress.objects.get().verified


def test_signing_up_with_an_address_that_is_there_looks_the_same_and_makes_no_one(
    client: Client,
) -> None:
    user = UserFactory.create(email="ada@example.org")
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)

    answer = client.post(SIGN_UP, ADA)

    assert answer.headers["Location"] == CODE
    assert User.objects.count() == 1
    assert mail.outbox[-1].subject == "You already have a Trellis sign-in"


def test_links_in_mail_stand_on_the_configured_address(client: Client, settings: Settings) -> None:
    settings.BASE_URL = "https://trellis.example"
    user = UserFactory.create(email="ada@example.org")
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)

    client.post(SIGN_UP, ADA, headers={"host": "localhost"})

    body = str(mail.outbox[-1].body)
    assert "https://trellis.example/accounts/login/" in body
    assert "localhost" not in body


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"account_name": "a\u202eb"}, "U\u002b202E"),
        ({"account_name": " "}, "This field is required."),
        ({"account_name": "x" * 101}, "at most 100 characters"),
        ({"password1": "short"}, "too short"),
        ({"email": "nobody"}, "valid email address"),
    ],
)
def test_a_form_with_a_fault_says_so_and_makes_no_one(
    wrong: dict[str, str], said: str, client: Client
) -> None:
    answer = client.post(SIGN_UP, {**ADA, **wrong})

    assert said in answer.content.decode()
    assert not User.objects.exists()


def test_who_lost_their_session_is_asked_for_a_name_after_signing_in(
    client: Client, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = False  # a second code within three minutes
    client.post(SIGN_UP, ADA)
    other = Client()
    other.post("/accounts/login/", {"login": ADA["email"], "password": ADA["password1"]})

    home = other.post(CODE, {"code": code_mailed()}, follow=True)
    assert "You are not in an account yet" in home.content.decode()
    opened = other.post("/account/new", {"account_name": "Initech"}, follow=True)

    assert "/app/initech/production/" in opened.content.decode()
    assert Account.objects.count() == 1


def test_who_mistyped_the_address_corrects_it_and_gets_the_account(client: Client) -> None:
    client.post(SIGN_UP, {**ADA, "email": "ada@exmaple.org"})
    assert "Use another address" in client.get(CODE).content.decode()

    client.post(CODE, {"action": "change", "email": "ada@example.org"})
    client.post(CODE, {"code": code_mailed()})

    assert TeamMember.objects.get().user.email == "ada@example.org"
    assert not EmailAddress.objects.filter(email="ada@exmaple.org", verified=True).exists()


def test_a_new_code_puts_the_former_out_of_use(client: Client, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    client.post(SIGN_UP, ADA)
    former = code_mailed()

    client.post(CODE, {"action": "resend"})
    client.post(CODE, {"code": former})
    assert not Account.objects.exists()
    client.post(CODE, {"code": code_mailed()})

    assert Account.objects.exists()


def test_the_wish_of_one_person_is_not_fulfilled_for_another(client: Client) -> None:
    client.post(SIGN_UP, ADA)
    session = client.session
    session["account_to_open"] = {"user": str(UserFactory.create().pk), "name": "Initech"}
    session.save()

    client.post(CODE, {"code": code_mailed()})

    assert EmailAddress.objects.get().verified
    assert not Account.objects.exists()


def test_a_password_is_reset_by_a_code(client: Client) -> None:
    user = UserFactory.create(email="ada@example.org")
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)

    client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    client.post("/accounts/password/reset/confirm/", {"code": code_mailed()})
    page = client.get("/accounts/password/reset/complete/")
    assert "Choose a new password" in page.content.decode()
    new = {"password1": "another long one", "password2": "another long one"}
    client.post("/accounts/password/reset/complete/", new)

    user.refresh_from_db()
    assert user.check_password("another long one")


# Who may -----------------------------------------------------------------------------------------


def test_closed_lets_no_one_in(client: Client, settings: Settings) -> None:
    settings.SIGNUP = "closed"

    assert "No new accounts" in client.get(SIGN_UP).content.decode()
    assert "No new accounts" in client.post(SIGN_UP, ADA).content.decode()
    assert not User.objects.exists()
    assert browser_of(UserFactory.create()).get("/account/new").status_code == 403


def test_first_takes_one_account_with_the_code_from_the_log(
    client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SIGNUP = "first"
    announce_setup_code.cache_clear()

    with caplog.at_level(logging.WARNING):
        assert "Setup code" in client.get(SIGN_UP).content.decode()
        client.get(SIGN_UP)
    assert [record.getMessage().endswith(setup_code()) for record in caplog.records] == [True]

    missing = client.post(SIGN_UP, ADA)
    wrong = client.post(SIGN_UP, {**ADA, "setup_code": "AAAAA-AAAAA-AAAAA-AAAAA"})
    assert "This field is required." in missing.content.decode()
    assert "This is not the setup code." in wrong.content.decode()
    assert not User.objects.exists()

    client.post(SIGN_UP, {**ADA, "setup_code": setup_code().lower().replace("-", " ")})
    client.post(CODE, {"code": code_mailed()})
    assert Account.objects.get().name == "Initech"
    assert "No new accounts" in Client().get(SIGN_UP).content.decode()
    assert browser_of(UserFactory.create()).get("/account/new").status_code == 403


def test_first_lets_who_was_too_late_know(client: Client, settings: Settings, actor: Actor) -> None:
    settings.SIGNUP = "first"
    client.post(SIGN_UP, {**ADA, "setup_code": setup_code()})
    open_account(actor=actor, user=UserFactory.create(), name="Faster")

    page = client.post(CODE, {"code": code_mailed()}, follow=True).content.decode()

    assert "No account can be opened here" in page
    assert Account.objects.get().name == "Faster"


@pytest.mark.django_db(transaction=True)
def test_first_opens_one_account_for_many_who_try_at_once(settings: Settings, actor: Actor) -> None:
    settings.SIGNUP = "first"
    users = [UserFactory.create() for _ in range(8)]
    barrier = threading.Barrier(len(users))
    outcomes: list[str] = []

    def act(user: User) -> None:
        try:
            barrier.wait()
            open_account_by_sign_up(actor=actor, user=user, name="Initech")
            outcomes.append("opened")
        except OpeningClosed:
            outcomes.append("closed")
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["closed"] * 7 + ["opened"]
    assert Account.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_sign_ups_of_one_address_at_once_make_one_person(settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    barrier = threading.Barrier(4)
    answers: list[int] = []

    def act() -> None:
        try:
            browser = Client()
            browser.get(SIGN_UP)
            barrier.wait()
            answers.append(browser.post(SIGN_UP, ADA).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [302] * 4
    assert User.objects.count() == 1


def test_asking_for_codes_again_and_again_has_a_page(client: Client) -> None:
    client.post(SIGN_UP, ADA)

    answer = Client().post(SIGN_UP, ADA)

    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()


def test_a_setup_code_depends_on_the_secret(settings: Settings) -> None:
    one = setup_code()
    settings.SECRET_KEY = "another secret"

    assert not is_setup_code(one)
    assert is_setup_code(setup_code())
    assert not is_setup_code("")
    assert not is_setup_code("ä" * 20)


def test_a_mode_that_is_none_stops_the_service() -> None:
    done = run_command("check", TRELLIS_SIGNUP="sometimes")

    assert done.returncode != 0
    assert ImproperlyConfigured.__name__ in done.stderr
    assert "it is open, first or closed" in done.stderr
