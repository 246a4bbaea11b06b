"""Pages of API keys: who may do what, and that a key's text is shown once."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import TeamRole
from environments.actors import Actor
from environments.models import ApiKey, AuditEvent, Environment
from environments.queries import open_with_key
from environments.scopes import Scope
from hierarchy.services.keys import create_api_key
from tests.web.people import browser_in_team, place

KEY = re.compile(r"trl_[A-Za-z0-9]{38}")
FULL = {"name": "billing", "access_mode": "full_access"}


@pytest.fixture
def owner(environment: Environment) -> Client:
    return browser_in_team(environment)


@pytest.fixture
def key(environment: Environment, actor: Actor) -> ApiKey:
    row, _ = create_api_key(
        actor=actor, environment=environment, name="sync", access_mode="full_access"
    )
    return row


def test_a_new_key_is_shown_once_and_opens(owner: Client, environment: Environment) -> None:
    answer = owner.post(f"{place(environment)}api-keys/new", FULL)

    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    texts = set(KEY.findall(answer.content.decode()))
    assert len(texts) == 1
    text = texts.pop()
    opened = open_with_key(text)
    assert opened is not None
    assert opened.environment == environment
    assert text not in owner.get(f"{place(environment)}api-keys").content.decode()
    assert text not in str(dict(owner.session))
    event = AuditEvent.objects.get(action="api_key.created")
    assert event.actor_type == "user"
    assert event.actor_label.startswith("person")


def test_a_scoped_key_carries_what_was_ticked(owner: Client, environment: Environment) -> None:
    scopes = [Scope.EVALUATE, Scope.IDENTITY_VIEW]

    answer = owner.post(
        f"{place(environment)}api-keys/new",
        {"name": "reader", "access_mode": "scoped", "scopes": scopes},
    )

    assert answer.status_code == 201
    assert set(ApiKey.objects.get().scopes) == set(scopes)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "a\u202eb"}, "U\u002b202E"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"access_mode": "scoped"}, "Tick at least one."),
        ({"access_mode": "scoped", "scopes": ["all"]}, "is not one of the available choices"),
        ({"access_mode": "none"}, "is not one of the available choices"),
    ],
)
def test_a_form_with_a_fault_says_so_and_makes_nothing(
    wrong: dict[str, object], said: str, owner: Client, environment: Environment
) -> None:
    answer = owner.post(f"{place(environment)}api-keys/new", {**FULL, **wrong})

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_the_list_escapes_names(owner: Client, environment: Environment) -> None:
    owner.post(f"{place(environment)}api-keys/new", {**FULL, "name": "<b>&"})

    page = owner.get(f"{place(environment)}api-keys").content.decode()

    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page


def test_a_key_is_disabled_enabled_and_deleted(
    owner: Client, environment: Environment, key: ApiKey
) -> None:
    keys = f"{place(environment)}api-keys"

    assert owner.post(f"{keys}/{key.pk}/disable").headers["Location"] == keys
    key.refresh_from_db()
    assert not key.is_active

    owner.post(f"{keys}/{key.pk}/enable")
    key.refresh_from_db()
    assert key.is_active

    asked = owner.get(f"{keys}/{key.pk}/delete")
    assert "Delete from Development" in asked.content.decode()
    key.refresh_from_db()
    assert key.deleted_at is None

    done = owner.post(f"{keys}/{key.pk}/delete", follow=True)
    assert "sync is deleted from Development." in done.content.decode()
    key.refresh_from_db()
    assert key.deleted_at is not None


@pytest.mark.parametrize("role", [TeamRole.VIEWER, TeamRole.MEMBER])
def test_who_may_not_manage_keys_sees_them_and_changes_none(
    role: TeamRole, environment: Environment, key: ApiKey
) -> None:
    browser, keys = browser_in_team(environment, role), f"{place(environment)}api-keys"

    page = browser.get(keys)

    assert page.status_code == 200
    assert "sync" in page.content.decode()
    assert "Create key" not in page.content.decode()
    assert "/delete" not in page.content.decode()
    refused = [
        browser.get(f"{keys}/new"),
        browser.post(f"{keys}/new", FULL),
        browser.post(f"{keys}/{key.pk}/disable"),
        browser.get(f"{keys}/{key.pk}/delete"),
        browser.post(f"{keys}/{key.pk}/delete"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5
    assert "api_key.manage" in refused[0].content.decode()
    assert ApiKey.objects.live().filter(is_active=True).get() == key


def test_pages_of_other_accounts_are_not_there(
    make_environment: Callable[[], Environment], key: ApiKey, environment: Environment
) -> None:
    stranger, keys = browser_in_team(make_environment()), f"{place(environment)}api-keys"

    answers = [
        stranger.get(place(environment)),
        stranger.get(keys),
        stranger.get(f"{keys}/new"),
        stranger.post(f"{keys}/new", FULL),
        stranger.post(f"{keys}/{key.pk}/disable"),
        stranger.post(f"{keys}/{key.pk}/delete"),
        stranger.get("/app/nobody/nowhere/"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 7
    assert len({answer.content for answer in answers}) == 1
    assert ApiKey.objects.live().filter(is_active=True).get() == key


def test_a_key_of_another_environment_of_ones_own_is_not_there(
    make_environment: Callable[[], Environment],
    owner: Client,
    environment: Environment,
    key: ApiKey,
) -> None:
    other = make_environment()
    other.account = environment.account
    other.slug = "other"
    other.save(update_fields=["account", "slug"])

    for key_id in (key.pk, uuid4()):
        address = f"{place(other)}api-keys/{key_id}"
        assert owner.post(f"{address}/disable").status_code == 404
        assert owner.get(f"{address}/delete").status_code == 404
        assert owner.post(f"{address}/delete").status_code == 404
    assert ApiKey.objects.live().filter(is_active=True).get() == key


def test_pages_send_strangers_to_sign_in_and_back(environment: Environment, client: Client) -> None:
    for address in ("/", place(environment), f"{place(environment)}api-keys"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"/accounts/login/?next={address}"


def test_acts_take_post_alone(owner: Client, environment: Environment, key: ApiKey) -> None:
    keys = f"{place(environment)}api-keys"

    assert owner.get(f"{keys}/{key.pk}/disable").status_code == 405
    assert owner.post(keys).status_code == 405
    assert owner.put(f"{keys}/new").status_code == 405


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_takes_the_same_queries_however_long(
    count: int, owner: Client, environment: Environment, actor: Actor, django_assert_num_queries
) -> None:
    for number in range(count):
        create_api_key(
            actor=actor, environment=environment, name=f"key {number}", access_mode="full_access"
        )

    # Session, user, environments, keys.
    with django_assert_num_queries(4):
        page = owner.get(f"{place(environment)}api-keys")

    assert page.content.decode().count("/disable") == count
