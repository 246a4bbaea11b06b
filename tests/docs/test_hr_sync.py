"""The example that keeps Trellis in step with a personnel system, run as an operator would run it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assignments.models import Assignment
from environments.models import AuditEvent, Environment
from environments.scopes import Scope
from hierarchy.queries import find_problems
from identities.models import Identity
from tests.assignments.cast import Cast, make_cast
from tests.factories import make_key

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "hr_sync.py"
PEOPLE = 5_000
COLUMNS = [
    "employee_id",
    "email",
    "first_name",
    "last_name",
    "site",
    "role",
    "starts_on",
    "ends_on",
]
SCOPES = (
    Scope.IDENTITY_VIEW,
    Scope.IDENTITY_MANAGE,
    Scope.HIERARCHY_VIEW,
    Scope.ROLES_VIEW,
    Scope.ASSIGNMENTS_VIEW,
    Scope.ASSIGNMENTS_MANAGE,
)
TODAY = datetime.now(UTC).date()


def day(days: int) -> str:
    """A day from today, as the list has it."""
    return (TODAY + timedelta(days=days)).isoformat()


def person(number: int, **changes: str) -> dict[str, str]:
    """A row of the list."""
    row = {
        "employee_id": f"e-{number}",
        "email": f"e{number}@example.org",
        "first_name": "Person",
        "last_name": str(number),
        "site": "site-1",
        "role": "Reader" if number % 2 else "Writer",
        "starts_on": "",
        "ends_on": "",
    }
    return {**row, **changes}


@pytest.fixture
def cast(environment: Environment) -> Cast:
    """A site with the external id site-1, the roles Reader and Writer, and Ada, who is nobody's employee."""
    cast = make_cast(environment)
    Identity.objects.update(external_id=None)
    return cast


@pytest.fixture
def sync(live_server: Any, cast: Cast, tmp_path: Path) -> Any:
    """Runs the script with a list; gives what it says that it wrote."""
    key = make_key(cast.environment, *SCOPES)

    def run(people: list[dict[str, str]]) -> dict[str, int]:
        file = tmp_path / "people.csv"
        with file.open("w", newline="") as opened:
            writer = csv.DictWriter(opened, COLUMNS)
            writer.writeheader()
            writer.writerows(people)
        done = subprocess.run(
            [sys.executable, SCRIPT, file],
            env={**os.environ, "TRELLIS_URL": live_server.url, "TRELLIS_KEY": key},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        told: dict[str, int] = json.loads(done.stdout)
        return told

    return run


def states(employee: str) -> list[str]:
    """The states of what someone holds."""
    rows = Assignment.objects.filter(identity__external_id=employee).with_state()
    return sorted(row.state for row in rows)


def test_five_thousand_people_are_kept_in_step(sync: Any, cast: Cast) -> None:
    people = [person(number) for number in range(PEOPLE)]

    assert sync(people) == {"people_made": PEOPLE, "assigned": PEOPLE}
    written = AuditEvent.objects.count()
    assert sync(people) == {}
    assert AuditEvent.objects.count() == written

    # The next night: a joiner who starts later, a leaver with an end, a marriage, a new role, someone gone.
    people.append(person(PEOPLE, starts_on=day(30)))
    people[1] = person(1, ends_on=day(14))
    people[2] = person(2, last_name="Married")
    people[3] = person(3, role="Writer")
    del people[4]
    assert sync(people) == {
        "people_made": 1,
        "people_changed": 1,
        "people_deactivated": 1,
        "assigned": 2,
        "windows_changed": 1,
        "revoked": 2,
    }
    assert states(f"e-{PEOPLE}") == ["scheduled"]
    assert Identity.objects.get(external_id="e-2").last_name == "Married"
    assert Identity.objects.get(external_id="e-4").status == "inactive"
    assert states("e-3") == ["active", "revoked"]
    assert states("e-4") == ["revoked"]

    written = AuditEvent.objects.count()
    assert sync(people) == {}
    assert AuditEvent.objects.count() == written
    assert not find_problems(cast.environment)


def test_someone_whose_end_has_passed_is_left_alone_and_may_come_back(sync: Any) -> None:
    sync([person(1, starts_on=day(-30), ends_on=day(-2))])

    assert states("e-1") == ["expired"]
    assert sync([person(1, starts_on=day(-30), ends_on=day(-2))]) == {}
    assert sync([]) == {"people_deactivated": 1}
    assert sync([person(1)]) == {"people_changed": 1, "assigned": 1}
    assert states("e-1") == ["active", "expired"]
