"""Facts and figures of each day for management, saved choices of the history, and its files."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0012_mapping_tables'),
        ('invoices', '0019_chains_of_evidence'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RollupCursor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveBigIntegerField(default=0)),
                ('settled', models.PositiveBigIntegerField(default=0)),
                ('seen', models.PositiveBigIntegerField(default=0)),
                ('seen_transaction', models.PositiveBigIntegerField(null=True)),
                ('counted_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='HistoryFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requested_at', models.DateTimeField(auto_now_add=True, verbose_name='requested')),
                ('query', models.CharField(max_length=1000)),
                ('columns', models.JSONField(default=list)),
                ('format', models.CharField(choices=[('csv_fi', 'CSV for Finnish Excel'), ('csv', 'CSV, plain'), ('xlsx', 'Excel (XLSX)')], max_length=8, verbose_name='format')),
                ('language', models.CharField(max_length=2)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Being made'), ('ready', 'Ready'), ('cancelled', 'Cancelled'), ('failed', 'Failed'), ('deleted', 'Deleted')], default='waiting', max_length=10, verbose_name='state')),
                ('expected', models.PositiveIntegerField(default=0)),
                ('expected_sums', models.JSONField(default=dict)),
                ('done', models.PositiveIntegerField(default=0, verbose_name='rows')),
                ('sums', models.JSONField(default=dict)),
                ('sha256', models.CharField(blank=True, max_length=64, verbose_name='SHA-256')),
                ('size', models.PositiveBigIntegerField(default=0, verbose_name='size, bytes')),
                ('started_at', models.DateTimeField(null=True)),
                ('seen_at', models.DateTimeField(null=True)),
                ('holder', models.CharField(blank=True, max_length=32)),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': 'history file',
                'verbose_name_plural': 'history files',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='ExportFact',
            fields=[
                ('export', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='fact', serialize=False, to='invoices.invoiceexport')),
                ('state', models.CharField(choices=[('exported', 'In Procountor'), ('waiting', 'Under way'), ('failed', 'Failed, open'), ('skipped', 'Skipped')], max_length=8)),
                ('taken_on', models.DateField(verbose_name='day of intake')),
                ('exported_on', models.DateField(null=True, verbose_name='day of export')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('total', models.DecimalField(decimal_places=2, max_digits=18, verbose_name='total with VAT')),
                ('first_pass', models.BooleanField(default=False)),
                ('bucket', models.PositiveSmallIntegerField(null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='integrations.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'exported invoice',
                'verbose_name_plural': 'export history',
                'indexes': [models.Index(fields=['exported_on', 'export'], name='facts_by_export_day'), models.Index(fields=['taken_on', 'export'], name='facts_by_intake_day'), models.Index(fields=['tenant', 'exported_on', 'export'], name='facts_of_tenant_exported'), models.Index(fields=['tenant', 'taken_on', 'export'], name='facts_of_tenant_taken_in'), models.Index(condition=models.Q(('exported_on__isnull', True)), fields=['state', 'taken_on', 'export'], name='facts_not_exported')],
            },
        ),
        migrations.CreateModel(
            name='HistoryFilePart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='invoices.historyfile')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('file', 'number'), name='a_history_part_once')],
            },
        ),
        migrations.CreateModel(
            name='Rollup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('taken', models.IntegerField(default=0)),
                ('taken_total', models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ('failed', models.IntegerField(default=0)),
                ('failed_total', models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ('waiting', models.IntegerField(default=0)),
                ('waiting_total', models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ('skipped', models.IntegerField(default=0)),
                ('skipped_total', models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ('exported', models.IntegerField(default=0)),
                ('exported_total', models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ('first_pass', models.IntegerField(default=0)),
                ('first_pass_total', models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ('times', models.JSONField(default=dict)),
                ('tenant', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='integrations.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'figures of a day',
                'verbose_name_plural': 'figures of days',
                'permissions': [('export_history', 'Can export the history as a file'), ('read_history_files', 'Can open history files that others asked for')],
                'indexes': [models.Index(fields=['day', 'tenant'], name='figures_by_day')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'day', 'currency'), name='figures_once_per_tenant_and_day'), models.UniqueConstraint(condition=models.Q(('tenant__isnull', True)), fields=('day', 'currency'), name='figures_of_all_once_per_day')],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('query', models.CharField(max_length=1000)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('owner', 'name'), name='a_saved_view_once_per_owner')],
            },
        ),
    ]
