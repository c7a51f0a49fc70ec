"""Holds, deletions and certificates; and triggers that let expired evidence go, and nothing else."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


from invoices.triggers import create_triggers, drop_triggers


def renew(apps, schema_editor):
    # Those that exist would stay as they are.
    drop_triggers(schema_editor.connection)
    create_triggers(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0015_years_that_evidence_is_kept'),
        ('invoices', '0024_find_what_was_no_first_pass'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Expiry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('years', models.PositiveSmallIntegerField(verbose_name='years kept')),
                ('over_from', models.DateField(verbose_name='may be deleted from')),
                ('found', models.JSONField(default=dict)),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('proposed_at', models.DateTimeField(verbose_name='proposed')),
                ('state', models.CharField(choices=[('proposed', 'Waits for a second person'), ('running', 'Being deleted'), ('done', 'Deleted'), ('declined', 'Declined or withdrawn')], default='proposed', max_length=10, verbose_name='state')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('decision_reason', models.CharField(blank=True, max_length=500, verbose_name='reason of the decision')),
                ('stage', models.CharField(choices=[('hashes', 'Verifies the chain and keeps its hashes'), ('choice', 'Finds what may be deleted'), ('invoices', 'Deletes invoices with all that belongs to them'), ('rest', "Deletes files and the tenant's own events"), ('certificate', 'Writes the certificate')], default='hashes', max_length=12, verbose_name='stage')),
                ('position', models.BigIntegerField(default=0)),
                ('links', models.PositiveIntegerField(default=0)),
                ('head', models.CharField(blank=True, max_length=64)),
                ('removed', models.JSONField(default=dict)),
                ('invoices', models.PositiveIntegerField(default=0, verbose_name='invoices')),
                ('sums', models.JSONField(default=dict)),
                ('waits_for', models.CharField(blank=True, max_length=10)),
                ('holder', models.CharField(blank=True, max_length=32)),
                ('lease_until', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('chain', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='expiries', to='invoices.evidencechain', verbose_name='financial year')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
                ('proposed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='expiries', to='integrations.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'deletion of a financial year',
                'verbose_name_plural': 'deletions of financial years',
                'ordering': ['-pk'],
                'permissions': [('propose_expiry', 'Can propose to delete a financial year'), ('approve_expiry', 'Can approve such a proposal of somebody else')],
            },
        ),
        migrations.CreateModel(
            name='ExpiringInvoice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('invoice', models.BigIntegerField()),
                ('expiry', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoices.expiry')),
            ],
        ),
        migrations.CreateModel(
            name='ExpiredNumber',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('key', models.CharField(max_length=12)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='integrations.tenant')),
                ('expiry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='numbers', to='invoices.expiry')),
            ],
        ),
        migrations.CreateModel(
            name='DeletionCertificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('made_at', models.DateTimeField(verbose_name='made')),
                ('content', models.TextField()),
                ('signature', models.BinaryField(max_length=64)),
                ('public_key', models.CharField(max_length=44)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='integrations.tenant', verbose_name='tenant')),
                ('expiry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='certificate', to='invoices.expiry', verbose_name='deletion')),
            ],
            options={
                'verbose_name': 'deletion certificate',
                'verbose_name_plural': 'deletion certificates',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='LegalHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('placed_at', models.DateTimeField(verbose_name='placed')),
                ('lifted_at', models.DateTimeField(null=True, verbose_name='lifted')),
                ('lift_reason', models.CharField(blank=True, max_length=500, verbose_name='lifted because')),
                ('chain', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoices.evidencechain', verbose_name='financial year')),
                ('lifted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='lifted by')),
                ('placed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='placed by')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='legal_holds', to='integrations.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'legal hold',
                'verbose_name_plural': 'legal holds',
                'ordering': ['-pk'],
                'permissions': [('place_legalhold', 'Can place and lift legal holds')],
            },
        ),
        migrations.CreateModel(
            name='ExpiredHashes',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first', models.PositiveIntegerField()),
                ('hashes', models.BinaryField()),
                ('chain', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='expired_hashes', to='invoices.evidencechain')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('chain', 'first'), name='expired_hashes_once')],
            },
        ),
        migrations.AddIndex(
            model_name='expiry',
            index=models.Index(fields=['tenant', 'state'], name='expiries_of_a_tenant'),
        ),
        migrations.AddConstraint(
            model_name='expiry',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'declined'), _negated=True), fields=('chain',), name='a_financial_year_is_deleted_once'),
        ),
        migrations.AddConstraint(
            model_name='expiry',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('tenant',), name='one_deletion_at_a_time_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='expiry',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'declined']), models.Q(('decided_by__isnull', False), models.Q(('decided_by', models.F('proposed_by')), _negated=True)), _connector='OR'), name='nobody_approves_own_deletion'),
        ),
        migrations.AddConstraint(
            model_name='expiringinvoice',
            constraint=models.UniqueConstraint(fields=('expiry', 'invoice'), name='an_invoice_expires_once_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='expirednumber',
            constraint=models.UniqueConstraint(fields=('tenant', 'digest'), name='a_number_expires_once'),
        ),
        migrations.AddIndex(
            model_name='legalhold',
            index=models.Index(condition=models.Q(('lifted_at__isnull', True)), fields=['tenant'], name='holds_open'),
        ),
        migrations.RunPython(renew, migrations.RunPython.noop),
    ]
