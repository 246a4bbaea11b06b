from django.db import migrations

from environments.tenancy import environment_key, tie_within_environment


class Migration(migrations.Migration):
    dependencies = [("identities", "0001_initial")]

    operations = [
        environment_key("identities_identity"),
        environment_key("identities_invitation"),
        tie_within_environment("identities_invitation", "identity_id", "identities_identity"),
    ]
