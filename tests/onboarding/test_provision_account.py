import json
from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Account, User
from tests.onboarding.commands import run_command

PASSWORD = "correct horse battery"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return file


@pytest.mark.django_db(transaction=True)
def test_provision_account_prints_keys_that_open_and_an_owner_who_signs_in(
    password_file: Path,
) -> None:
    done = run_command(
        "provision_account", "--email", "Ada@example.org", "--account", "Initech",
        "--password-file", str(password_file), "--json",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["account"]["name"] == "Initech"
    assert told["account"]["slug"] == "initech"
    assert [row["name"] for row in told["environments"]] == ["Development", "Production"]
    for row in told["environments"]:
        answer = APIClient().get("/api/v1/nodes", headers={"X-API-Key": row["api_key"]})
        assert answer.status_code == 200
    signed_in = Client().post(
        "/accounts/login/", {"login": "ada@example.org", "password": PASSWORD}
    )
    assert (signed_in.status_code, signed_in.headers["Location"]) == (302, "/")


@pytest.mark.django_db(transaction=True)
def test_provision_account_says_the_same_in_plain_words_without_json() -> None:
    done = run_command("provision_account", "--email", "ada@example.org", "--account", "Initech")

    assert done.returncode == 0, done.stderr
    assert "Initech (initech)" in done.stdout
    assert done.stdout.count("trl_") == 2
    assert not User.objects.get().has_usable_password()


@pytest.mark.django_db(transaction=True)
def test_provision_account_refuses_an_address_that_is_taken() -> None:
    run_command("provision_account", "--email", "ada@example.org", "--account", "One")

    done = run_command(
        "provision_account", "--email", "ADA@example.org", "--account", "Two", "--json"
    )

    assert done.returncode == 1
    assert "Someone already signs in with this address." in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert Account.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--email", "nobody", "--account", "One"), "is not an e-mail address"),
        (("--email", "a@example.org", "--account", " "), "1 to 100 characters"),
        (("--email", "a@example.org", "--account", "a\u202eb"), "U+202E"),
        (
            ("--email", "a@example.org", "--account", "One", "--password-file", "/none"),
            "cannot be read",
        ),
    ],
)
def test_provision_account_refuses_what_it_cannot_use(words: tuple[str, ...], said: str) -> None:
    done = run_command("provision_account", *words)

    assert done.returncode == 1
    assert said in done.stderr
    assert not User.objects.exists()


def test_provision_account_says_when_no_server_is_there(tmp_path: Path) -> None:
    done = run_command(
        "provision_account", "--email", "a@example.org", "--account", "One",
        DATABASE_URL="", TRELLIS_DATA=str(tmp_path),
    )  # fmt: skip

    assert done.returncode == 1
    assert f"The database in {tmp_path} does not answer. Is `make run` running" in done.stderr
    assert "Traceback" not in done.stderr
