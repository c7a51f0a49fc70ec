"""The schedules that make losing a wake-up harmless and keep an eye on every connection."""

import datetime as dt

from django.db import migrations
from django.utils import timezone

SCHEDULES = [
    # "I" is django-q2's code for minutes, "D" for daily.
    {"name": "sweep", "func": "invoices.tasks.sweep", "schedule_type": "I", "minutes": 1},
    {
        "name": "daily connection check",
        "func": "integrations.tasks.check_all_connections",
        "schedule_type": "D",
    },
]


def forwards(apps, schema_editor):
    schedule = apps.get_model("django_q", "Schedule")
    now = timezone.localtime()
    five_next = now.replace(hour=5, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    for values in SCHEDULES:
        first = now if values["name"] == "sweep" else five_next
        schedule.objects.get_or_create(
            name=values["name"], defaults=values | {"repeats": -1, "next_run": first}
        )


def backwards(apps, schema_editor):
    schedule = apps.get_model("django_q", "Schedule")
    schedule.objects.filter(name__in=[values["name"] for values in SCHEDULES]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0001_create_groups_and_cache"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(forwards, backwards)]
