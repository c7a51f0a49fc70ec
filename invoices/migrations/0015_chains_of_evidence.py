"""Chains of hashes over the evidence, and triggers on what became evidence since the last."""

import django.db.models.deletion
from django.db import migrations, models

from invoices.triggers import create_triggers


def protect(apps, schema_editor):
    create_triggers(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0012_mapping_tables'),
        ('invoices', '0014_mails_about_failures'),
    ]

    operations = [
        migrations.CreateModel(
            name='SealCursor',
            fields=[
                ('kind', models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ('done_to', models.BigIntegerField(default=0)),
                ('pending_to', models.BigIntegerField(default=0)),
                ('pending', models.JSONField(default=list)),
            ],
        ),
        migrations.CreateModel(
            name='EvidenceChain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_on', models.DateField(verbose_name='first day')),
                ('ends_on', models.DateField(verbose_name='last day')),
                ('made_at', models.DateTimeField(verbose_name='begun')),
                ('genesis', models.BinaryField(max_length=32)),
                ('tenant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='evidence_chains', to='integrations.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'chain of evidence',
                'verbose_name_plural': 'chains of evidence',
                'ordering': ['-starts_on', 'tenant'],
            },
        ),
        migrations.CreateModel(
            name='EvidenceCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='verified')),
                ('rows', models.PositiveBigIntegerField(default=0, verbose_name='rows')),
                ('problems', models.PositiveBigIntegerField(default=0, verbose_name='damaged')),
                ('findings', models.JSONField(default=list)),
                ('chain', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='check_result', to='invoices.evidencechain')),
            ],
        ),
        migrations.CreateModel(
            name='EvidenceLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField(verbose_name='position')),
                ('kind', models.PositiveSmallIntegerField()),
                ('row', models.BigIntegerField()),
                ('digest', models.BinaryField(max_length=32)),
                ('hash', models.BinaryField(max_length=32)),
                ('chain', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='links', to='invoices.evidencechain', verbose_name='chain')),
            ],
            options={
                'verbose_name': 'link of a chain',
                'verbose_name_plural': 'links of chains',
            },
        ),
        migrations.AddConstraint(
            model_name='evidencechain',
            constraint=models.UniqueConstraint(fields=('tenant', 'starts_on'), name='a_chain_once_per_year'),
        ),
        migrations.AddConstraint(
            model_name='evidencechain',
            constraint=models.UniqueConstraint(condition=models.Q(('tenant__isnull', True)), fields=('starts_on',), name='one_chain_of_the_office_per_year'),
        ),
        migrations.AddConstraint(
            model_name='evidencecheck',
            constraint=models.UniqueConstraint(models.Value(1), condition=models.Q(('chain__isnull', True)), name='one_check_without_a_chain'),
        ),
        migrations.AddConstraint(
            model_name='evidencelink',
            constraint=models.UniqueConstraint(fields=('chain', 'position'), name='a_position_once_per_chain'),
        ),
        migrations.AddConstraint(
            model_name='evidencelink',
            constraint=models.UniqueConstraint(fields=('kind', 'row'), name='a_row_is_sealed_once'),
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
