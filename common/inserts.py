"""Writing many rows in one statement: one text instead of a parameter a value (65,535 is PostgreSQL's most).

As JSON, which both ends read and write in C: arrays, which the driver quotes value by value, cost the
writer three times as much for 50,000 rows.
"""

from __future__ import annotations

import json
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
    names = ", ".join(f"rows.{fields[name].column}" for name in each)
    shape = ", ".join(f"{fields[name].column} {_type(fields[name])}" for name in each)
    alike = "".join(f", %s::{_type(fields[name])}" for name in all_alike)
    statement = (
        f"INSERT INTO {model._meta.db_table} ({', '.join(field.column for field in fields.values())})"
        f" SELECT {names}{alike} FROM json_to_recordset(%s::json) AS rows({shape})"
    )
    if skip_conflicts:
        statement += " ON CONFLICT DO NOTHING"
    if returning:
        statement += f" RETURNING {', '.join(returning)}"
    columns = [fields[name].column for name in each]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*each.values(), strict=True)]
    parameters = [_plain(fields[name], value) for name, value in all_alike.items()]
    parameters.append(json.dumps(rows, default=_told, ensure_ascii=False))
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


def _told(value: Any) -> str:
    """What JSON has no form for, as PostgreSQL reads it from a text."""
    match value:
        case models.Model():
            return str(value.pk)
        case bytes():
            return f"\\x{value.hex()}"
        case _:
            return str(value)
