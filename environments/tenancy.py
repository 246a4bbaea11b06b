"""Migration parts that let PostgreSQL itself refuse a row which ties two environments together."""

from django.db.migrations import RunSQL


def environment_key(table: str) -> RunSQL:
    """The unique (id, environment_id) that composite foreign keys point to.

    The id comes first: an index that begins with the environment would be one more that the planner may
    take for a search by environment and something else, and read whole.

    Args:
        table: the table that gets it.

    Returns:
        A reversible operation.
    """
    name = f"{table}_environment_key"
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE (id, environment_id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def tie_within_environment(table: str, column: str, target: str) -> RunSQL:
    """A foreign key that also demands the same environment at both ends.

    Deferrable, initially immediate: a violation shows inside the service that made it, and an act that
    deletes a subtree may put the check off with SET CONSTRAINTS.

    Args:
        table: the table that refers.
        column: its column that holds the other row's id.
        target: the table referred to, which has an `environment_key`.

    Returns:
        A reversible operation.
    """
    name = f"{table}_{column}_same_environment"
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name}"
        f" FOREIGN KEY (environment_id, {column}) REFERENCES {target} (environment_id, id)"
        " DEFERRABLE INITIALLY IMMEDIATE",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )
