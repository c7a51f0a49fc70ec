"""Signs of life, and one open alert per cause and tenant."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0001_first_models'),
        ('invoices', '0004_steps_after_submitting'),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=20, unique=True)),
                ('at', models.DateTimeField()),
                ('where', models.CharField(max_length=100)),
            ],
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.CharField(max_length=40, verbose_name='cause')),
                ('facts', models.JSONField(default=dict, verbose_name='facts')),
                ('first_seen_at', models.DateTimeField(verbose_name='first seen')),
                ('last_seen_at', models.DateTimeField(verbose_name='last seen')),
                ('notified_at', models.DateTimeField(null=True, verbose_name='e-mailed')),
                ('recovered_at', models.DateTimeField(null=True, verbose_name='over since')),
                ('recovery_notified_at', models.DateTimeField(null=True, verbose_name='end e-mailed')),
                ('mailing_until', models.DateTimeField(null=True)),
                ('mail_error', models.CharField(blank=True, max_length=60, verbose_name='e-mail failed')),
                ('tenant', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='integrations.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'alert',
                'verbose_name_plural': 'alerts',
                'ordering': ['-first_seen_at', '-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('recovered_at__isnull', True)), fields=('cause', 'tenant'), name='one_open_alert_per_cause_and_tenant'), models.UniqueConstraint(condition=models.Q(('recovered_at__isnull', True), ('tenant__isnull', True)), fields=('cause',), name='one_open_alert_per_cause_without_a_tenant')],
            },
        ),
    ]
