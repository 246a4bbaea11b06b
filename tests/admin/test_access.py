"""Who gets into the admin, and how far."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import TeamMember, User
from environments.models import ApiKey
from hierarchy.models import Node
from onboarding.services.accounts import create_verified_user
from tests.admin.addresses import address, all_pages, pages_of
from tests.admin.rows import everything, registered, row_of
from tests.factories import UserFactory
from tests.onboarding.test_sign_up import CODE, code_mailed
from tests.web.people import browser_of

PASSWORD = "correct horse battery"
LOGIN = "/accounts/login/"


def right(name: str, model: type[Model]) -> Permission:
    """Django's right to see, or to act on, a kind of row."""
    return Permission.objects.get(
        codename=f"{name}_{model._meta.model_name}", content_type__app_label=model._meta.app_label
    )


def staff(*rights: Permission) -> User:
    """Someone who may enter the admin and do just this."""
    user = UserFactory.create(is_staff=True)
    user.user_permissions.set(rights)
    return user


def test_who_is_not_signed_in_is_sent_to_the_sign_in_of_everyone(rows: User) -> None:
    pages, ways = list(all_pages()), set()

    for page in pages:
        for answer in (Client().get(page), Client().post(page)):
            assert answer.status_code == 302, page
            ways.add(urlsplit(answer.headers["Location"]).path)

    assert len(pages) > 100
    for way in ways - {LOGIN}:
        assert urlsplit(Client().get(way).headers["Location"]).path == LOGIN, way


def test_who_is_not_staff_gets_nowhere(rows: User) -> None:
    browser, before = browser_of(UserFactory.create()), everything()

    for page in all_pages():
        for answer in (browser.get(page, follow=True), browser.post(page, follow=True)):
            assert answer.status_code == 403, page

    assert everything() == before


def test_who_is_staff_without_rights_sees_an_empty_index(rows: User) -> None:
    browser, before = browser_of(staff()), everything()

    assert "permission to view or edit" in browser.get(reverse("admin:index")).content.decode()
    for model, _ in registered():
        for page in pages_of(model).values():
            assert browser.get(page).status_code == 403, page
            assert browser.post(page).status_code == 403, page

    assert everything() == before


def test_who_is_staff_sees_what_was_granted_and_no_more(rows: User) -> None:
    browser = browser_of(staff(right("view", Node)))

    for model, _ in registered():
        expected = 200 if model is Node else 403
        for page in ("changelist", "change", "history"):
            assert browser.get(pages_of(model)[page]).status_code == expected, (model, page)
        for page in ("add", "delete"):
            assert browser.get(pages_of(model)[page]).status_code == 403, (model, page)


def test_seeing_is_not_acting(rows: User) -> None:
    seeing = browser_of(staff(right("view", ApiKey)))
    acting = browser_of(staff(right("change", ApiKey)))
    key, where = row_of(ApiKey), address(ApiKey, "changelist")
    form = {"action": "disable", "_selected_action": [str(key.pk)], "confirmed": "yes"}

    assert "disable" not in seeing.get(where).content.decode()
    seeing.post(where, form)
    key.refresh_from_db()
    assert key.is_active

    acting.post(where, form)
    key.refresh_from_db()
    assert not key.is_active


def test_no_right_lets_staff_change_people(rows: User) -> None:
    user = User.objects.get(pk=rows.pk)
    body = {"is_active": "on", "is_staff": "on"}

    for name in ("view", "change", "add", "delete"):
        browser = browser_of(staff(right(name, User)))
        for page in pages_of(User, user).values():
            browser.post(page, {**body, "post": "yes", "action": "deactivate"})
            user.refresh_from_db()
            assert (user.is_active, user.is_staff) == (True, False), (name, page)


def test_the_admin_has_no_sign_in_of_its_own(admin: Client, operator: User) -> None:
    other = User.objects.create_superuser("other@example.org", PASSWORD)
    form = {"username": other.email, "password": PASSWORD}

    # It would ask for no second factor, and count no attempts.
    for browser in (Client(), admin):
        answer = browser.post("/admin/login/", form)
        assert answer.status_code == 302
        assert browser.session.get("_auth_user_id") != str(other.pk)
    assert admin.post("/admin/password_change/", {}).headers["Location"] == reverse(
        "account_change_password"
    )


def test_signing_out_of_the_admin_signs_out(admin: Client) -> None:
    assert admin.post("/admin/logout/").headers["Location"] == LOGIN
    assert admin.get("/admin/").status_code == 302


@pytest.mark.django_db
def test_a_superuser_made_by_command_gets_in_with_the_code_from_the_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", email="Op@example.org", interactive=False, verbosity=0)
    browser = Client()

    asked = browser.post(
        f"{LOGIN}?next={quote('/admin/')}", {"login": "op@example.org", "password": PASSWORD}
    )
    assert asked.headers["Location"].startswith(CODE)
    assert browser.get("/admin/").status_code == 302
    assert len(mail.outbox) == 1
    done = browser.post(CODE, {"code": code_mailed()}, follow=True)

    assert done.request["PATH_INFO"] == "/admin/"
    assert done.status_code == 200


@pytest.mark.django_db
def test_guessing_an_operators_password_is_limited() -> None:
    operator = create_verified_user(email="op@example.org", password=PASSWORD)
    User.objects.filter(pk=operator.pk).update(is_staff=True, is_superuser=True)
    browser = Client()

    answers = [
        browser.post(f"{LOGIN}?next=/admin/", {"login": operator.email, "password": f"wrong {n}"})
        for n in range(12)
    ]
    right_one = browser.post(LOGIN, {"login": operator.email, "password": PASSWORD})

    assert answers[0].status_code == 200
    assert "Too many" in answers[-1].content.decode()
    assert "_auth_user_id" not in browser.session
    assert right_one.status_code in (200, 429)


def test_the_pages_hold_the_strict_policy(admin: Client, rows: User) -> None:
    for page in (
        "/admin/", address(TeamMember, "changelist"), pages_of(TeamMember)["change"],
        pages_of(TeamMember)["delete"], pages_of(User)["change"], address(TeamMember, "add"),
    ):  # fmt: skip
        answer = admin.get(page)
        assert answer.status_code == 200
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert " style=" not in answer.content.decode(), page
        assert "<script>" not in answer.content.decode(), page
        assert "no-store" in answer["Cache-Control"]
