"""Invoices that came again with other content: who may see them."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

from flashnode.roles import create_groups


def forwards(apps, schema_editor):
    # Permissions are otherwise made only after the last migration has run.
    create_permissions(installed.get_app_config("invoices"), verbosity=0)
    create_groups()


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0019_who_sees_personal_data"),
        ("invoices", "0030_changed_invoices"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
