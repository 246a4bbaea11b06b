"""The page at which an invitation is accepted."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from environments.limits import limiter
from environments.models import Environment
from identities.models import Identity, Invitation
from tests.assignments.inviting import INVITES, bob, elapse, invited, path_of, resend, rest

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(api: APIClient) -> str:
    """The address at which Bob accepts."""
    return path_of(invited(api, first_name="Bob", last_name="<b>Tables</b>")["accept_url"])


def test_the_page_shows_who_invites_to_what_and_the_names(
    api: APIClient, page: str, environment: Environment
) -> None:
    answer = Client().get(page)

    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<strong>test</strong> invites <strong>bob@example.org</strong>" in re.sub(
        r"\s+", " ", text
    )
    assert f"to the Development environment of {environment.account.name}." in text
    assert 'value="Bob"' in text
    assert "&lt;b&gt;Tables&lt;/b&gt;" in text
    assert text.count("<button") == 1
    assert "Accept invitation" in text


def test_looking_changes_nothing(page: str) -> None:
    for _ in range(3):
        assert Client().get(page).status_code == 200
        assert Client().head(page).status_code == 200

    assert bob().status == "invited"


def test_accepting_leads_to_a_page_that_says_so(page: str) -> None:
    answer = Client().post(page, {"first_name": "Robert", "last_name": ""}, follow=True)

    assert answer.redirect_chain == [("/invitations/accepted", 302)]
    assert "Your invitation is accepted" in answer.content.decode()
    assert (bob().status, bob().first_name, bob().last_name) == ("active", "Robert", "")


def test_a_name_that_is_not_sent_stays(page: str) -> None:
    Client().post(page, {"last_name": "Tables"})

    assert (bob().first_name, bob().last_name) == ("Bob", "Tables")


@pytest.mark.parametrize("name", ["a\x00", "a\u202eb", "x" * 101, "a\nb"])
def test_a_name_that_cannot_be_is_refused_with_the_form(page: str, name: str) -> None:
    answer = Client().post(page, {"first_name": name, "last_name": "Kept"})

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert 'value="Kept"' in answer.content.decode()
    assert bob().status == "invited"


def test_a_form_from_elsewhere_is_refused(page: str) -> None:
    answer = Client(enforce_csrf_checks=True).post(page, {})

    assert answer.status_code == 403
    assert bob().status == "invited"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_405(page: str, method: str) -> None:
    assert getattr(Client(), method)(page).status_code == 405


def dead_links(api: APIClient) -> dict[str, str]:
    """A link of each kind that does not work any more."""
    made = {name: invited(api, f"{name}@example.org") for name in (
        "used", "revoked", "expired", "resent", "foreign", "inactive",
    )}  # fmt: skip
    pages = {name: path_of(told["accept_url"]) for name, told in made.items()}
    Client().post(pages["used"], {})
    api.delete(f"{INVITES}/{made['revoked']['id']}")
    elapse(made["expired"]["id"])
    rest(made["resent"]["id"])
    resend(api, made["resent"]["id"])
    api.post("/api/v1/identities/email:inactive@example.org/deactivate")
    pages["foreign"] = pages["foreign"][:-4] + "AAAA"
    pages["unknown"] = f"/invitations/{'A' * 64}"
    pages["short"] = "/invitations/x"
    pages["long"] = f"/invitations/{'x' * 5_000}"
    pages["strange"] = "/invitations/%00%ff%E2%80%AE"
    pages["id"] = f"/invitations/{uuid4()}"
    return pages


@pytest.mark.parametrize("method", ["get", "post"])
def test_every_link_that_does_not_work_is_answered_alike(api: APIClient, method: str) -> None:
    answers = {}
    for name, address in dead_links(api).items():
        answer = getattr(Client(), method)(address, {"first_name": "x" * 200})
        headers = {key: value for key, value in answer.items() if key != "X-Request-ID"}
        answers[name] = (answer.status_code, answer.content, headers, dict(answer.cookies))

    assert all(answer == answers["unknown"] for answer in answers.values())
    assert answers["unknown"][0] == 410
    assert b"Ask whoever invited you for a new one" in answers["unknown"][1]
    statuses = set(Identity.objects.values_list("email", "status"))
    assert ("expired@example.org", "invited") in statuses
    assert ("inactive@example.org", "inactive") in statuses


def test_no_page_is_kept_or_tells_its_address(api: APIClient, page: str) -> None:
    for address, policy in (
        (page, "strict-origin"),
        ("/invitations/x", "no-referrer"),
        ("/invitations/accepted", "no-referrer"),
    ):
        answer = Client().get(address)
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == policy
        assert "unsafe" not in answer["Content-Security-Policy"]


def test_the_host_of_a_request_stands_nowhere_in_the_page(page: str, settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    answer = Client().get(page, headers={"host": "evil.example"})

    assert "evil" not in answer.content.decode()


def test_someone_who_guesses_is_told_to_wait_and_others_are_not(page: str, settings) -> None:
    settings.RATE_LIMIT_GUESSES = 5
    limiter.forget()
    guesser = Client(REMOTE_ADDR="192.0.2.1")

    statuses = [guesser.get(f"/invitations/{n}").status_code for n in range(12)]

    assert set(statuses) == {410, 429}
    assert statuses == sorted(statuses)
    answer = guesser.get(page)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "60"
    assert answer["Cache-Control"] == "no-store"
    assert Client(REMOTE_ADDR="192.0.2.2").get(page).status_code == 200
    limiter.forget()


def test_a_link_that_works_costs_nothing_of_the_limit(page: str, settings) -> None:
    settings.RATE_LIMIT_GUESSES = 1
    limiter.forget()

    statuses = {Client(REMOTE_ADDR="192.0.2.3").get(page).status_code for _ in range(5)}

    assert statuses == {200}


def test_looking_and_accepting_take_few_statements(
    page: str, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(1):
        Client().get(page)
    with django_assert_max_num_queries(14):
        Client().post(page, {})

    assert Invitation.objects.get().status == "accepted"
