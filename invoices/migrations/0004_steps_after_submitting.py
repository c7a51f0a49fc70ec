"""Steps after submitting, with their attempts as evidence, and PDFs that go with an invoice."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


from invoices.triggers import create_triggers


def protect(apps, schema_editor):
    create_triggers(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0002_circuits_and_held_limits'),
        ('invoices', '0003_look_ups_and_the_queue'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='InvoiceAttachment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, verbose_name='file name')),
                ('content', models.BinaryField(verbose_name='content')),
                ('sha256', models.CharField(max_length=64, verbose_name='SHA-256')),
                ('size', models.PositiveIntegerField(verbose_name='size, bytes')),
                ('content_type', models.CharField(max_length=40, verbose_name='content type')),
                ('added_at', models.DateTimeField(verbose_name='added')),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='added by')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='invoices.invoice', verbose_name='invoice')),
            ],
            options={
                'verbose_name': 'attachment',
                'verbose_name_plural': 'attachments',
                'ordering': ['invoice', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='ExportStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('attach', 'Attach a PDF'), ('approve', 'Approve'), ('send', 'Send to the buyer')], max_length=10, verbose_name='step')),
                ('rank', models.PositiveSmallIntegerField()),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'On its way'), ('done', 'Done'), ('unknown', 'Unknown'), ('needs_attention', 'Needs attention'), ('skipped', 'Skipped')], default='waiting', max_length=16, verbose_name='status')),
                ('problems', models.JSONField(default=list, verbose_name='problems')),
                ('not_before', models.DateTimeField(null=True, verbose_name='not before')),
                ('checked_at', models.DateTimeField(null=True)),
                ('retries', models.PositiveSmallIntegerField(default=0, verbose_name='retries')),
                ('reads', models.PositiveSmallIntegerField(default=0)),
                ('losses', models.PositiveSmallIntegerField(default=0)),
                ('trigger_reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('claim', models.CharField(blank=True, max_length=32)),
                ('lease_until', models.DateTimeField(null=True)),
                ('changed_at', models.DateTimeField(verbose_name='last change')),
                ('export', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='invoices.invoiceexport', verbose_name='export')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='integrations.tenant', verbose_name='tenant')),
                ('triggered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('attachment', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='step', to='invoices.invoiceattachment', verbose_name='attachment')),
            ],
            options={
                'verbose_name': 'step after submitting',
                'verbose_name_plural': 'steps after submitting',
                'ordering': ['export', 'rank', 'pk'],
                'permissions': [('confirm_exportstep', 'Can confirm that an invoice may be sent again'), ('skip_exportstep', 'Can skip a step after submitting')],
            },
        ),
        migrations.CreateModel(
            name='StepAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='attempt')),
                ('purpose', models.CharField(choices=[('act', 'The step itself'), ('check', 'Read before the step'), ('settle', 'Read after a lost answer')], max_length=10, verbose_name='purpose')),
                ('trigger', models.CharField(choices=[('automatic', 'Automatic'), ('person', 'By a person')], max_length=10, verbose_name='trigger')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('correlation_id', models.UUIDField(verbose_name='correlation id')),
                ('software_version', models.CharField(max_length=20, verbose_name='software version')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('outcome', models.CharField(blank=True, choices=[('accepted', 'Accepted'), ('not_submitted', 'Not submitted'), ('refused', 'Refused'), ('credential_refused', 'Key refused'), ('unknown', 'No clear answer')], max_length=20, verbose_name='outcome')),
                ('cause', models.CharField(blank=True, max_length=40, verbose_name='cause')),
                ('http_status', models.PositiveSmallIntegerField(null=True, verbose_name='HTTP status')),
                ('response_body', models.TextField(blank=True, verbose_name='response')),
                ('errors', models.JSONField(default=list, verbose_name='error codes')),
                ('found', models.JSONField(default=dict, verbose_name='found')),
                ('step', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='invoices.exportstep', verbose_name='step')),
                ('triggered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': "step's attempt",
                'verbose_name_plural': "step's attempts",
                'ordering': ['step', 'number'],
            },
        ),
        migrations.AddConstraint(
            model_name='invoiceattachment',
            constraint=models.UniqueConstraint(fields=('invoice', 'name'), name='an_attachment_name_once_per_invoice'),
        ),
        migrations.AddIndex(
            model_name='exportstep',
            index=models.Index(condition=models.Q(('not_before__isnull', False)), fields=['tenant', 'not_before'], name='steps_due_per_lane'),
        ),
        migrations.AddIndex(
            model_name='exportstep',
            index=models.Index(condition=models.Q(('lease_until__isnull', False)), fields=['lease_until'], name='steps_in_flight'),
        ),
        migrations.AddConstraint(
            model_name='exportstep',
            constraint=models.UniqueConstraint(condition=models.Q(('attachment__isnull', True)), fields=('export', 'kind'), name='approve_and_send_once_per_export'),
        ),
        migrations.AddConstraint(
            model_name='exportstep',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('attachment__isnull', False), ('kind', 'attach')), models.Q(models.Q(('kind', 'attach'), _negated=True), ('attachment__isnull', True)), _connector='OR'), name='only_attaching_has_an_attachment'),
        ),
        migrations.AddConstraint(
            model_name='stepattempt',
            constraint=models.UniqueConstraint(fields=('step', 'number'), name='a_step_attempt_number_once'),
        ),
        migrations.AddConstraint(
            model_name='stepattempt',
            constraint=models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('step',), name='one_open_attempt_per_step'),
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
