"""The API against its own OpenAPI file: whatever fits the file or does not, no 5xx and no broken promise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from config.wsgi import application
from environments.models import Environment
from tests.contracts.operations import make_rows
from tests.contracts.positions import COMMITTED
from tests.contracts.test_isolation import client_with
from tests.factories import make_key

pytestmark = pytest.mark.django_db

SHORT, WHOLE = 12, 700
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            # What a schema cannot say: that a window's end lies after its start, or that two fields go together.
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "400", "401", "403", "404", "409", "422", "429"]
            },
        },
        "operations": [
            {
                # Each row stands for itself: one that breaks the schema is refused within a 207, or a plan.
                "include-path-regex": "/bulk-create$",
                "checks": {"negative_data_rejection": {"enabled": False}},
            }
        ],
    }
)
schema = schemathesis.openapi.from_path(COMMITTED, config=CONFIG)
schema.app = application
QUICK: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
}


@pytest.fixture
def key(environment: Environment, settings: Any) -> Iterator[str]:
    """A key to an environment that holds a row of each kind, without any limit of requests."""
    settings.RATE_LIMITS = {"evaluate": 10**9, "others": 10**9}
    settings.RATE_LIMIT_GUESSES = 10**9
    text = make_key(environment)
    make_rows(client_with(text))
    # The end of a request would close the connection that holds the test's transaction; Django's own
    # client keeps it in the same way, and sets this back after each of its calls.
    ends = (signals.request_started, signals.request_finished)
    for end in ends:
        end.disconnect(close_old_connections)
    yield text
    for end in ends:
        end.connect(close_old_connections)


@schema.parametrize()
@settings(max_examples=SHORT, derandomize=True, **QUICK)
def test_a_short_storm(case: schemathesis.Case, key: str) -> None:
    case.call_and_validate(headers={"X-API-Key": key})


@pytest.mark.soak
@schema.parametrize()
@settings(max_examples=WHOLE, **QUICK)
def test_a_long_storm(case: schemathesis.Case, key: str) -> None:
    case.call_and_validate(headers={"X-API-Key": key})
