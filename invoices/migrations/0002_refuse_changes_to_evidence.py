"""Audit events and closed attempts cannot be changed or deleted, whoever asks the database."""

from django.db import migrations

from invoices.triggers import create_triggers, drop_triggers


def forwards(apps, schema_editor):
    create_triggers(schema_editor.connection)


def backwards(apps, schema_editor):
    drop_triggers(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("invoices", "0001_first_models")]
    operations = [migrations.RunPython(forwards, backwards)]
