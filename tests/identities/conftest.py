"""The cast of the tests of identities."""

import pytest

from environments.models import Environment
from tests.assignments.cast import Cast, make_cast


@pytest.fixture
def cast(environment: Environment) -> Cast:
    """A tree of three, two permissions, two roles and one person without any role."""
    return make_cast(environment)
