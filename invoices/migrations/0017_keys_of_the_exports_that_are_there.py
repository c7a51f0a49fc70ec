"""The search keys of the exports that are there already."""

from django.db import migrations
from django.db.models import F

from invoices.bulk import insert_each
from invoices.finding import keys_of

CHUNK = 2000


def forwards(apps, schema_editor):
    export_model = apps.get_model('invoices', 'InvoiceExport')
    key_model = apps.get_model('invoices', 'SearchKey')
    corrections = apps.get_model('invoices', 'Correction').objects
    exports = export_model.objects.order_by('pk').values_list(
        'pk', 'invoice__number', 'invoice__buyer_name'
    )
    last = 0
    while chunk := list(exports.filter(pk__gt=last)[:CHUNK]):
        first, last = chunk[0][0], chunk[-1][0]
        keys = {(pk, key) for pk, number, buyer in chunk for key in keys_of(number, buyer)}
        corrected = corrections.filter(
            export__gte=first, export__lte=last, number=F('export__corrections')
        ).values_list('export', 'content')
        for pk, content in corrected.iterator():
            buyer = content['buyer']['address']['name']
            keys |= {(pk, key) for key in keys_of('', buyer)}
        insert_each(key_model, [{'export_id': pk, 'key': key} for pk, key in sorted(keys)])


class Migration(migrations.Migration):

    dependencies = [
        ('invoices', '0016_lists_of_any_length'),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
