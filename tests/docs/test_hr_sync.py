"""The example that keeps Trellis in step with a personnel system, run as an operator would run it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

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
def run(live_server: Any, cast: Cast, tmp_path: Path) -> Any:
    """Runs the script with a list, whatever comes of it."""
    key = make_key(cast.environment, *SCOPES)

    def run(people: list[dict[str, str]], *options: str, url: str = live_server.url) -> Any:
        file = tmp_path / "people.csv"
        with file.open("w", newline="") as opened:
            writer = csv.DictWriter(opened, COLUMNS)
            writer.writeheader()
            writer.writerows(people)
        return start(file, *options, TRELLIS_URL=url, TRELLIS_API_KEY=key)

    return run


@pytest.fixture
def sync(run: Any) -> Any:
    """Runs the script with a list; gives what it says that it wrote."""

    def sync(people: list[dict[str, str]], *options: str) -> dict[str, int]:
        done = run(people, *options)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        told: dict[str, int] = json.loads(done.stdout)
        return told

    return sync


def start(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start the script with these arguments and variables alone."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("TRELLIS_")}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env={**own, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


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


def test_who_has_two_roles_stands_on_two_lines(sync: Any) -> None:
    both = [person(1), person(1, role="Writer")]

    assert sync(both) == {"people_made": 1, "assigned": 2}
    assert sync(both) == {}
    assert sync(both[:1]) == {"revoked": 1}


def test_of_two_assignments_the_one_with_the_right_window_stays(sync: Any, cast: Cast) -> None:
    sync([person(1, starts_on=day(10))])
    end = datetime.combine(TODAY + timedelta(days=4), time(), UTC)
    cast.give(identity=Identity.objects.get(external_id="e-1"), end=end)

    assert sync([person(1, ends_on=day(3))]) == {"revoked": 1}
    assert states("e-1") == ["active", "revoked"]


def test_the_whole_list_is_checked_before_anything_is_written(run: Any, cast: Cast) -> None:
    written = AuditEvent.objects.count()

    done = run(
        [
            person(1),
            person(2, site="nowhere"),
            person(3, role="Ruler"),
            person(4, starts_on="1.5.2026", ends_on="2026-02-30"),
            person(5, starts_on=day(2), ends_on=day(1)),
            person(1, role="Writer", last_name="Other", email="other@example.org"),
            person(6, email="E1@example.org"),
            person(1),
            person(7, employee_id="", first_name=""),
        ]
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "Line 3 (e-2): no node has the external id 'nowhere'.",
        "Line 4 (e-3): no active role is called 'Ruler'.",
        "Line 5 (e-4): starts_on and ends_on must be days such as 2026-05-01, or empty.",
        "Line 6 (e-5): it ends before it starts.",
        "Line 7 (e-1): email is 'other@example.org', but 'e1@example.org' on line 2.",
        "Line 7 (e-1): last_name is 'Other', but '1' on line 2.",
        "Line 8 (e-6): email is that of e-1.",
        "Line 9 (e-1): an earlier line has the same role and site.",
        "Line 10 (): employee_id must be 1 to 128 of A-Za-z0-9._:@+-.",
        "Line 10 (): first_name is missing.",
        "Nothing was written.",
    ]
    assert AuditEvent.objects.count() == written


def test_a_dry_run_prints_the_same_counts_and_writes_nothing(sync: Any) -> None:
    sync([person(number) for number in range(4)])
    changed = [person(0, last_name="New"), person(1, ends_on=day(3)), person(2), person(9)]
    written = AuditEvent.objects.count()

    planned = sync(changed, "--dry-run")

    assert AuditEvent.objects.count() == written
    assert planned == sync(changed)
    assert planned == {
        "people_made": 1,
        "people_changed": 1,
        "people_deactivated": 1,
        "revoked": 1,
        "windows_changed": 1,
        "assigned": 1,
    }


def test_more_than_a_tenth_is_made_inactive_only_when_that_is_meant(run: Any, sync: Any) -> None:
    people = [person(number) for number in range(60)]
    sync(people)
    written = AuditEvent.objects.count()
    sentence = "7 of 60 people would be made inactive: too many without --allow-many.\n"

    refused = run(people[7:])
    planned = run(people[7:], "--dry-run")

    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", sentence)
    assert (planned.returncode, planned.stderr) == (0, sentence)
    assert json.loads(planned.stdout) == {"people_deactivated": 7, "revoked": 7}
    assert AuditEvent.objects.count() == written
    assert sync(people[6:]) == {"people_deactivated": 6, "revoked": 6}
    assert sync(people[13:], "--allow-many") == {"people_deactivated": 7, "revoked": 7}
    # Five are never too many: here they are five of forty-seven, and then of six.
    sync(people[54:], "--allow-many")
    assert sync(people[59:]) == {"people_deactivated": 5, "revoked": 5}


def test_a_changed_e_mail_is_told_and_stays(run: Any, sync: Any) -> None:
    sync([person(1)])

    done = run([person(1, email="New@example.org", last_name="New")])

    assert (done.returncode, json.loads(done.stdout)) == (0, {"people_changed": 1})
    assert done.stderr == "e-1: the e-mail stays e1@example.org, not new@example.org.\n"
    assert Identity.objects.get(external_id="e-1").email == "e1@example.org"


def test_a_row_that_is_refused_is_told_and_the_others_are_written(run: Any, cast: Cast) -> None:
    done = run([person(1, email=cast.ada.email), person(2)])

    assert done.returncode == 1
    assert json.loads(done.stdout) == {"people_made": 1, "assigned": 1}
    assert done.stderr.startswith("refused: ")
    assert "identities.email_taken" in done.stderr
    assert states("e-2") == ["active"]


@pytest.mark.parametrize("code", [429, 503])
def test_it_says_when_it_waits(run: Any, live_server: Any, code: int) -> None:
    with busy_once(live_server.url, code) as url:
        done = run([person(1)], url=url)

    assert done.returncode == 0
    assert json.loads(done.stdout) == {"people_made": 1, "assigned": 1}
    assert done.stderr == f"GET roles: {code}, trying again in 1 s.\n"


@contextmanager
def busy_once(url: str, code: int) -> Iterator[str]:
    """A proxy in front of the service that is busy for the first request."""
    left = [code]

    class Proxy(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if left:
                self.send_response(left.pop())
                self.send_header("Retry-After", "1")
                self.end_headers()
                return
            asked = Request(url + self.path, body or None, dict(self.headers), method=self.command)
            with urlopen(asked) as given:
                content = given.read()
                self.send_response(given.status)
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None:
            """Nothing to standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        ([], {}, "the following arguments are required: list"),
        (["people.csv"], {}, "set TRELLIS_URL, such as"),
        (["people.csv"], {"TRELLIS_URL": "https://trellis.example"}, "and TRELLIS_API_KEY"),
        (["people.csv"], {"TRELLIS_URL": "trellis", "TRELLIS_API_KEY": "k"}, "set TRELLIS_URL"),
        (["none.csv"], {"TRELLIS_URL": "https://t", "TRELLIS_API_KEY": "k"}, "cannot be read"),
    ],
)
def test_what_is_missing_is_told_with_the_usage(
    arguments: list[str], variables: dict[str, str], sentence: str
) -> None:
    done = start(*arguments, **variables)

    assert done.returncode == 2
    assert done.stderr.startswith("usage: hr_sync.py")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("employee_id,email,first_name,last_name,role,ends_on\n")

    done = start(file, TRELLIS_URL="https://trellis.example", TRELLIS_API_KEY="k")

    assert (done.returncode, done.stderr) == (1, "The list has no column site, starts_on.\n")
