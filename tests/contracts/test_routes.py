"""Every address stands in one table: a new one fails until it is listed with its scope."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.urls import get_resolver

from tests.contracts.operations import patterns

TABLE = Path(__file__).with_name("routes.txt")
ADMIN = "/admin/"


def _rows() -> Iterator[str]:
    for address, pattern in patterns(get_resolver()):
        view: Any = pattern.callback
        actions = getattr(view, "actions", None)
        if actions is None and address.startswith(ADMIN):
            continue
        if actions is None:
            login = getattr(view, "login_required", True)
            yield f"PAGE {address} {'signed-in' if login else 'anyone'}"
            continue
        for method, action in actions.items():
            if (
                method == "head"
            ):  # the framework adds it beside "get" when the address is first called
                continue
            endpoint = view.cls.endpoints[action]
            statuses = ",".join(map(str, (endpoint.status, *endpoint.statuses)))
            yield f"{method.upper()} {address} {endpoint.scope} {statuses}"
    # One line for all of Django admin, whose addresses follow from the models: tests/admin requests each.
    yield f"PAGE {ADMIN} staff"


def test_every_address_is_listed_with_who_may_call_it() -> None:
    listed = TABLE.read_text().splitlines()

    assert sorted(_rows()) == listed, (
        f"Update {TABLE.name} after asking who may call the new address."
    )


def test_every_api_route_that_writes_needs_a_scope_that_writes() -> None:
    reading_posts = ("/permissions/evaluate", "/access/")
    for row in TABLE.read_text().splitlines():
        method, address, scope, *_ = row.split()
        if method in ("POST", "PUT", "PATCH", "DELETE") and not any(
            part in address for part in reading_posts
        ):
            assert "manage" in scope, row
