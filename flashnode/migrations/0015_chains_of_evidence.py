"""Schedules that seal, verify and publish the evidence, and the right to see its chains, for an
installation that is there."""

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
        ("flashnode", "0014_let_accountants_reconcile_days"),
        ("invoices", "0019_chains_of_evidence"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
