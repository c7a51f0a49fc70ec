"""The right to end a connection, for the groups of an installation that is there."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.db import migrations

from flashnode.roles import create_groups


def forwards(apps, schema_editor):
    # Permissions are otherwise made only after the last migration has run.
    create_permissions(installed.get_app_config("integrations"), verbosity=0)
    create_groups()


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0008_let_support_decide_activation_requests"),
        ("integrations", "0009_conditions_warnings_and_the_end_of_a_connection"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
