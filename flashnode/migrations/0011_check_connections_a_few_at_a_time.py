"""Checks of all connections no longer begin at once in the morning, but a few in each minute."""

from django.db import migrations

from flashnode.schedules import create_schedules


def forwards(apps, schema_editor):
    schedule = apps.get_model("django_q", "Schedule")
    schedule.objects.filter(func="integrations.tasks.check_all_connections").delete()
    create_schedules(schedule)


class Migration(migrations.Migration):
    dependencies = [("flashnode", "0010_let_accountants_work_as_a_team")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
