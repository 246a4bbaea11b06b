from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('assignments', '0003_invitation'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='assignment', name='assignment_node'),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(condition=models.Q(('revoked_at', None)), fields=['node', 'identity'], name='assignment_node'),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(condition=models.Q(('revoked_at__isnull', False)), fields=['node', 'identity'], name='assignment_node_revoked'),
        ),
    ]
