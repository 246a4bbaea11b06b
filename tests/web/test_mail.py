from __future__ import annotations

from pathlib import Path

import pytest
from django.core.mail import EmailMessage, get_connection
from django.test import Client
from pytest_django import Settings

from onboarding.mail import MOST_LETTERS, read_letters


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.MAIL_DIR = tmp_path
    settings.MAIL_PAGE = True
    return tmp_path


def send(folder: Path, *messages: EmailMessage) -> None:
    """Write messages as a local service does."""
    backend = "django.core.mail.backends.filebased.EmailBackend"
    get_connection(backend, file_path=str(folder)).send_messages(list(messages))


def message(subject: str, text: str) -> EmailMessage:
    return EmailMessage(subject, text, "Trellis <t@example.org>", ["ada@example.org"])


def test_read_letters_finds_each_message_of_each_file(folder: Path) -> None:
    send(folder, message("One", "Grüße\n" + "-" * 79 + "\nend"), message("Zwölf", "second"))

    letters = {letter.subject: letter for letter in read_letters(folder)}

    assert set(letters) == {"One", "Zwölf"}
    assert letters["One"].text == "Grüße\n" + "-" * 79 + "\nend"
    assert letters["Zwölf"].to == "ada@example.org"
    assert letters["Zwölf"].sent_at is not None
    assert letters["Zwölf"].sent_at.tzinfo is not None


def test_read_letters_stops_at_the_newest_fifty(folder: Path) -> None:
    for number in range(MOST_LETTERS + 5):
        send(folder, message(f"Number {number}", "text"))

    assert len(read_letters(folder)) == MOST_LETTERS


def test_read_letters_of_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_letters(tmp_path / "none") == []


def test_the_mail_page_is_open_to_whoever_signs_up_and_escapes_what_it_shows(
    folder: Path, client: Client
) -> None:
    send(folder, message("<script>alert(1)</script>", "Code ABCD-EFGH <b> http://127.0.0.1/x"))

    answer = client.get("/mail")

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "ABCD-EFGH &lt;b&gt;" in page
    assert "<script>alert" not in page
    assert 'href="http://127.0.0.1/x"' in page
    assert "no-store" in answer["Cache-Control"]


def test_there_is_no_mail_page_where_mail_really_leaves(
    folder: Path, client: Client, settings: Settings
) -> None:
    settings.MAIL_PAGE = False

    assert client.get("/mail").status_code == 404
