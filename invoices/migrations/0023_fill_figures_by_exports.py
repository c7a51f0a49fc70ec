"""Where a pass is that looks at every export, in place of years of events."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('invoices', '0022_check_over_several_tasks'),
    ]

    operations = [
        migrations.AddField(
            model_name='rollupcursor',
            name='filled',
            field=models.PositiveBigIntegerField(null=True),
        ),
    ]
