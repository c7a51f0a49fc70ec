"""How many years a tenant's evidence is kept."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0014_uses_of_keys_and_who_asked'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='tenant',
            name='retention_years',
            field=models.PositiveSmallIntegerField(choices=[(6, '6 years, as vouchers'), (10, '10 years, as books')], default=6, help_text='Counted from the end of the calendar year in which the financial year ended. The Accounting Act (2:10) wants 6 for vouchers and 10 for books.', verbose_name='years kept'),
        ),
        migrations.AddConstraint(
            model_name='tenant',
            constraint=models.CheckConstraint(condition=models.Q(('retention_years__in', [6, 10])), name='never_kept_shorter_than_the_law_says'),
        ),
    ]
