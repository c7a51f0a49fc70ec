"""The schedules that came since the second migration, for an installation that is there already."""

from django.db import migrations

from flashnode.schedules import create_schedules


def forwards(apps, schema_editor):
    create_schedules(apps.get_model("django_q", "Schedule"))


class Migration(migrations.Migration):
    dependencies = [
        ("flashnode", "0005_show_alerts_to_support_and_management"),
        ("integrations", "0004_intake_links"),
    ]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
