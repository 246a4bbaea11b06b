"""The list of identities: what narrows it, what orders it, what it costs."""

from __future__ import annotations

import pytest

from tests.assignments.cast import moment
from tests.identities.people import FIELDS, IDENTITIES, invite
from tests.rituals import (
    names_field,
    statements_of,
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Eve", "Dan", "Bob", "Ada"]),
        ("sort_by=created_at", ["Eve", "Dan", "Bob", "Ada"]),
        ("sort_by=created_at&order=asc", ["Ada", "Bob", "Dan", "Eve"]),
        ("sort_by=name", ["Ada", "Bob", "Dan", "Eve"]),
        ("sort_by=email&order=desc", ["Eve", "Dan", "Bob", "Ada"]),
        ("order=asc", ["Ada", "Bob", "Dan", "Eve"]),
        ("status=inactive", ["Bob"]),
        ("status=invited", ["Dan"]),
        ("status=active&sort_by=name", ["Ada", "Eve"]),
        ("q=EXAMPLE.org&sort_by=name&take=2&page=2", ["Dan", "Eve"]),
        ("q=ada-1", ["Ada"]),
        ("q=lovelace&status=inactive", []),
        ("q=%25", []),
    ],
)
def test_the_list_is_narrowed_and_sorted(api, cast, query, expected) -> None:
    cast.person("bob")
    invite(cast.person("dan"))
    cast.person("eve")
    gone = cast.person("zoe")
    api.post(f"{IDENTITIES}/email:bob@example.org/deactivate")
    api.delete(f"{IDENTITIES}/{gone.pk}")

    answer = api.get(f"{IDENTITIES}?{query}").json()

    assert [row["first_name"] for row in answer["items"]] == expected
    assert all(set(row) == FIELDS for row in answer["items"])
    assert set(answer) == {"items", "pagination"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *((f"page={value}", "page") for value in ("0", "-1", "x", "1e3", "9" * 30)),
        *((f"take={value}", "take") for value in ("0", "101", "x", "")),
        ("status=removed", "status"),
        ("status=all", "status"),
        ("sort_by=status", "sort_by"),
        ("order=ASC", "order"),
        ("q=%00", "q"),
        ("email=a@b.de", "email"),
    ],
)
def test_a_wrong_parameter_is_named(api, query, field) -> None:
    assert names_field(api.get(f"{IDENTITIES}?{query}"), field)


def test_the_list_and_the_detail_take_as_many_statements_for_30_rows_as_for_3(api, cast) -> None:
    api.get(IDENTITIES)
    counts = []
    for total in (3, 30):
        for n in range(total):
            cast.person(f"p{total}-{n}")
            cast.give(start=moment(total * 100 + n), end=moment(total * 100 + n + 1))
        counts.append(
            (
                statements_of(lambda: api.get(f"{IDENTITIES}?take=100")),
                statements_of(lambda: api.get(f"{IDENTITIES}/{cast.ada.pk}/detail")),
                statements_of(lambda: api.get(f"{IDENTITIES}/{cast.ada.pk}/permissions")),
            )
        )

    assert counts == [(3, 4, 3), (3, 4, 3)]
