"""Who makes API tokens and webhooks, and the schedules that tell sources and forget answers."""

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
        ("flashnode", "0023_web_shops"),
        ("invoices", "0034_api_tokens_and_webhooks"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
