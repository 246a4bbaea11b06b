"""What holds for every page: home, overview, errors, headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, OperationalError
from django.test import Client, RequestFactory

from accounts.models import TeamRole
from common.errors import Busy, Conflict, DomainError, Forbidden, NotFound, RuleViolation
from config.errors import ErrorPages, server_error
from environments.actors import Actor
from environments.models import Environment
from onboarding.services.sample import load_sample
from tests.factories import TeamMemberFactory, UserFactory
from tests.web.people import browser_in_team, browser_of, place


def test_home_lists_the_environments_of_ones_own_accounts_alone(
    make_environment: Callable[[], Environment],
) -> None:
    first, second, foreign = make_environment(), make_environment(), make_environment()
    user = UserFactory.create()
    TeamMemberFactory.create(account=first.account, user=user, role=TeamRole.VIEWER)
    TeamMemberFactory.create(account=second.account, user=user)

    page = browser_of(user).get("/").content.decode()

    assert place(first) in page
    assert place(second) in page
    assert place(foreign) not in page
    assert "You are viewer" in page


@pytest.mark.django_db
def test_home_of_someone_in_no_account_offers_one() -> None:
    page = browser_of(UserFactory.create()).get("/").content.decode()

    assert "You are not in an account yet" in page
    assert "/account/new" in page


@pytest.mark.parametrize("count", [1, 10])
def test_home_takes_the_same_queries_however_many(
    count: int, make_environment: Callable[[], Environment], django_assert_num_queries
) -> None:
    user = UserFactory.create()
    for _ in range(count):
        TeamMemberFactory.create(account=make_environment().account, user=user)
    browser = browser_of(user)

    # Session, user, environments.
    with django_assert_num_queries(3):
        browser.get("/")


def test_the_overview_of_an_empty_environment_points_to_a_key(environment: Environment) -> None:
    page = browser_in_team(environment).get(place(environment)).content.decode()

    assert f"{place(environment)}api-keys/new" in page
    assert str(environment.pk) in page
    assert "permissions/evaluate" not in page


def test_the_overview_of_a_viewer_tells_who_can_make_a_key(environment: Environment) -> None:
    page = browser_in_team(environment, TeamRole.VIEWER).get(place(environment)).content.decode()

    assert "An owner or admin of" in page
    assert "api-keys/new" not in page


def test_the_overview_asks_a_question_that_is_answered_with_yes(
    environment: Environment, actor: Actor, client_of: Callable, django_assert_num_queries
) -> None:
    load_sample(actor=actor, environment=environment)
    browser = browser_in_team(environment)

    # Session, user, environments, counts, example.
    with django_assert_num_queries(5):
        answer = browser.get(place(environment))

    example = answer.context["example"]
    assert answer.context["holdings"].identities == 40
    assert example.identity_id in answer.content.decode()
    asked = client_of(environment).post(
        "/api/v1/permissions/evaluate",
        {
            "identity_id": example.identity_id,
            "permission": example.permission,
            "scope": "node",
            "node_id": example.node_id,
        },
        format="json",
    )
    assert asked.json()["allowed"] is True


def test_every_page_is_held_by_a_strict_policy(environment: Environment) -> None:
    answer = browser_in_team(environment).get(place(environment))

    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert " style=" not in answer.content.decode()
    assert "<script>" not in answer.content.decode()


@pytest.mark.django_db
def test_an_address_that_leads_nowhere_has_a_page(client: Client) -> None:
    client.force_login(UserFactory.create())

    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_a_form_from_elsewhere_has_a_page() -> None:
    browser = Client(enforce_csrf_checks=True)

    answer = browser.post("/accounts/login/", {"login": "a@example.org", "password": "x"})

    assert answer.status_code == 403
    assert "This page lay open too long" in answer.content.decode()


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (RuleViolation("x", "It is against a rule."), 400),
        (Forbidden("x", "It is not yours to do."), 403),
        (NotFound("x", "It is gone."), 404),
        (Conflict("x", "It is taken."), 409),
        (Busy("x", "It is busy."), 503),
    ],
)
def test_what_the_domain_refuses_has_a_page(fault: DomainError, status: int) -> None:
    request = RequestFactory().get("/app/one/two/")

    answer = ErrorPages(server_error).process_exception(request, fault)

    assert answer is not None
    assert answer.status_code == status
    assert fault.message in answer.content.decode()


def test_a_database_that_is_away_is_a_503_to_people_and_left_to_the_api_for_programs() -> None:
    pages, fault = ErrorPages(server_error), OperationalError("secret")

    answer = pages.process_exception(RequestFactory().get("/"), fault)

    assert answer is not None
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "secret" not in answer.content.decode()
    assert pages.process_exception(RequestFactory().get("/api/v1/nodes"), fault) is None


@pytest.mark.django_db
def test_a_database_that_is_away_before_the_view_is_a_503_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(store: SessionStore) -> None:
        raise OperationalError("secret")

    browser = browser_of(UserFactory.create())
    browser.raise_request_exception = False
    monkeypatch.setattr(SessionStore, "load", fail)

    answer = browser.get("/")

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "secret" not in answer.content.decode()


def test_nothing_of_a_page_stays_behind_after_signing_out(environment: Environment) -> None:
    browser = browser_in_team(environment)

    for address in ("/", place(environment), f"{place(environment)}api-keys", "/account/new"):
        assert "no-store" in browser.get(address)["Cache-Control"], address


def test_a_race_that_the_database_decided_is_a_409_and_is_written_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = ErrorPages(server_error).process_exception(
        RequestFactory().get("/accounts/email/"), IntegrityError("secret")
    )

    assert answer is not None
    assert answer.status_code == 409
    assert "secret" not in answer.content.decode()
    assert "/accounts/email/" in caplog.text


def test_a_fault_of_ours_has_a_page_that_asks_the_database_nothing() -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()

    answer = server_error(request)

    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
