"""The four groups with their permissions, and the table of the shared cache."""

from django.apps import apps as installed
from django.contrib.auth.management import create_permissions
from django.core.management import call_command
from django.db import migrations

from flashnode.roles import create_groups


def forwards(apps, schema_editor):
    # Permissions are otherwise made only after the last migration has run.
    for label in ("auth", "integrations", "invoices"):
        create_permissions(installed.get_app_config(label), verbosity=0)
    create_groups()
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0001_first_models"),
        ("invoices", "0002_refuse_changes_to_evidence"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
