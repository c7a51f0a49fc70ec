"""Web shops: connections, what they brought, what became of their orders, and the runs."""

import django.db.models.deletion
import integrations.secrets
import invoices.shop_models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0015_years_that_evidence_is_kept'),
        ("invoices", "0032_uploads"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ShopConnection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('woocommerce', 'WooCommerce'), ('shopify', 'Shopify')], max_length=12, verbose_name='kind')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('address', models.CharField(max_length=200, verbose_name='address')),
                ('api_key', integrations.secrets.SealedField(editable=False, null=True)),
                ('api_secret', integrations.secrets.SealedField(editable=False, null=True)),
                ('webhook_secret', integrations.secrets.SealedField(editable=False, null=True)),
                ('webhook_secret_old', integrations.secrets.SealedField(editable=False, null=True)),
                ('webhook_secret_changed_at', models.DateTimeField(null=True)),
                ('hook_id', models.CharField(default=invoices.shop_models.new_hook_id, editable=False, max_length=40, unique=True)),
                ('prefix', models.CharField(blank=True, help_text="Goes before the order's number; of its own for each shop of the tenant.", max_length=12, verbose_name='prefix of invoice numbers')),
                ('statuses', models.CharField(help_text="The shop's own words, with commas between them.", max_length=300, verbose_name='statuses that become invoices')),
                ('payments', models.CharField(choices=[('all', 'Paid and unpaid orders'), ('paid', 'Paid orders only'), ('unpaid', 'Unpaid orders only')], default='all', max_length=8, verbose_name='payment')),
                ('free_orders', models.BooleanField(default=False, verbose_name='orders of 0 become invoices')),
                ('rounding_row', models.BooleanField(default=True, help_text='Otherwise such an order is rejected with both numbers.', verbose_name='some cents of rounding become a row')),
                ('amount_only_row', models.BooleanField(default=False, help_text='Only where the whole order has one VAT rate; otherwise they are rejected.', verbose_name='refunds without lines become one row')),
                ('goods_only', models.BooleanField(default=False, help_text='Then sales without VAT to other countries get their VAT category by it.', verbose_name='everything sold is goods that are shipped')),
                ('business_id_fields', models.CharField(blank=True, max_length=300, verbose_name='fields of the business ID')),
                ('vat_number_fields', models.CharField(blank=True, max_length=300, verbose_name='fields of the VAT number')),
                ('queue', models.BooleanField(default=True, verbose_name='queue what is accepted at once')),
                ('since', models.DateField(help_text='Earlier ones come only with a back-fill.', verbose_name='orders from')),
                ('state', models.CharField(choices=[('active', 'Active'), ('paused', 'Paused'), ('failing', 'Failing'), ('ended', 'Ended')], default='active', max_length=8, verbose_name='state')),
                ('cause', models.CharField(blank=True, max_length=20)),
                ('cause_detail', models.CharField(blank=True, max_length=200)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('changed_since', models.DateTimeField(null=True)),
                ('pull_after', models.DateTimeField(null=True)),
                ('last_pull_at', models.DateTimeField(null=True, verbose_name='last asked')),
                ('last_delivery_at', models.DateTimeField(null=True, verbose_name='last webhook')),
                ('last_refused_at', models.DateTimeField(null=True)),
                ('deliveries', models.PositiveIntegerField(default=0)),
                ('replays', models.PositiveIntegerField(default=0)),
                ('refused', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='shops', to='integrations.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'web shop',
                'verbose_name_plural': 'web shops',
                'ordering': ['tenant', 'name'],
                'permissions': [('manage_shopconnection', 'Can connect web shops, change and pause them'), ('backfill_shopconnection', "Can take in a web shop's earlier orders")],
            },
        ),
        migrations.CreateModel(
            name='ShopDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(max_length=64)),
                ('delivery_id', models.CharField(blank=True, max_length=100)),
                ('topic', models.CharField(blank=True, max_length=60)),
                ('body', models.BinaryField()),
                ('received_at', models.DateTimeField()),
                ('not_before', models.DateTimeField(null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('cause', models.CharField(blank=True, max_length=20)),
                ('shop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='inbox', to='invoices.shopconnection')),
            ],
        ),
        migrations.CreateModel(
            name='ShopOrder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('remote_id', models.CharField(max_length=40)),
                ('refund_id', models.CharField(blank=True, max_length=40)),
                ('number', models.CharField(max_length=40, verbose_name='invoice number')),
                ('state', models.CharField(choices=[('accepted', 'Taken in'), ('rejected', 'Rejected'), ('left_out', 'Left out')], max_length=8, verbose_name='state')),
                ('reason', models.CharField(blank=True, max_length=12)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('modified_at', models.DateTimeField(null=True)),
                ('file', models.BigIntegerField(null=True)),
                ('is_told', models.BooleanField(default=False)),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='last change')),
                ('shop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='orders', to='invoices.shopconnection')),
            ],
            options={
                'verbose_name': 'shop order',
                'verbose_name_plural': 'shop orders',
            },
        ),
        migrations.CreateModel(
            name='ShopRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('test', 'Test of the connection'), ('pull', 'What has changed'), ('count', 'Back-fill, counting'), ('backfill', 'Back-fill')], max_length=8, verbose_name='kind')),
                ('state', models.CharField(choices=[('running', 'Running'), ('counted', 'Counted'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='running', max_length=9, verbose_name='state')),
                ('first_day', models.DateField(null=True)),
                ('last_day', models.DateField(null=True)),
                ('cursor', models.JSONField(default=dict)),
                ('counts', models.JSONField(default=dict)),
                ('expected', models.PositiveIntegerField(null=True)),
                ('cause', models.CharField(blank=True, max_length=20)),
                ('cause_detail', models.CharField(blank=True, max_length=200)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('not_before', models.DateTimeField()),
                ('holder', models.CharField(blank=True, max_length=32)),
                ('lease_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('shop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='invoices.shopconnection')),
            ],
            options={
                'verbose_name': 'run of a web shop',
                'verbose_name_plural': 'runs of web shops',
                'ordering': ['-pk'],
            },
        ),
        migrations.AddConstraint(
            model_name='shopconnection',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'ended'), _negated=True), fields=('tenant', 'prefix'), name='a_prefix_once_per_tenant'),
        ),
        migrations.AddIndex(
            model_name='shopdelivery',
            index=models.Index(condition=models.Q(('not_before__isnull', False)), fields=['not_before', 'id'], name='deliveries_to_take_up'),
        ),
        migrations.AddIndex(
            model_name='shopdelivery',
            index=models.Index(fields=['received_at'], name='deliveries_by_age'),
        ),
        migrations.AddConstraint(
            model_name='shopdelivery',
            constraint=models.UniqueConstraint(fields=('shop', 'sha256'), name='the_same_bytes_once_per_shop'),
        ),
        migrations.AddIndex(
            model_name='shoporder',
            index=models.Index(fields=['shop', 'state', '-id'], name='orders_by_state'),
        ),
        migrations.AddIndex(
            model_name='shoporder',
            index=models.Index(fields=['shop', 'number'], name='orders_by_number'),
        ),
        migrations.AddIndex(
            model_name='shoporder',
            index=models.Index(condition=models.Q(('is_told', True)), fields=['shop', '-id'], name='orders_to_look_at'),
        ),
        migrations.AddConstraint(
            model_name='shoporder',
            constraint=models.UniqueConstraint(fields=('shop', 'remote_id', 'refund_id'), name='an_order_once_per_shop'),
        ),
        migrations.AddIndex(
            model_name='shoprun',
            index=models.Index(fields=['shop', '-id'], name='runs_of_a_shop'),
        ),
        migrations.AddIndex(
            model_name='shoprun',
            index=models.Index(condition=models.Q(('state', 'running')), fields=['not_before'], name='runs_to_go_on_with'),
        ),
        migrations.AddConstraint(
            model_name='shoprun',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('shop', 'kind'), name='one_run_of_a_kind_at_a_time'),
        ),
    ]
