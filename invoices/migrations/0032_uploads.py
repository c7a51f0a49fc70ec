"""Uploads that are looked at before they are taken in, learnt columns, and what the intake log is
searched by."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0015_years_that_evidence_is_kept'),
        ("invoices", "0031_pieces_of_large_files"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ColumnLayout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=64)),
                ('headings', models.JSONField(default=list, verbose_name='headings')),
                ('columns', models.JSONField(default=dict, verbose_name='columns')),
                ('unread', models.JSONField(default=list)),
                ('decimal_mark', models.CharField(blank=True, max_length=10, verbose_name='decimal mark')),
                ('date_order', models.CharField(blank=True, max_length=12, verbose_name='order of dates')),
                ('saved_at', models.DateTimeField(verbose_name='saved')),
                ('used_at', models.DateTimeField(null=True, verbose_name='last used')),
            ],
            options={
                'verbose_name': 'learnt columns',
                'verbose_name_plural': 'learnt columns',
                'ordering': ['tenant', 'pk'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='StagedFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('name', models.CharField(max_length=255, verbose_name='file name')),
                ('size', models.PositiveBigIntegerField(default=0, verbose_name='size, bytes')),
                ('sha256', models.CharField(blank=True, max_length=64, verbose_name='SHA-256')),
                ('state', models.CharField(choices=[('waiting', 'Not looked at yet'), ('looked_at', 'Looked at'), ('taken_in', 'Taken in'), ('partly', 'Taken in as far as it was cancelled'), ('left', 'Not taken in')], default='waiting', max_length=12, verbose_name='state')),
                ('format', models.CharField(blank=True, max_length=20, verbose_name='format')),
                ('problems', models.JSONField(default=list)),
                ('columns', models.JSONField(default=list)),
                ('layout_key', models.CharField(blank=True, max_length=64)),
                ('mapping', models.JSONField(default=dict)),
                ('sample', models.BinaryField(null=True)),
                ('counts', models.JSONField(default=dict)),
                ('sums', models.JSONField(default=dict)),
                ('causes', models.JSONField(default=list)),
                ('complete', models.BooleanField(default=True)),
                ('done_bytes', models.PositiveBigIntegerField(default=0)),
            ],
            options={
                'ordering': ['upload', 'position'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='StagedInvoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('outcome', models.CharField(max_length=10)),
                ('number', models.CharField(max_length=40)),
                ('date', models.DateField(null=True)),
                ('buyer_name', models.CharField(blank=True, max_length=255)),
                ('is_person', models.BooleanField(default=True)),
                ('total', models.DecimalField(decimal_places=2, max_digits=18, null=True)),
                ('currency', models.CharField(blank=True, max_length=3)),
            ],
            options={
                'ordering': ['file', 'position'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='StagedPiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='StagedProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('number', models.CharField(blank=True, max_length=100)),
                ('code', models.CharField(max_length=60)),
                ('field', models.CharField(blank=True, max_length=200)),
                ('problem', models.JSONField()),
            ],
            options={
                'ordering': ['file', 'pk'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('receiving', 'Being uploaded'), ('previewing', 'Being looked at'), ('previewed', 'Waits for a decision'), ('taking_in', 'Being taken in'), ('done', 'Taken in'), ('cancelled', 'Cancelled'), ('discarded', 'Discarded'), ('failed', 'Failed')], default='receiving', max_length=12, verbose_name='state')),
                ('made_at', models.DateTimeField(auto_now_add=True, verbose_name='uploaded')),
                ('queue', models.BooleanField(null=True, verbose_name='queued at once')),
                ('holder', models.CharField(blank=True, max_length=32)),
                ('seen_at', models.DateTimeField(null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('failure', models.CharField(blank=True, max_length=40)),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
            ],
            options={
                'verbose_name': 'upload',
                'verbose_name_plural': 'uploads',
                'ordering': ['-pk'],
                'default_permissions': (),
            },
        ),
        migrations.AddIndex(
            model_name='receivedfile',
            index=models.Index(fields=['received_via', '-received_at', '-id'], name='files_by_way_in'),
        ),
        migrations.AddIndex(
            model_name='receivedfile',
            index=models.Index(fields=['received_by', '-received_at', '-id'], name='files_by_person'),
        ),
        migrations.AddIndex(
            model_name='receivedfile',
            index=models.Index(django.db.models.functions.text.Length(django.db.models.functions.comparison.Cast('problems', models.TextField())), name='files_by_problems'),
        ),
        migrations.AddIndex(
            model_name='receiveditem',
            index=models.Index(fields=['outcome', '-file'], name='items_by_outcome'),
        ),
        migrations.AddField(
            model_name='columnlayout',
            name='saved_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='saved by'),
        ),
        migrations.AddField(
            model_name='columnlayout',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='column_layouts', to='integrations.tenant', verbose_name='tenant'),
        ),
        migrations.AddField(
            model_name='stagedfile',
            name='layout',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoices.columnlayout'),
        ),
        migrations.AddField(
            model_name='stagedfile',
            name='received',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='staged', to='invoices.receivedfile', verbose_name='received file'),
        ),
        migrations.AddField(
            model_name='stagedinvoice',
            name='file',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invoices', to='invoices.stagedfile'),
        ),
        migrations.AddField(
            model_name='stagedpiece',
            name='file',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pieces', to='invoices.stagedfile'),
        ),
        migrations.AddField(
            model_name='stagedproblem',
            name='file',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='item_problems', to='invoices.stagedfile'),
        ),
        migrations.AddField(
            model_name='upload',
            name='confirmed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='confirmed by'),
        ),
        migrations.AddField(
            model_name='upload',
            name='made_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='uploaded by'),
        ),
        migrations.AddField(
            model_name='upload',
            name='tenant',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='uploads', to='integrations.tenant', verbose_name='tenant'),
        ),
        migrations.AddField(
            model_name='stagedfile',
            name='upload',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='invoices.upload'),
        ),
        migrations.AddConstraint(
            model_name='columnlayout',
            constraint=models.UniqueConstraint(fields=('tenant', 'key'), name='columns_once_per_headings'),
        ),
        migrations.AddConstraint(
            model_name='stagedpiece',
            constraint=models.UniqueConstraint(fields=('file', 'number'), name='a_staged_piece_once'),
        ),
        migrations.AddIndex(
            model_name='stagedproblem',
            index=models.Index(fields=['file', 'code', 'field'], name='staged_problems_by_cause'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['state', '-id'], name='uploads_by_state'),
        ),
        migrations.AddConstraint(
            model_name='stagedfile',
            constraint=models.UniqueConstraint(fields=('upload', 'position'), name='a_staged_file_once'),
        ),
    ]
