"""The few exports that were no first pass, among very many."""

from django.db import migrations, models
from django.db.models import Q

NO_FIRST_PASS = Q(exported_on__isnull=False, first_pass=False)


class Migration(migrations.Migration):

    dependencies = [
        ('invoices', '0023_fill_figures_by_exports'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='exportfact',
            index=models.Index(
                fields=['exported_on', 'export'],
                name='facts_no_first_pass',
                condition=NO_FIRST_PASS,
            ),
        ),
        migrations.AddIndex(
            model_name='exportfact',
            index=models.Index(
                fields=['taken_on', 'export'],
                name='facts_no_first_pass_taken',
                condition=NO_FIRST_PASS,
            ),
        ),
    ]
