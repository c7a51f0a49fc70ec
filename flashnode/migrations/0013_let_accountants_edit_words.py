"""The rights to read and edit the words of codes, for the groups of an installation that is there."""

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
        ("flashnode", "0012_bulk_re_sends_and_causes"),
        ("invoices", "0013_words_of_codes"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
