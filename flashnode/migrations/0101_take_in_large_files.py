"""The schedule that goes on with files whose worker died."""

from django.db import migrations

from flashnode.schedules import create_schedules


def forwards(apps, schema_editor):
    create_schedules(apps.get_model("django_q", "Schedule"))


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0019_who_sees_personal_data"),
        ("invoices", "0101_pieces_of_large_files"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
