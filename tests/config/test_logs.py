"""What a line of the log never holds."""

from __future__ import annotations

import logging
import sys

import pytest
from django.conf import settings
from django.test import Client
from django.utils.module_loading import import_string

from tests.assignments.inviting import invited, path_of

_LINE: dict[str, str] = settings.LOGGING["formatters"]["line"]  # type: ignore[index]  # a plain dict
formatter: logging.Formatter = import_string(_LINE["()"])(_LINE["fmt"], style=_LINE["style"])


@pytest.mark.django_db
def test_a_link_that_works_is_not_written_down(api, caplog: pytest.LogCaptureFixture) -> None:
    page = path_of(invited(api)["accept_url"])

    Client().post(page, {"first_name": "x" * 200})
    Client(enforce_csrf_checks=True).post(page)

    told = [formatter.format(record) for record in caplog.records]
    assert any(page in record.getMessage() for record in caplog.records)
    assert [line.rpartition(": ")[2] for line in told[-2:]] == ["/invitations/…"] * 2
    assert not any(page.rpartition("/")[2] in line for line in told)


def test_a_link_in_a_traceback_is_not_written_down() -> None:
    try:
        raise ValueError("cannot open '/demo/abc-DEF_1?next=/'")
    except ValueError:
        record = logging.LogRecord("x", 40, "x", 1, "%s", ("/invitations/abc",), sys.exc_info())

    line = formatter.format(record)

    assert "abc" not in line
    assert "cannot open '/demo/…?next=/'" in line
    assert "/invitations/…" in line


def test_other_addresses_are_written_down() -> None:
    record = logging.LogRecord("x", 30, "x", 1, "Not Found: %s", ("/api/v1/nodes/1",), None)

    assert formatter.format(record).endswith("Not Found: /api/v1/nodes/1")
