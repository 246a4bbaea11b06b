from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('environments', '0003_undo_rotation_and_limits'),
        ('identities', '0003_renewal'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(fields=['environment', '-created_at', 'id'], name='invitation_newest'),
        ),
    ]
