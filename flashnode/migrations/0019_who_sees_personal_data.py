"""Everybody but support sees the personal data of buyers; administrators erase members of staff."""

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
        ("flashnode", "0018_retention"),
        ("invoices", "0026_who_sees_and_who_erases"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
