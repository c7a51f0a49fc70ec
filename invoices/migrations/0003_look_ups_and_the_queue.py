"""Look-ups as evidence; indexes of the queue that both databases use; when a lane was served."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from invoices.triggers import create_triggers


def protect(apps, schema_editor):
    create_triggers(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0002_circuits_and_held_limits'),
        ('invoices', '0002_refuse_changes_to_evidence'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LookUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('settle', 'An answer was lost'), ('before_submit', 'It was tried before')], max_length=16, verbose_name='asked because')),
                ('after_attempt', models.PositiveIntegerField(verbose_name='after attempt')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('answered_at', models.DateTimeField(verbose_name='answered')),
                ('query', models.JSONField(verbose_name='query')),
                ('hits', models.JSONField(default=list, verbose_name='hits')),
                ('found', models.JSONField(default=dict, verbose_name='found')),
                ('verdict', models.CharField(choices=[('absent', 'Not in Procountor'), ('equal', 'The same invoice'), ('different', 'A different invoice with this number'), ('several', 'Several invoices with this number'), ('no_answer', 'No clear answer'), ('refused', 'Refused')], max_length=16, verbose_name='verdict')),
                ('cause', models.CharField(blank=True, max_length=40, verbose_name='cause')),
                ('http_status', models.PositiveSmallIntegerField(null=True, verbose_name='HTTP status')),
            ],
            options={
                'verbose_name': 'look-up',
                'verbose_name_plural': 'look-ups',
                'ordering': ['export', 'pk'],
            },
        ),
        migrations.RemoveIndex(
            model_name='invoiceexport',
            name='exports_due_per_lane',
        ),
        migrations.RemoveIndex(
            model_name='invoiceexport',
            name='exports_in_flight',
        ),
        migrations.AddField(
            model_name='lane',
            name='served_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='invoiceexport',
            index=models.Index(condition=models.Q(('not_before__isnull', False)), fields=['tenant', 'status', 'not_before', 'id'], name='exports_due_per_lane'),
        ),
        migrations.AddIndex(
            model_name='invoiceexport',
            index=models.Index(condition=models.Q(('lease_until__isnull', False)), fields=['lease_until'], name='exports_in_flight'),
        ),
        migrations.AddField(
            model_name='lookup',
            name='export',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='look_ups', to='invoices.invoiceexport', verbose_name='export'),
        ),
        migrations.CreateModel(
            name='Restore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('cautious_until', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='invoiceexport',
            name='look_first',
            field=models.BooleanField(default=False),
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
