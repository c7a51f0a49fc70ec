"""Exports that were submitted and not read back get the moment at which the engine reads them:
it finds its work by that column now."""

from django.db import migrations
from django.db.models import F


def forwards(apps, schema_editor):
    exports = apps.get_model("invoices", "InvoiceExport").objects
    waiting = exports.filter(status="submitted", problems=[], not_before=None)
    waiting.update(not_before=F("submitted_at"), lookups=0)


class Migration(migrations.Migration):
    dependencies = [("invoices", "0005_heartbeats_and_alerts")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
