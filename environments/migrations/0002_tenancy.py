from django.db import migrations

from environments.tenancy import environment_key, tie_within_environment


class Migration(migrations.Migration):
    dependencies = [("environments", "0001_initial")]

    operations = [
        environment_key("environments_apikey"),
        environment_key("environments_batch"),
        tie_within_environment(
            "environments_idempotencyrecord", "api_key_id", "environments_apikey"
        ),
        tie_within_environment("environments_batch", "undo_of_id", "environments_batch"),
    ]
