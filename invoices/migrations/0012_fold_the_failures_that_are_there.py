"""The causes of exports that need attention or are parked already."""

from django.db import migrations

from invoices.exports.causes import FAILED, causes_of, rows_of

CHUNK = 500


def forwards(apps, schema_editor):
    export_model = apps.get_model("invoices", "InvoiceExport")
    cause_model = apps.get_model("invoices", "ExportCause")
    names = (
        "pk", "tenant_id", "problems", "attention_reason", "parked_reason", "changed_at",
        "invoice__currency", "invoice__gross_total",
    )
    failed = export_model.objects.filter(status__in=FAILED, causes=None).order_by("pk")
    last = 0
    while chunk := list(failed.filter(pk__gt=last).values_list(*names)[:CHUNK]):
        rows = []
        for pk, tenant, problems, attention, parked, changed_at, currency, total in chunk:
            euros = total if currency == "EUR" else None
            causes = causes_of(problems, attention or parked)
            rows += rows_of(pk, tenant, causes, euros, changed_at)
        cause_model.objects.bulk_create(cause_model(**row) for row in rows)
        last = chunk[-1][0]


class Migration(migrations.Migration):

    dependencies = [
        ('invoices', '0011_causes_of_failures_and_bulk_plans'),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
