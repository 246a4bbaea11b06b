"""Keep Trellis in step with a personnel system: run it every night with the list of that day.

    TRELLIS_URL=https://trellis.example TRELLIS_KEY=trl_... python hr_sync.py people.csv

The list is CSV with the columns employee_id, email, first_name, last_name, site, role, starts_on and ends_on.
`site` is the external id of a node and `role` the name of a role, which both exist already; the dates are days
in UTC, the last one included, and may be empty. Someone who is no longer on the list is made inactive.

Nothing is remembered between two runs: each compares the list with what Trellis holds, and writes the
differences alone. A run with the list of the night before changes nothing. It needs the scopes identity.view,
identity.manage, hierarchy.view, rbac.view_roles, rbac.view_assignments and rbac.manage_assignments.
"""

import csv
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

BASE = os.environ["TRELLIS_URL"].rstrip("/") + "/api/v1/"
KEY = os.environ["TRELLIS_KEY"]
ROWS_A_CALL = 1_000
TRY_AGAIN = {429, 503}


class Held(NamedTuple):
    """What someone holds, or shall hold."""

    person: str  # external id
    role_id: str
    node_id: str


class Window(NamedTuple):
    """From when until when, in the API's form; None where it is open."""

    effective_from: str | None
    effective_to: str | None


def call(method: str, path: str, body: Any = None) -> Any:
    """Call the API; what is sent again, because the answer was lost or the service busy, is done once."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(BASE + path, data, method=method)
    request.add_header("X-API-Key", KEY)
    request.add_header("Content-Type", "application/json")
    request.add_header("Idempotency-Key", str(uuid4()))
    for pause in (1, 5, 30, None):
        try:
            with urlopen(request, timeout=60) as answer:
                content = answer.read()
            return json.loads(content) if content else None
        except HTTPError as error:
            if pause is None or error.code not in TRY_AGAIN:
                sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")
            pause = int(error.headers.get("Retry-After", pause))
        except URLError as error:
            if pause is None:
                sys.exit(f"{method} {path}: {error.reason}")
        time.sleep(pause)


def pages(path: str, **query: object) -> Iterator[dict[str, Any]]:
    """All rows of a list."""
    page, more = 1, True
    while more:
        told = call("GET", f"{path}?{urlencode({**query, 'take': 100, 'page': page})}")
        yield from told["items"]
        page, more = page + 1, told["pagination"]["has_next_page"]


def feed(path: str, **query: object) -> Iterator[dict[str, Any]]:
    """All rows of a feed."""
    cursor: str | None = ""
    while cursor is not None:
        asked = {**query, "limit": 200, **({"cursor": cursor} if cursor else {})}
        told = call("GET", f"{path}?{urlencode(asked)}")
        yield from told["items"]
        cursor = told["pagination"]["next_cursor"]


def in_calls(path: str, name: str, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Send many rows; tells on standard error which were refused."""
    for start in range(0, len(rows), ROWS_A_CALL):
        for result in call("POST", path, {name: rows[start : start + ROWS_A_CALL]})["results"]:
            if result["status"] == "error":
                print("refused:", json.dumps(result), file=sys.stderr)  # noqa: T201
            else:
                yield result["data"]


def day(text: str, days_later: int = 0) -> str | None:
    """The instant at which a day begins, or one some days later."""
    if not text:
        return None
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=days_later)
    return moment.isoformat().replace("+00:00", "Z")


def sync_people(wanted: list[dict[str, str]]) -> tuple[Counter[str], dict[str, str]]:
    """Make, change, activate and deactivate people.

    Returns:
        How many rows were written, and everyone's id by employee id.
    """
    done: Counter[str] = Counter()
    known = {row["external_id"]: row for row in pages("identities") if row["external_id"]}
    ids = {employee: row["id"] for employee, row in known.items()}
    new = []
    for person in wanted:
        names = {name: person[name] for name in ("first_name", "last_name")}
        row = known.get(person["employee_id"])
        if row is None:
            new.append({**names, "email": person["email"], "external_id": person["employee_id"]})
            continue
        changes: dict[str, Any] = {n: value for n, value in names.items() if row[n] != value}
        if not row["is_active"]:
            changes["is_active"] = True
        if changes:
            call("PATCH", f"identities/{row['id']}", changes)
            done["people_changed"] += 1
    for row in in_calls("identities/bulk-create", "identities", new):
        ids[row["external_id"]] = row["id"]
        done["people_made"] += 1
    gone = known.keys() - {person["employee_id"] for person in wanted}
    for employee in sorted(gone):
        if known[employee]["is_active"]:
            call("POST", f"identities/{ids[employee]}/deactivate")
            done["people_deactivated"] += 1
    return done, ids


def wanted_assignments(people: Iterable[dict[str, str]]) -> dict[Held, Window]:
    """What the list says, in ids of Trellis."""
    roles = {row["name"]: row["id"] for row in call("GET", "roles")["items"]}
    nodes = {row["external_id"]: row["id"] for row in feed("nodes", format="flat")}
    return {
        Held(row["employee_id"], roles[row["role"]], nodes[row["site"]]): Window(
            day(row["starts_on"]), day(row["ends_on"], 1)
        )
        for row in people
    }


def sync_assignments(wanted: dict[Held, Window], ids: dict[str, str]) -> Counter[str]:
    """Assign, change windows and revoke; tells how many rows were written."""
    done: Counter[str] = Counter()
    employee_of = {row_id: employee for employee, row_id in ids.items()}
    present: set[Held] = set()
    revoke: list[str] = []
    for row in pages("assignments", sort_by="created_at", order="asc"):
        employee = employee_of.get(row["identity"]["id"])
        if employee is None:
            continue
        assignment = row["assignment"]
        held = Held(employee, row["role"]["id"], assignment["source_node_id"])
        window = Window(assignment["effective_from"], assignment["effective_to"])
        if wanted.get(held) == window:
            present.add(held)
        elif assignment["status"] == "expired":
            continue  # history: what comes after it is assigned anew
        elif held in wanted and held not in present:
            call("PATCH", f"assignments/{assignment['id']}", wanted[held]._asdict())
            present.add(held)
            done["windows_changed"] += 1
        else:
            revoke.append(assignment["id"])
    new = [
        {
            "identity_id": ids[held.person],
            "role_id": held.role_id,
            "node_id": held.node_id,
            **window._asdict(),
        }
        for held, window in wanted.items()
        if held not in present and held.person in ids
    ]
    for start in range(0, len(revoke), ROWS_A_CALL):
        call(
            "POST",
            "assignments/bulk-remove",
            {"assignment_ids": revoke[start : start + ROWS_A_CALL]},
        )
    done["revoked"] = len(revoke)
    done["assigned"] = len(list(in_calls("assignments/bulk-create", "assignments", new)))
    return done


def main(path: str) -> None:
    """Read the list and write the differences; prints how many rows of each kind were written."""
    with open(path, newline="", encoding="utf-8") as file:
        people = list(csv.DictReader(file))
    done, ids = sync_people(people)
    done += sync_assignments(wanted_assignments(people), ids)
    print(json.dumps({name: count for name, count in sorted(done.items()) if count}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
