"""Writing many rows in one statement: arrays instead of a parameter a value (65,535 is PostgreSQL's most)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, models


def insert_rows(
    model: type[models.Model],
    *,
    each: Mapping[str, Sequence[Any]],
    all_alike: Mapping[str, Any],
    returning: Sequence[str] = (),
    skip_conflicts: bool = False,
) -> list[tuple[Any, ...]]:
    """Insert rows with one statement; columns that are not named take the database's default.

    Args:
        model: whose table.
        each: the values of each row, by field; all of the same length.
        all_alike: the values that all rows share, by field.
        returning: SQL texts to give back for each row that was written.
        skip_conflicts: whether a row that breaks a uniqueness is left out rather than refused.

    Returns:
        One tuple for each row that was written, in no certain order; none without `returning`.
    """
    fields: dict[str, Any] = {name: model._meta.get_field(name) for name in (*each, *all_alike)}
    arrays = ", ".join(f"%s::{_type(fields[name])}[]" for name in each)
    alike = "".join(f", %s::{_type(fields[name])}" for name in all_alike)
    statement = (
        f"INSERT INTO {model._meta.db_table} ({', '.join(field.column for field in fields.values())})"
        f" SELECT rows.*{alike} FROM unnest({arrays}) AS rows"
    )
    if skip_conflicts:
        statement += " ON CONFLICT DO NOTHING"
    if returning:
        statement += f" RETURNING {', '.join(returning)}"
    parameters = [_plain(fields[name], value) for name, value in all_alike.items()]
    parameters += [
        [_plain(fields[name], value) for value in values] for name, values in each.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if returning else []


def _type(field: Any) -> str:
    # Without its length: a cast to varchar(100) would cut a longer text instead of refusing it.
    return re.sub(r"\(\d+\)", "", field.db_type(connection))


def _plain(field: Any, value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    return field.get_db_prep_save(value, connection)
