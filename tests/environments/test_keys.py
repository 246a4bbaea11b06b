"""The form of a key's text, and when it opens: by the database's clock, at the next request."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db.models import F
from django.db.models.functions import Now

from environments.keys import looks_like_key, make_key
from environments.models import ApiKey
from environments.queries import open_with_key
from tests.factories import EnvironmentFactory
from tests.factories import make_key as keep_key

SECOND = timedelta(seconds=1)


def test_a_mistyped_key_is_seen_without_a_query() -> None:
    key = make_key()
    mistyped = key[:10] + ("a" if key[10] != "a" else "b") + key[11:]

    assert looks_like_key(key)
    assert not looks_like_key(mistyped)
    assert not looks_like_key(key + "0")
    assert not looks_like_key("trl_" + "\u0660" * 38)


@pytest.fixture
def text(db: None) -> str:
    """The text of a key."""
    return keep_key(EnvironmentFactory.create())


@pytest.mark.parametrize(
    "change",
    [{"is_active": False}, {"deleted_at": Now()}, {"expires_at": Now() - SECOND}],
    ids=["disabled", "deleted", "expired"],
)
def test_a_key_that_is_over_opens_nothing(text, change) -> None:
    assert open_with_key(text) is not None

    ApiKey.objects.update(**change)

    assert open_with_key(text) is None


@pytest.mark.parametrize("days", [-400, 400])
def test_a_key_ends_by_the_databases_clock_whatever_the_servers_says(text, days) -> None:
    ApiKey.objects.update(expires_at=Now() + timedelta(days=1))

    with time_machine.travel(timedelta(days=days)):
        assert open_with_key(text) is not None


@pytest.mark.parametrize(("left", "opens"), [(SECOND * 60, True), (-SECOND, False)])
@pytest.mark.parametrize("days", [-400, 0, 400])
def test_a_former_text_opens_until_the_databases_clock_says_no(text, left, opens, days) -> None:
    other = make_key()
    ApiKey.objects.update(
        former_hash=F("key_hash"), former_until=Now() + left, key_hash=other.encode()[:32]
    )

    with time_machine.travel(timedelta(days=days)):
        assert (open_with_key(text) is not None) is opens


def test_a_key_knows_which_text_opened_it_and_until_when(text) -> None:
    ApiKey.objects.update(expires_at=Now() + timedelta(days=1))
    opened = open_with_key(text)
    assert opened is not None
    assert not opened.opened_formerly
    assert opened.opens_until == opened.expires_at

    ApiKey.objects.update(
        former_hash=F("key_hash"), former_until=Now() + 60 * SECOND, key_hash=b"x" * 32
    )

    formerly = open_with_key(text)
    assert formerly is not None
    assert formerly.opened_formerly
    assert formerly.opens_until == formerly.former_until
