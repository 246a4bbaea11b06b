from django.db import migrations

from environments.tenancy import environment_key, tie_within_environment


class Migration(migrations.Migration):
    dependencies = [
        ("assignments", "0001_initial"),
        ("environments", "0002_tenancy"),
        ("hierarchy", "0002_tenancy"),
        ("identities", "0002_tenancy"),
    ]

    operations = [
        environment_key("assignments_permission"),
        environment_key("assignments_role"),
        environment_key("assignments_assignment"),
        tie_within_environment("assignments_rolepermission", "role_id", "assignments_role"),
        tie_within_environment(
            "assignments_rolepermission", "permission_id", "assignments_permission"
        ),
        tie_within_environment("assignments_assignment", "identity_id", "identities_identity"),
        tie_within_environment("assignments_assignment", "node_id", "hierarchy_node"),
        tie_within_environment("assignments_assignment", "role_id", "assignments_role"),
        tie_within_environment("assignments_assignment", "batch_id", "environments_batch"),
    ]
