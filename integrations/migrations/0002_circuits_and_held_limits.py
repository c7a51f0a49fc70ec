"""Whether Procountor answers, by environment; a speed limit that can be held."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0001_first_models'),
    ]

    operations = [
        migrations.CreateModel(
            name='Circuit',
            fields=[
                ('environment', models.CharField(choices=[('test', 'Test'), ('production', 'Production')], max_length=10, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('closed', 'Answers'), ('open', 'Outage'), ('ramping', 'Coming back')], default='closed', max_length=10)),
                ('since', models.DateTimeField(null=True)),
                ('probe_at', models.DateTimeField(null=True)),
                ('allowed', models.PositiveSmallIntegerField(default=0)),
                ('answered', models.PositiveIntegerField(default=0)),
                ('cause', models.CharField(blank=True, max_length=40)),
            ],
        ),
        migrations.AddField(
            model_name='speedlimit',
            name='held_until',
            field=models.FloatField(default=0),
        ),
        migrations.CreateModel(
            name='RequestTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('environment', models.CharField(choices=[('test', 'Test'), ('production', 'Production')], max_length=10)),
                ('minute', models.DateTimeField()),
                ('answered', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('environment', 'minute'), name='one_tally_per_environment_and_minute')],
            },
        ),
    ]
