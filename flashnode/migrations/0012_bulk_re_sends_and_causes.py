"""The rights to see and check causes and bulk re-sends, and the schedule that drives them on."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

from flashnode.roles import create_groups
from flashnode.schedules import create_schedules


def forwards(apps, schema_editor):
    # Permissions are otherwise made only after the last migration has run.
    create_permissions(installed.get_app_config("invoices"), verbosity=0)
    create_groups()
    create_schedules(apps.get_model("django_q", "Schedule"))


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0011_check_connections_a_few_at_a_time"),
        ("invoices", "0012_fold_the_failures_that_are_there"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
