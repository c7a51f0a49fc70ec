"""Corrected versions of invoices, and what people entered in Procountor by hand."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from invoices.triggers import create_triggers


def protect(apps, schema_editor):
    create_triggers(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('invoices', '0008_team_work'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='invoiceexport',
            options={'ordering': ['-pk'], 'permissions': [('requeue_invoiceexport', 'Can queue an export again'), ('skip_invoiceexport', 'Can skip an export'), ('correct_invoiceexport', 'Can correct an export and queue it again')], 'verbose_name': 'export', 'verbose_name_plural': 'exports'},
        ),
        migrations.AddField(
            model_name='invoiceexport',
            name='corrections',
            field=models.PositiveSmallIntegerField(default=0, verbose_name='corrections'),
        ),
        migrations.AddField(
            model_name='preparedpayload',
            name='corrections',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(verbose_name='version')),
                ('date', models.DateField(verbose_name='invoice date')),
                ('content', models.JSONField(verbose_name='content')),
                ('changes', models.JSONField(verbose_name='changes')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('export', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='invoices.invoiceexport', verbose_name='export')),
            ],
            options={
                'verbose_name': 'correction',
                'verbose_name_plural': 'corrections',
                'ordering': ['export', 'number'],
                'constraints': [models.UniqueConstraint(fields=('export', 'number'), name='a_correction_number_once')],
            },
        ),
        migrations.CreateModel(
            name='EnteredByHand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('remote_number', models.PositiveBigIntegerField(verbose_name='Procountor number')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('state', models.CharField(choices=[('waiting', 'Being looked up'), ('adopted', 'Found and agreed'), ('absent', 'No such sales invoice'), ('different', 'Different from our invoice'), ('taken', 'It belongs to another export'), ('double', 'Another one has our number'), ('no_answer', 'No clear answer'), ('moved_on', 'The export had moved on')], default='waiting', max_length=12, verbose_name='state')),
                ('found', models.JSONField(default=dict)),
                ('cause', models.CharField(blank=True, max_length=200)),
                ('finished_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('export', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='invoices.invoiceexport', verbose_name='export')),
            ],
            options={
                'verbose_name': 'entry by hand',
                'verbose_name_plural': 'entries by hand',
                'ordering': ['-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('export',), name='one_open_entry_per_export')],
            },
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
