"""Conditions that Django's own lookups cannot say."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import F, Lookup, Q


class _Among(Lookup):
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """See `Lookup`; one array parameter, where IN would take one for each value."""
        column, parameters = self.process_lhs(compiler, connection)
        field = self.lhs.output_field
        values = [field.get_db_prep_value(value, connection) for value in self.rhs]
        return f"{column} = ANY(%s)", (*parameters, values)


def among(field: str, values: Collection[Any]) -> Q:
    """The condition that a field has one of many values.

    PostgreSQL takes 65,535 parameters in a statement and prepares one statement for each length of an
    IN; an array is one parameter, and five times as fast at ten thousand values.

    Args:
        field: its name.
        values: any number of values.

    Returns:
        A condition to filter with.
    """
    return Q(_Among(F(field), tuple(values)))
