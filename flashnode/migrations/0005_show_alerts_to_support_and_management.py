"""The right to read alerts, for the groups of an installation that is there already."""

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
        ("flashnode", "0002_schedule_sweep_and_daily_check"),
        ("invoices", "0005_heartbeats_and_alerts"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
