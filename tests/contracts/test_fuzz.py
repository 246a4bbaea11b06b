"""The API against its own OpenAPI file: whatever fits the file or does not, no 5xx and no broken promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from config.wsgi import application
from environments.models import Environment
from tests.contracts.operations import make_rows
from tests.factories import make_key

pytestmark = pytest.mark.django_db

SHORT, WHOLE = 12, 700


@pytest.fixture
def fuzzed(
    environment: Environment, client_of: Callable[..., Any], settings: Any
) -> schemathesis.BaseSchema:
    """The committed file, with a key to an environment that holds a row of each kind."""
    make_rows(client_of(environment))
    settings.RATE_LIMITS = {"evaluate": 10**9, "others": 10**9}
    settings.RATE_LIMIT_GUESSES = 10**9
    config = SchemathesisConfig.from_dict(
        {
            "headers": {"X-API-Key": make_key(environment)},
            "checks": {
                # What a schema cannot say: that a window's end lies after its start, or that two fields go together.
                "positive_data_acceptance": {
                    "expected-statuses": ["2xx", "400", "401", "403", "404", "409", "429"]
                },
            },
        }
    )
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, config=config)


schema = schemathesis.pytest.from_fixture("fuzzed")
_quick = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.explicit, Phase.generate],
}


@schema.parametrize()
@settings(max_examples=SHORT, derandomize=True, **_quick)
def test_a_short_storm(case: schemathesis.Case) -> None:
    case.call_and_validate()


@pytest.mark.soak
@schema.parametrize()
@settings(max_examples=WHOLE, **_quick)
def test_a_long_storm(case: schemathesis.Case) -> None:
    case.call_and_validate()
