"""Versions of the words of codes, as evidence, and the codes that wait for words."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from invoices.triggers import create_triggers


def protect(apps, schema_editor):
    create_triggers(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('invoices', '0012_fold_the_failures_that_are_there'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='UnknownCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=200, verbose_name='code')),
                ('field', models.CharField(blank=True, max_length=200, verbose_name='field')),
                ('first_seen_at', models.DateTimeField(verbose_name='first seen')),
                ('last_seen_at', models.DateTimeField(verbose_name='last seen')),
                ('count', models.PositiveIntegerField(default=1, verbose_name='times')),
                ('closed_at', models.DateTimeField(null=True, verbose_name='words written')),
                ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('example', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoices.invoiceexport', verbose_name='example')),
            ],
            options={
                'verbose_name': 'code without words',
                'verbose_name_plural': 'codes without words',
                'ordering': ['-last_seen_at', '-pk'],
                'constraints': [models.UniqueConstraint(fields=('code', 'field'), name='an_unknown_code_once_per_field')],
            },
        ),
        migrations.CreateModel(
            name='WordingVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=200, verbose_name='code')),
                ('language', models.CharField(choices=[('fi', 'Finnish'), ('sv', 'Swedish'), ('en', 'English')], max_length=2, verbose_name='language')),
                ('number', models.PositiveIntegerField(verbose_name='version')),
                ('is_shipped', models.BooleanField(default=False, verbose_name='shipped text')),
                ('cause', models.CharField(blank=True, max_length=500, verbose_name='cause')),
                ('remedy', models.CharField(blank=True, max_length=500, verbose_name='what to do')),
                ('customer', models.CharField(blank=True, max_length=500, verbose_name='sentence for the customer')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': 'words of a code',
                'verbose_name_plural': 'words of codes',
                'ordering': ['code', 'language', '-number'],
                'permissions': [('edit_wording', 'Can edit the words of problem codes')],
                'constraints': [models.UniqueConstraint(fields=('code', 'language', 'number'), name='a_wording_version_once')],
            },
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
