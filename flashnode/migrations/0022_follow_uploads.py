"""The schedule that goes on with uploads, and forgets those nobody decided about."""

from django.db import migrations

from flashnode.schedules import create_schedules


def forwards(apps, schema_editor):
    create_schedules(apps.get_model("django_q", "Schedule"))


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0021_take_in_large_files"),
        ("invoices", "0032_uploads"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
