"""Received files of any size: their pieces, which are evidence, and the runs that take them in."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from invoices.triggers import create_triggers


def protect(apps, schema_editor):
    create_triggers(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0015_years_that_evidence_is_kept'),
        ('invoices', '0028_ways_in'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='FilingRun',
            fields=[
                ('received', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='run', serialize=False, to='invoices.receivedfile')),
                ('queue', models.BooleanField(default=False)),
                ('mapping', models.JSONField(default=dict)),
                ('state', models.CharField(choices=[('running', 'Being taken in'), ('done', 'Taken in'), ('cancelled', 'Cancelled'), ('refused', 'Stopped: the tenant was closed')], default='running', max_length=10, verbose_name='state')),
                ('items', models.PositiveIntegerField(default=0, verbose_name='items')),
                ('bytes_done', models.PositiveIntegerField(default=0, verbose_name='bytes')),
                ('accepted', models.PositiveIntegerField(default=0, verbose_name='accepted')),
                ('duplicate', models.PositiveIntegerField(default=0, verbose_name='duplicates')),
                ('rejected', models.PositiveIntegerField(default=0, verbose_name='rejected')),
                ('problems', models.JSONField(default=list, verbose_name='problems')),
                ('started_at', models.DateTimeField(auto_now_add=True, verbose_name='started')),
                ('moved_at', models.DateTimeField(null=True, verbose_name='last batch')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('holder', models.CharField(blank=True, max_length=32)),
                ('lease_until', models.DateTimeField(null=True)),
                ('cancelled_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='cancelled by')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='integrations.tenant')),
            ],
            options={
                'verbose_name': 'taking in of a file',
                'verbose_name_plural': 'takings in of files',
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('finished_at__isnull', True)), fields=['received'], name='runs_under_way')],
            },
        ),
        migrations.CreateModel(
            name='ReceivedPiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='pieces', to='invoices.receivedfile')),
            ],
            options={
                'ordering': ['file', 'number'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('file', 'number'), name='a_piece_number_once_per_file')],
            },
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
