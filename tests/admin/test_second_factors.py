"""Second factors: set up by oneself, asked for from then on, also before the admin."""

from __future__ import annotations

import hmac
import json
import re
import struct
import time
from base64 import b32decode
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)
from pytest_django import Settings

from accounts.models import User
from onboarding.second_factors import SealedFactors
from onboarding.services.accounts import create_verified_user

PASSWORD = "correct horse battery"
LOGIN, ACTIVATE, AUTHENTICATE = (
    "/accounts/login/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/authenticate/",
)
CREDENTIALS = {"login": "op@example.org", "password": PASSWORD}

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    """Someone who may do everything in the admin, with a password."""
    user = create_verified_user(email="op@example.org", password=PASSWORD)
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    return user


def code_of(secret: str) -> str:
    """What an authenticator app shows now; RFC 6238, written here once more."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(b32decode(secret), counter, sha1).digest()
    start = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def sign_in(browser: Client) -> None:
    """Sign in with the password, and show once more who one is."""
    browser.post(LOGIN, CREDENTIALS)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})


def set_up(browser: Client) -> str:
    """Sign in with the password and set up an authenticator app; gives its secret."""
    sign_in(browser)
    page = browser.get(ACTIVATE)
    secret: str = page.context["form"].secret
    assert secret in page.content.decode()
    assert "data:image/svg+xml;base64," in page.content.decode()
    done = browser.post(ACTIVATE, {"code": code_of(secret)})
    assert done.headers["Location"] == "/accounts/2fa/recovery-codes/"
    return secret


def later(seconds: int) -> time_machine.travel:
    """Some time after now, as the process's clock has it; a code is good once."""
    return time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True)


def test_the_code_of_the_app_is_asked_for_before_the_admin_opens(operator: User) -> None:
    secret = set_up(Client())
    browser = Client()

    with later(60):
        asked = browser.post(f"{LOGIN}?next=/admin/", CREDENTIALS)
        assert asked.headers["Location"].startswith(AUTHENTICATE)
        assert browser.get("/admin/").status_code == 302
        wrong = browser.post(AUTHENTICATE, {"code": f"{(int(code_of(secret)) + 1) % 1_000_000:06}"})
        assert "Incorrect code" in wrong.content.decode()
        assert browser.get("/admin/").status_code == 302
        done = browser.post(AUTHENTICATE, {"code": code_of(secret)}, follow=True)

        assert done.request["PATH_INFO"] == "/admin/"
        assert done.status_code == 200


def test_the_password_is_asked_for_again_before_a_factor_is_set_up(operator: User) -> None:
    browser = Client()
    browser.post(LOGIN, CREDENTIALS)

    assert browser.get(ACTIVATE).headers["Location"].startswith("/accounts/reauthenticate/")


def test_a_code_is_good_once(operator: User) -> None:
    secret = set_up(Client())

    with later(60):
        code = code_of(secret)
        first, second = Client(), Client()
        for browser in (first, second):
            browser.post(LOGIN, CREDENTIALS)
            browser.post(AUTHENTICATE, {"code": code})

        assert first.get("/admin/").status_code == 200
        assert second.get("/admin/").status_code == 302


def test_a_recovery_code_lets_in_once(operator: User) -> None:
    browser = Client()
    set_up(browser)
    page = browser.get("/accounts/2fa/recovery-codes/")
    code = page.context["unused_codes"][0]
    assert code in page.content.decode()

    for expected in (200, 302):
        other = Client()
        other.post(LOGIN, CREDENTIALS)
        other.post(AUTHENTICATE, {"code": code})
        assert other.get("/admin/").status_code == expected


def test_guessing_codes_is_limited(operator: User) -> None:
    secret = set_up(Client())
    browser = Client()

    with later(60):
        browser.post(LOGIN, CREDENTIALS)
        for n in range(12):
            answer = browser.post(AUTHENTICATE, {"code": f"{n:06}"})
        last = browser.post(AUTHENTICATE, {"code": code_of(secret)})

    assert "Too many" in answer.content.decode()
    assert "Too many" in last.content.decode()
    assert "_auth_user_id" not in browser.session


def test_what_codes_are_checked_with_is_kept_sealed(operator: User) -> None:
    secret = set_up(Client())

    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))

    assert secret not in kept
    assert secret in [
        SealedFactors().decrypt(data["secret"])
        for data in Authenticator.objects.filter(type="totp").values_list("data", flat=True)
    ]


def test_a_former_secret_of_the_service_still_opens_what_it_sealed(settings: Settings) -> None:
    sealed = SealedFactors().encrypt("x")

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 8

    assert SealedFactors().decrypt(sealed) == "x"


@pytest.mark.parametrize(
    "page",
    ["", "totp/activate/", "webauthn/", "webauthn/add/", "recovery-codes/generate/"],
)
def test_every_page_of_second_factors_is_in_the_house_and_under_its_policy(
    operator: User, page: str
) -> None:
    browser = Client()
    if page == "recovery-codes/generate/":
        set_up(browser)
    else:
        sign_in(browser)

    answer = browser.get(f"/accounts/2fa/{page}")

    assert answer.status_code == 200
    shown = answer.content.decode()
    assert 'class="sidebar"' in shown
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert " style=" not in shown
    assert "<script>" not in shown


def test_a_passkey_is_offered_before_signing_in(client: Client) -> None:
    page = client.get(LOGIN).content.decode()

    assert "Sign in with a passkey" in page
    options = client.get(
        "/accounts/2fa/webauthn/login/", headers={"X-Requested-With": "XMLHttpRequest"}
    )
    assert options.status_code == 200
    assert options.json()["request_options"]["publicKey"]["challenge"]


def test_the_app_can_be_given_up_again(operator: User) -> None:
    browser = Client()
    set_up(browser)

    assert browser.get("/accounts/2fa/totp/deactivate/").status_code == 200
    browser.post("/accounts/2fa/totp/deactivate/")

    assert not Authenticator.objects.exists()
    assert Client().post(LOGIN, CREDENTIALS).headers["Location"] == "/"


def give_passkey(user: User) -> None:
    """Let someone have a passkey that no browser holds: enough to be asked for."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    credential = AttestedCredentialData.create(Aaguid(bytes(16)), b"passkey", key)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.AT
    seen = AuthenticatorData.create(sha256(b"testserver").digest(), flags, 0, credential)
    response = {
        "clientDataJSON": websafe_encode(
            CollectedClientData.create("webauthn.create", b"challenge", "http://testserver")
        ),
        "attestationObject": websafe_encode(AttestationObject.create("none", seen, {})),
    }
    kept = {"id": websafe_encode(b"passkey"), "rawId": websafe_encode(b"passkey")}
    WebAuthn.add(user, "Laptop", {**kept, "response": response, "type": "public-key"})


def test_a_passkey_is_asked_for_of_who_has_one(operator: User) -> None:
    set_up(Client())
    pages = []

    for change in (lambda: None, lambda: give_passkey(operator)):
        change()
        browser = Client()
        browser.post(LOGIN, CREDENTIALS)
        pages.append(browser.get(AUTHENTICATE).content.decode())

    without, with_one = pages
    assert "passkey" not in without
    assert "Use a passkey" in with_one
    for page in pages:
        assert "one of your recovery codes" in page


def test_the_secret_can_be_copied(operator: User) -> None:
    browser = Client()
    sign_in(browser)

    page = browser.get(ACTIVATE)

    secret = page.context["form"].secret
    shown = page.content.decode()
    assert re.search(rf'<pre id="secret-text"[^>]*>{secret}</pre>', shown)
    assert 'data-copy="secret-text"' in shown


def test_whoever_gets_recovery_codes_is_told_to_keep_them(operator: User) -> None:
    browser = Client()
    sign_in(browser)
    before = browser.get("/accounts/2fa/").content.decode()

    set_up(browser)
    after = browser.get("/accounts/2fa/recovery-codes/").content.decode()

    assert "They are made and shown to you when you set up" in before
    assert "Keep these codes" in after
    assert '<a href="/accounts/2fa/">Back to second factors</a>' in after


def test_a_passkey_is_called_nothing_else(operator: User) -> None:
    browser = Client()
    set_up(browser)
    give_passkey(operator)
    [passkey] = Authenticator.objects.filter(type="webauthn")

    pages = [
        browser.get(f"/accounts/2fa/{page}")
        for page in (
            "", "totp/deactivate/", "recovery-codes/", "recovery-codes/generate/", "webauthn/",
            "webauthn/add/", f"webauthn/keys/{passkey.pk}/edit/",
            f"webauthn/keys/{passkey.pk}/remove/", "reauthenticate/", "webauthn/reauthenticate/",
        )
    ]  # fmt: skip
    pages.append(browser.get("/accounts/reauthenticate/"))

    for page in pages:
        assert page.status_code == 200, page.request["PATH_INFO"]
        shown = page.content.decode().lower()
        for word in ("security key", "master key", "two-factor", "passwordless<"):
            assert word not in shown, page.request["PATH_INFO"]
