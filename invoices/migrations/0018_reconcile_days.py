"""Reconciliation by day: readings, days with their seals as evidence, and what is different."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from invoices.triggers import create_triggers


def protect(apps, schema_editor):
    create_triggers(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0012_mapping_tables'),
        ('invoices', '0017_keys_of_the_exports_that_are_there'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ChangesSeen',
            fields=[
                ('tenant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='changes_seen', serialize=False, to='integrations.tenant')),
                ('version', models.CharField(max_length=19)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='DaySeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('digest', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('lines', models.JSONField()),
                ('sealed_at', models.DateTimeField(verbose_name='sealed')),
            ],
            options={
                'verbose_name': 'seal of a day',
                'verbose_name_plural': 'seals of days',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='LedgerDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('verdict', models.CharField(choices=[('equal', 'Equal'), ('under_way', 'Under way'), ('explained', 'Explained'), ('different', 'Different'), ('refused', 'Not comparable')], max_length=10, verbose_name='verdict')),
                ('cause', models.CharField(blank=True, max_length=40)),
                ('sums', models.JSONField(default=list)),
                ('entries', models.JSONField(default=list)),
                ('others', models.PositiveIntegerField(default=0)),
                ('read_at', models.DateTimeField(null=True, verbose_name='read')),
                ('breaks', models.JSONField(default=list)),
            ],
            options={
                'verbose_name': 'day compared',
                'verbose_name_plural': 'days compared',
                'ordering': ['tenant', 'day'],
                'permissions': [('reconcile_ledgerday', 'Can read days anew and settle differences')],
            },
        ),
        migrations.CreateModel(
            name='LedgerDifference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='invoice date')),
                ('kind', models.CharField(choices=[('not_exported', 'Not in Procountor: not exported'), ('missing_there', 'No longer in Procountor'), ('invalidated', 'Invalidated or deleted in Procountor'), ('other_total', 'Other total or currency'), ('other_date', 'Other date'), ('other_number', 'Other invoice number'), ('double', 'The same number twice in Procountor'), ('orphan', 'In Procountor, unknown here'), ('unfinished', 'Still unfinished')], max_length=16, verbose_name='what')),
                ('remote_id', models.BigIntegerField(null=True, verbose_name='Procountor id')),
                ('number', models.CharField(blank=True, max_length=100, verbose_name='invoice number')),
                ('currency', models.CharField(blank=True, max_length=10, verbose_name='currency')),
                ('total', models.DecimalField(decimal_places=2, max_digits=18, null=True, verbose_name='total with VAT')),
                ('facts', models.JSONField(default=dict)),
                ('since', models.DateTimeField(verbose_name='since')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='done')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
            ],
            options={
                'verbose_name': 'difference',
                'verbose_name_plural': 'differences',
                'ordering': ['since', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='LedgerRead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('days', 'Days'), ('changes', 'Changes')], default='days', max_length=8)),
                ('first_day', models.DateField(null=True)),
                ('last_day', models.DateField(null=True)),
                ('since', models.CharField(blank=True, max_length=19)),
                ('plan', models.CharField(blank=True, max_length=8)),
                ('state', models.CharField(choices=[('reading', 'Being read'), ('done', 'Read'), ('refused', 'Not comparable'), ('gave_up', 'Not read')], default='reading', max_length=8)),
                ('cause', models.CharField(blank=True, max_length=40)),
                ('facts', models.JSONField(default=dict)),
                ('round', models.PositiveSmallIntegerField(default=1)),
                ('pages', models.PositiveIntegerField(default=0)),
                ('after_id', models.BigIntegerField(null=True)),
                ('is_read', models.BooleanField(default=False)),
                ('requests', models.PositiveIntegerField(default=0)),
                ('asked_at', models.DateTimeField(null=True)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('not_before', models.DateTimeField()),
                ('holder', models.CharField(blank=True, max_length=32)),
                ('lease_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'reading of Procountor',
                'verbose_name_plural': 'readings of Procountor',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='ReadInvoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('round', models.PositiveSmallIntegerField()),
                ('remote_id', models.BigIntegerField()),
                ('number', models.CharField(max_length=100)),
                ('remote_number', models.CharField(max_length=40)),
                ('date', models.DateField(null=True)),
                ('currency', models.CharField(max_length=10)),
                ('total', models.DecimalField(decimal_places=2, max_digits=18, null=True)),
                ('status', models.CharField(max_length=40)),
                ('creator_id', models.BigIntegerField(null=True)),
                ('version', models.CharField(max_length=40)),
                ('buyer', models.CharField(max_length=255)),
            ],
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['tenant', 'date'], name='invoices_by_day'),
        ),
        migrations.AddIndex(
            model_name='invoiceexport',
            index=models.Index(condition=models.Q(('remote_id__isnull', False)), fields=['tenant', 'remote_id'], name='exports_by_remote_id'),
        ),
        migrations.AddField(
            model_name='dayseal',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='day_seals', to='integrations.tenant'),
        ),
        migrations.AddField(
            model_name='ledgerday',
            name='seal',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoices.dayseal'),
        ),
        migrations.AddField(
            model_name='ledgerday',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ledger_days', to='integrations.tenant'),
        ),
        migrations.AddField(
            model_name='ledgerdifference',
            name='assignee',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='looked after by'),
        ),
        migrations.AddField(
            model_name='ledgerdifference',
            name='ended_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ledgerdifference',
            name='export',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='differences', to='invoices.invoiceexport', verbose_name='export'),
        ),
        migrations.AddField(
            model_name='ledgerdifference',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='differences', to='integrations.tenant', verbose_name='tenant'),
        ),
        migrations.AddField(
            model_name='ledgerread',
            name='asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ledgerread',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ledger_reads', to='integrations.tenant'),
        ),
        migrations.AddField(
            model_name='readinvoice',
            name='read',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invoices', to='invoices.ledgerread'),
        ),
        migrations.AddConstraint(
            model_name='ledgerday',
            constraint=models.UniqueConstraint(fields=('tenant', 'day'), name='a_day_once_per_tenant'),
        ),
        migrations.AddIndex(
            model_name='ledgerdifference',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['tenant', 'day'], name='differences_open'),
        ),
        migrations.AddIndex(
            model_name='ledgerdifference',
            index=models.Index(fields=['tenant', 'day', 'kind'], name='differences_by_day'),
        ),
        migrations.AddIndex(
            model_name='ledgerread',
            index=models.Index(fields=['tenant', 'plan', '-created_at'], name='reads_newest_first'),
        ),
        migrations.AddIndex(
            model_name='ledgerread',
            index=models.Index(condition=models.Q(('state', 'reading')), fields=['not_before'], name='reads_to_be_done'),
        ),
        migrations.AddConstraint(
            model_name='ledgerread',
            constraint=models.UniqueConstraint(condition=models.Q(('lease_until__isnull', False)), fields=('tenant',), name='one_reading_at_a_time_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='readinvoice',
            constraint=models.UniqueConstraint(fields=('read', 'round', 'remote_id'), name='an_invoice_once_per_round'),
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
