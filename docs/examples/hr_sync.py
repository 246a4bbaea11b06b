"""Keep Trellis in step with a personnel system: run it every night with the list of that day.

    export TRELLIS_URL=https://trellis.example TRELLIS_API_KEY=trl_...
    python hr_sync.py people.csv --dry-run
    python hr_sync.py people.csv

EVERY IDENTITY WITH AN EXTERNAL ID THAT IS NOT ON THE LIST IS MADE INACTIVE, AND WHATEVER IT HOLDS IS REVOKED.
So is what someone on the list holds and the list does not say. Identities without an external id are left alone.
Without --allow-many it makes no more than a tenth of the active people inactive, though always up to five.

The list is CSV with the columns employee_id, email, first_name, last_name, site, role, starts_on and ends_on.
`site` is the external id of a node and `role` the name of a role, which both exist already; the dates are days
in UTC, the last one included, and may be empty. Who has several roles or sites stands on a line for each.
The whole list is checked before anything is written. An e-mail that changed is only reported, since the API
cannot change one.

Nothing is remembered between two runs: each compares the list with what Trellis holds, and writes the
differences alone. A run with the list of the night before changes nothing. It needs the scopes identity.view,
identity.manage, hierarchy.view, rbac.view_roles, rbac.view_assignments and rbac.manage_assignments.
"""

import argparse
import csv
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

BASE = os.environ.get("TRELLIS_URL", "").rstrip("/") + "/api/v1/"
KEY = os.environ.get("TRELLIS_API_KEY", "")
PERSONAL = ("email", "first_name", "last_name")
COLUMNS = ("employee_id", *PERSONAL, "site", "role", "starts_on", "ends_on")
KINDS = (
    "people_made", "people_changed", "people_deactivated", "revoked", "windows_changed", "assigned",
)  # fmt: skip
ROWS_A_CALL = 1_000
Row = dict[str, Any]
Held = tuple[str, str, str]  # an employee_id, the id of a role and that of a node
Window = dict[str, str | None]  # effective_from and effective_to, None where it is open
ToDo = dict[str, list[Any]]  # what is to be written, under the names of the printed counts


def say(text: str) -> None:
    """Tell the operator."""
    print(text, file=sys.stderr)  # noqa: T201


def call(method: str, path: str, body: Any = None) -> Any:
    """Call the API; what is sent again, because the answer was lost or the service busy, is done once."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(BASE + path, data, {"X-API-Key": KEY}, method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("Idempotency-Key", str(uuid4()))
    for pause in (1, 5, 30, None):
        try:
            with urlopen(request, timeout=60) as answer:
                content = answer.read()
            return json.loads(content) if content else None
        except HTTPError as error:
            if pause is None or error.code not in (429, 503):
                sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")
            pause, why = int(error.headers.get("Retry-After", pause)), str(error.code)
        except OSError as error:
            if pause is None:
                sys.exit(f"{method} {path}: {error}")
            why = str(error)
        say(f"{method} {path}: {why}, trying again in {pause} s.")
        time.sleep(pause)


def every(path: str, **query: object) -> Iterator[Row]:
    """All rows of a list or a feed, page by page."""
    more = True
    while more:
        told = call("GET", f"{path}?{urlencode(query)}")
        yield from told["items"]
        place = told["pagination"]
        if "next_cursor" in place:
            more, query["cursor"] = place["next_cursor"] is not None, place["next_cursor"]
        else:
            more, query["page"] = place["has_next_page"], place["page"] + 1


def in_calls(path: str, name: str, rows: list[Row]) -> Iterator[Row]:
    """Send many rows; tells on standard error which were refused."""
    for start in range(0, len(rows), ROWS_A_CALL):
        for result in call("POST", path, {name: rows[start : start + ROWS_A_CALL]})["results"]:
            if result["status"] == "error":
                say(f"refused: {json.dumps(result)}")
            else:
                yield result["data"]


def window_of(row: dict[str, str]) -> Window:
    """From when until when a row of the list holds: midnights, the last day included."""
    start, end = row["starts_on"], row["ends_on"]
    first = f"{date.fromisoformat(start)}T00:00:00Z" if start else None
    after = f"{date.fromisoformat(end) + timedelta(1)}T00:00:00Z" if end else None
    return {"effective_from": first, "effective_to": after}


def read_list(path: str) -> list[dict[str, str]]:
    """The rows, each with its line."""
    rows = []
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restval="")
        missing = sorted(set(COLUMNS) - set(reader.fieldnames or ()))
        if missing:
            sys.exit(f"The list has no column {', '.join(missing)}.")
        for read in reader:
            row = {name: read[name].strip() for name in COLUMNS}
            rows.append({**row, "email": row["email"].lower(), "line": str(reader.line_num)})
    return rows


def faults(row: dict[str, str], same: dict[str, str], owner: str) -> Iterator[str]:
    """What is wrong with a row, beside the first of the same person and the first with its e-mail."""
    if not re.fullmatch(r"[A-Za-z0-9._:@+-]{1,128}", row["employee_id"]):
        yield "employee_id must be 1 to 128 of A-Za-z0-9._:@+-"
    for name in PERSONAL:
        if not row[name]:
            yield f"{name} is missing"
        elif row[name] != same[name]:
            yield f"{name} is {row[name]!r}, but {same[name]!r} on line {same['line']}"
    if row["email"] and row["employee_id"] != owner:
        yield f"email is that of {owner}"
    try:
        start, end = window_of(row).values()
        if start and end and start >= end:
            yield "it ends before it starts"
    except (ValueError, OverflowError):
        yield "starts_on and ends_on must be days such as 2026-05-01, or empty"


def check_list(rows: list[dict[str, str]]) -> dict[Held, Window]:
    """What the list says, in ids of Trellis; stops with a sentence a line where it cannot be so."""
    roles = {row["name"]: row["id"] for row in call("GET", "roles")["items"]}
    nodes = {row["external_id"]: row["id"] for row in every("nodes", format="flat", limit=200)}
    wanted: dict[Held, Window] = {}
    same: dict[str, dict[str, str]] = {}
    owners: dict[str, str] = {}
    wrong = []
    for row in rows:
        employee = row["employee_id"]
        owner = owners.setdefault(row["email"], employee)
        found = list(faults(row, same.setdefault(employee, row), owner))
        if row["site"] not in nodes:
            found.append(f"no node has the external id {row['site']!r}")
        if row["role"] not in roles:
            found.append(f"no active role is called {row['role']!r}")
        if not found:
            held = (employee, roles[row["role"]], nodes[row["site"]])
            if held in wanted:
                found.append("an earlier line has the same role and site")
            wanted[held] = window_of(row)
        wrong += [f"Line {row['line']} ({employee}): {what}." for what in found]
    if wrong:
        sys.exit("\n".join([*wrong, "Nothing was written."]))
    return wanted


def compare_people(todo: ToDo, people: dict[str, dict[str, str]], known: dict[str, Row]) -> None:
    """Find out who is to be made, changed and made inactive; tells of changed e-mails."""
    for employee, person in people.items():
        names = {name: person[name] for name in PERSONAL}
        row = known.get(employee)
        if row is None:
            todo["people_made"].append({**names, "external_id": employee})
            continue
        changes = {k: v for k, v in {**names, "is_active": True}.items() if row[k] != v}
        if "email" in changes:
            say(f"{employee}: the e-mail stays {row['email']}, not {changes.pop('email')}.")
        if changes:
            todo["people_changed"].append((f"identities/{row['id']}", changes))
    gone = [known[employee] for employee in sorted(known.keys() - people.keys())]
    leaving = [f"identities/{row['id']}/deactivate" for row in gone if row["is_active"]]
    todo["people_deactivated"] += leaving


def compare_assignments(todo: ToDo, wanted: dict[Held, Window], known: dict[str, Row]) -> None:
    """Find out what is to be revoked, gets another window and is to be assigned."""
    employee_of = {row["id"]: employee for employee, row in known.items()}
    present: set[Held] = set()
    others: list[tuple[Held, str]] = []
    for row in every("assignments", take=100, sort_by="created_at", order="asc"):
        employee, there = employee_of.get(row["identity"]["id"]), row["assignment"]
        if employee is None:
            continue
        held = (employee, row["role"]["id"], there["source_node_id"])
        if wanted.get(held) == {name: there[name] for name in ("effective_from", "effective_to")}:
            present.add(held)
        elif there["status"] != "expired":  # that is history; what follows is assigned anew
            others.append((held, there["id"]))
    for held, pk in others:
        if held in wanted and held not in present:
            todo["windows_changed"].append((f"assignments/{pk}", wanted[held]))
            present.add(held)
        else:
            todo["revoked"].append(pk)
    todo["assigned"] += [held for held in wanted if held not in present]


def write(todo: ToDo, wanted: dict[Held, Window], known: dict[str, Row]) -> dict[str, int]:
    """Write the differences; tells how many rows of each kind were written."""
    ids = {employee: row["id"] for employee, row in known.items()}
    for row in in_calls("identities/bulk-create", "identities", todo["people_made"]):
        ids[row["external_id"]] = row["id"]
    for path in todo["people_deactivated"]:
        call("POST", path)
    for start in range(0, len(todo["revoked"]), ROWS_A_CALL):
        some = todo["revoked"][start : start + ROWS_A_CALL]
        call("POST", "assignments/bulk-remove", {"assignment_ids": some})
    for path, changes in todo["people_changed"] + todo["windows_changed"]:
        call("PATCH", path, changes)
    new = [
        {"identity_id": ids[held[0]], "role_id": held[1], "node_id": held[2], **wanted[held]}
        for held in todo["assigned"]
        if held[0] in ids  # or else the person was refused above
    ]
    assigned = len(list(in_calls("assignments/bulk-create", "assignments", new)))
    return {**count(todo), "people_made": len(ids) - len(known), "assigned": assigned}


def count(todo: ToDo) -> dict[str, int]:
    """How many rows of each kind there are to write."""
    return {kind: len(rows) for kind, rows in todo.items()}


def main() -> None:
    """Read the list and write the differences; prints how many rows of each kind were written."""
    parser = argparse.ArgumentParser(description="Keep Trellis in step with a personnel system.")
    parser.add_argument("list", help="the CSV file")
    parser.add_argument("--dry-run", action="store_true", help="print the counts, write nothing")
    parser.add_argument("--allow-many", action="store_true", help="make any number inactive")
    options = parser.parse_args()
    if not BASE.startswith(("http://", "https://")) or not KEY:
        parser.error("set TRELLIS_URL, such as https://trellis.example, and TRELLIS_API_KEY")
    try:
        rows = read_list(options.list)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        parser.error(f"the list cannot be read: {error}")
    wanted = check_list(rows)
    known = {row["external_id"]: row for row in every("identities", take=100) if row["external_id"]}
    todo: ToDo = {kind: [] for kind in KINDS}
    compare_people(todo, {row["employee_id"]: row for row in rows}, known)
    compare_assignments(todo, wanted, known)
    leaving, active = len(todo["people_deactivated"]), sum(r["is_active"] for r in known.values())
    if leaving > max(5, active // 10) and not options.allow_many:
        say(f"{leaving} of {active} people would be made inactive: too many without --allow-many.")
        if not options.dry_run:
            sys.exit(1)
    done = count(todo) if options.dry_run else write(todo, wanted, known)
    print(json.dumps({kind: number for kind, number in done.items() if number}))  # noqa: T201
    sys.exit(0 if done == count(todo) else 1)


if __name__ == "__main__":
    main()
