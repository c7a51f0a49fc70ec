"""The right to decide activation requests and the schedules that follow them, for an installation
that is there already."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

from flashnode.roles import create_groups
from flashnode.schedules import create_schedules


def forwards(apps, schema_editor):
    # Permissions are otherwise made only after the last migration has run.
    create_permissions(installed.get_app_config("integrations"), verbosity=0)
    create_groups()
    create_schedules(apps.get_model("django_q", "Schedule"))


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0007_let_staff_rehearse_and_go_live"),
        ("integrations", "0007_activation_requests"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
