"""Web shops: their connections, what they brought that nobody has looked at yet, what became of
each order, and the runs that ask them.

Written by `invoices.shops` only. None of it is evidence: what was taken in is a received file with
its item, and every act is an audit event. `ShopDelivery.body` has buyers' personal data, and is
emptied as soon as it was taken up.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant
from integrations.secrets import SealedField


class ShopKind(models.TextChoices):
    WOOCOMMERCE = "woocommerce", "WooCommerce"
    SHOPIFY = "shopify", "Shopify"


class ShopState(models.TextChoices):
    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    FAILING = "failing", _("Failing")
    ENDED = "ended", _("Ended")


class PaymentPolicy(models.TextChoices):
    ALL = "all", _("Paid and unpaid orders")
    PAID = "paid", _("Paid orders only")
    UNPAID = "unpaid", _("Unpaid orders only")


class OrderState(models.TextChoices):
    ACCEPTED = "accepted", _("Taken in")
    REJECTED = "rejected", _("Rejected")
    LEFT_OUT = "left_out", _("Left out")


class RunKind(models.TextChoices):
    TEST = "test", _("Test of the connection")
    PULL = "pull", _("What has changed")
    COUNT = "count", _("Back-fill, counting")
    BACKFILL = "backfill", _("Back-fill")


class RunState(models.TextChoices):
    RUNNING = "running", _("Running")
    COUNTED = "counted", _("Counted")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


def new_hook_id() -> str:
    return secrets.token_urlsafe(18)


class ShopConnection(models.Model):
    """One shop of a tenant. `api_key` and `api_secret` are WooCommerce's consumer key and secret,
    Shopify's client id and client secret, or, with an empty key, its access token;
    `webhook_secret` signs what the shop brings, `webhook_secret_old` did so before."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="shops", verbose_name=_("tenant")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=ShopKind)
    name = models.CharField(_("name"), max_length=80)
    address = models.CharField(_("address"), max_length=200)
    api_key = SealedField(null=True, editable=False)
    api_secret = SealedField(null=True, editable=False)
    webhook_secret = SealedField(null=True, editable=False)
    webhook_secret_old = SealedField(null=True, editable=False)
    webhook_secret_changed_at = models.DateTimeField(null=True)
    hook_id = models.CharField(max_length=40, unique=True, default=new_hook_id, editable=False)

    prefix = models.CharField(
        _("prefix of invoice numbers"),
        max_length=12,
        blank=True,
        help_text=_("Goes before the order's number; of its own for each shop of the tenant."),
    )
    statuses = models.CharField(
        _("statuses that become invoices"),
        max_length=300,
        help_text=_("The shop's own words, with commas between them."),
    )
    payments = models.CharField(
        _("payment"), max_length=8, choices=PaymentPolicy, default=PaymentPolicy.ALL
    )
    free_orders = models.BooleanField(_("orders of 0 become invoices"), default=False)
    rounding_row = models.BooleanField(
        _("some cents of rounding become a row"),
        default=True,
        help_text=_("Otherwise such an order is rejected with both numbers."),
    )
    amount_only_row = models.BooleanField(
        _("refunds without lines become one row"),
        default=False,
        help_text=_("Only where the whole order has one VAT rate; otherwise they are rejected."),
    )
    goods_only = models.BooleanField(
        _("everything sold is goods that are shipped"),
        default=False,
        help_text=_("Then sales without VAT to other countries get their VAT category by it."),
    )
    business_id_fields = models.CharField(
        _("fields of the business ID"), max_length=300, blank=True
    )
    vat_number_fields = models.CharField(_("fields of the VAT number"), max_length=300, blank=True)
    queue = models.BooleanField(_("queue what is accepted at once"), default=True)
    since = models.DateField(
        _("orders from"),
        help_text=_("Earlier ones come only with a back-fill."),
    )

    state = models.CharField(_("state"), max_length=8, choices=ShopState, default=ShopState.ACTIVE)
    #: Why it fails: a code of `invoices.shops.causes`.
    cause = models.CharField(max_length=20, blank=True)
    cause_detail = models.CharField(max_length=200, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    #: What is asked next has changed since then, in the shop's own clock.
    changed_since = models.DateTimeField(null=True)
    pull_after = models.DateTimeField(null=True)
    last_pull_at = models.DateTimeField(_("last asked"), null=True)
    last_delivery_at = models.DateTimeField(_("last webhook"), null=True)
    last_refused_at = models.DateTimeField(null=True)
    deliveries = models.PositiveIntegerField(default=0)
    replays = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("web shop")
        verbose_name_plural = _("web shops")
        ordering = ["tenant", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "prefix"],
                condition=~Q(state="ended"),
                name="a_prefix_once_per_tenant",
            )
        ]
        permissions = [
            ("manage_shopconnection", "Can connect web shops, change and pause them"),
            ("backfill_shopconnection", "Can take in a web shop's earlier orders"),
        ]

    def __str__(self) -> str:
        return self.name


class ShopDelivery(models.Model):
    """One webhook, verified and kept until it is taken up; then its digest stays a while, so that
    the same bytes are known. `body` is empty from then on."""

    shop = models.ForeignKey(ShopConnection, models.CASCADE, related_name="inbox")
    sha256 = models.CharField(max_length=64)
    delivery_id = models.CharField(max_length=100, blank=True)
    topic = models.CharField(max_length=60, blank=True)
    body = models.BinaryField()
    received_at = models.DateTimeField()
    #: When it is looked at next; empty once it was taken up.
    not_before = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    cause = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "sha256"], name="the_same_bytes_once_per_shop")
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"],
                condition=Q(not_before__isnull=False),
                name="deliveries_to_take_up",
            ),
            models.Index(fields=["received_at"], name="deliveries_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.shop_id} {self.topic} {self.pk}"


class ShopOrder(models.Model):
    """What became of one order of a shop, or of one refund (`refund_id`). `digest` is of what was
    filed last, so that the same order is filed once, however often it comes."""

    shop = models.ForeignKey(ShopConnection, models.CASCADE, related_name="orders")
    remote_id = models.CharField(max_length=40)
    refund_id = models.CharField(max_length=40, blank=True)
    number = models.CharField(_("invoice number"), max_length=40)
    state = models.CharField(_("state"), max_length=8, choices=OrderState)
    #: Why it was left out: a word of `reading.LeftOut`.
    reason = models.CharField(max_length=12, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    #: The shop's own moment of its last change: older news are no news.
    modified_at = models.DateTimeField(null=True)
    #: Primary key of the received file. No foreign key: that file is deleted when its time is over.
    file = models.BigIntegerField(null=True)
    #: What was filed last of it was rejected: a person looks at it.
    is_told = models.BooleanField(default=False)
    changed_at = models.DateTimeField(_("last change"), auto_now=True)

    class Meta:
        verbose_name = _("shop order")
        verbose_name_plural = _("shop orders")
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "remote_id", "refund_id"], name="an_order_once_per_shop"
            )
        ]
        indexes = [
            models.Index(fields=["shop", "state", "-id"], name="orders_by_state"),
            models.Index(fields=["shop", "number"], name="orders_by_number"),
            models.Index(
                fields=["shop", "-id"], condition=Q(is_told=True), name="orders_to_look_at"
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ShopRun(models.Model):
    """One time of asking a shop, resumable after each page: `cursor` is where to go on from."""

    shop = models.ForeignKey(ShopConnection, models.CASCADE, related_name="runs")
    kind = models.CharField(_("kind"), max_length=8, choices=RunKind)
    state = models.CharField(_("state"), max_length=9, choices=RunState, default=RunState.RUNNING)
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    cursor: Any = models.JSONField(default=dict)
    #: {orders, refunds, here, accepted, rejected, unread, left_out: {reason: n}, sums: {EUR: "…"}}
    counts: Any = models.JSONField(default=dict)
    #: Orders that there are to be seen, once known.
    expected = models.PositiveIntegerField(null=True)
    cause = models.CharField(max_length=20, blank=True)
    cause_detail = models.CharField(max_length=200, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    not_before = models.DateTimeField()
    holder = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("run of a web shop")
        verbose_name_plural = _("runs of web shops")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["shop", "-id"], name="runs_of_a_shop"),
            models.Index(
                fields=["not_before"], condition=Q(state="running"), name="runs_to_go_on_with"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "kind"],
                condition=Q(state="running"),
                name="one_run_of_a_kind_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.shop_id} {self.kind} {self.pk}"
