from django.db import migrations

from environments.tenancy import environment_key, tie_within_environment


class Migration(migrations.Migration):
    dependencies = [("hierarchy", "0001_initial"), ("environments", "0002_tenancy")]

    operations = [
        environment_key("hierarchy_node"),
        tie_within_environment("hierarchy_node", "parent_id", "hierarchy_node"),
        tie_within_environment("environments_apikey", "node_id", "hierarchy_node"),
    ]
