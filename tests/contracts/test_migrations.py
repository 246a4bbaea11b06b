"""The models and the migrations say the same, and every migration can be taken back."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

OURS = {"accounts", "environments", "hierarchy", "identities", "assignments", "onboarding"}


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_migration_can_be_taken_back() -> None:
    loader = MigrationLoader(None)
    ours = [item for (app, _), item in loader.disk_migrations.items() if app in OURS]

    assert len(ours) >= len(OURS)
    for migration in ours:
        for operation in migration.operations:
            assert operation.reversible, (migration, operation)


@pytest.mark.django_db
def test_the_database_ties_every_row_to_one_environment() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname, condeferrable FROM pg_constraint"
            " WHERE conname LIKE '%%same_environment'"
        )
        ties = cursor.fetchall()

    assert {table for table, _, _ in ties} >= {
        "hierarchy_node",
        "environments_apikey",
        "assignments_assignment",
        "assignments_rolepermission",
        "identities_invitation",
    }
    assert all(deferrable for _, _, deferrable in ties)
