"""Rows of every kind, and people before the admin."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from tests.admin.rows import add_rows
from tests.web.people import browser_of


@pytest.fixture
def operator(db: None) -> User:
    """Someone who may do everything in the admin."""
    return User.objects.create_superuser("operator@example.org", "correct horse battery")


@pytest.fixture
def admin(operator: User) -> Client:
    """The operator's browser."""
    return browser_of(operator)


@pytest.fixture
def rows(db: None) -> User:
    """A row of every kind at least; the owner of their account."""
    return add_rows()
