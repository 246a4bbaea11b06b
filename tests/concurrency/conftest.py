"""The crew of the race tests; what it does is committed, so the database is emptied after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from environments.models import Environment
from tests.assignments.cast import Cast, make_cast
from tests.concurrency.crew import PROCESSES, Crew


@pytest.fixture(scope="session")
def crew_at_work(django_db_setup: None) -> Iterator[Crew]:
    """Four processes with connections to the test database."""
    crew = Crew(str(connection.settings_dict["NAME"]), PROCESSES)
    yield crew
    crew.leave()


@pytest.fixture
def crew(transactional_db: None, crew_at_work: Crew) -> Crew:
    """Four processes that see what the test has committed."""
    return crew_at_work


@pytest.fixture
def cast(transactional_db: None, environment: Environment) -> Cast:
    """A tree of three, two permissions, two roles and one person without any role; committed."""
    return make_cast(environment)
