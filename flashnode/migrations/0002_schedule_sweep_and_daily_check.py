"""The schedules that make losing a wake-up harmless and keep an eye on every connection."""

from django.db import migrations

from flashnode.schedules import SCHEDULES, create_schedules


def forwards(apps, schema_editor):
    create_schedules(apps.get_model("django_q", "Schedule"))


def backwards(apps, schema_editor):
    schedule = apps.get_model("django_q", "Schedule")
    schedule.objects.filter(name__in=[values["name"] for values in SCHEDULES]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0001_create_groups_and_cache"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(forwards, backwards)]
