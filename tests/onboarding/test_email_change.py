"""Changing the address one signs in with."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from accounts.models import User
from onboarding.services.accounts import create_verified_user
from tests.onboarding.test_sign_up import CODE, SIGN_UP, code_mailed
from tests.web.people import browser_of

pytestmark = pytest.mark.django_db

NEW = {"email": "new@example.org", "action_add": ""}


@pytest.fixture
def ada() -> User:
    return create_verified_user(email="ada@example.org", password="correct horse battery")


def test_an_address_changes_once_its_code_is_entered(ada: User) -> None:
    browser = browser_of(ada)

    browser.post("/accounts/email/", NEW)
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"

    browser.post(CODE, {"code": code_mailed()})
    ada.refresh_from_db()
    assert ada.email == "new@example.org"
    assert EmailAddress.objects.get().email == "new@example.org"
    told = [letter for letter in mail.outbox if letter.to == ["ada@example.org"]]
    assert len(told) == 1
    assert "has changed" in str(told[0].body)


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_that_someone_has_is_refused_plainly(ada: User, verified: bool) -> None:
    browser = browser_of(ada)
    browser.post("/accounts/email/", NEW)
    code = code_mailed()
    if verified:
        create_verified_user(email="new@example.org", password=None)
    else:
        User.objects.create_user("new@example.org", "x")

    answer = browser.post(CODE, {"code": code}, follow=True)

    assert answer.status_code == 200
    assert "already registered" in answer.content.decode()
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"


def test_who_never_confirmed_an_address_does_not_keep_it_from_its_owner(ada: User) -> None:
    Client().post(
        SIGN_UP, {"account_name": "X", "email": "new@example.org", "password1": "a stranger's own"}
    )
    owner = Client()

    owner.post("/accounts/password/reset/", {"email": "new@example.org"})
    owner.post("/accounts/password/reset/confirm/", {"code": code_mailed()})
    new = {"password1": "another long one", "password2": "another long one"}
    owner.post("/accounts/password/reset/complete/", new)

    user = User.objects.get(email="new@example.org")
    assert user.check_password("another long one")
    assert EmailAddress.objects.get(user=user).verified
