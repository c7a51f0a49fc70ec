"""The rights to see who bought, and to erase a member of staff."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('invoices', '0025_retention_of_evidence'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='auditevent',
            options={'ordering': ['-pk'], 'permissions': [('erase_person', 'Can erase the names of a member of staff')], 'verbose_name': 'audit event', 'verbose_name_plural': 'audit trail'},
        ),
        migrations.AlterModelOptions(
            name='invoice',
            options={'ordering': ['-created_at', '-pk'], 'permissions': [('view_personal_data', 'Can see the personal data of buyers')], 'verbose_name': 'invoice', 'verbose_name_plural': 'invoices'},
        ),
    ]
