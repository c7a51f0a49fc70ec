"""What tells sources of their exports: endpoints, and the deliveries to them.

Written by `invoices.webhooks` only. No evidence: a delivery repeats what the audit trail says, and
is deleted after WEBHOOK_DAYS. It names events and exports by plain numbers, so that it keeps no
row from being deleted when its time is over.
"""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant
from integrations.secrets import SealedField

#: What is told: the audit action, which is the event's `type` too, and what it means.
KINDS = {
    "export.submitted": _("Procountor has accepted the invoice."),
    "export.needs_attention": _("The export was refused or waits for a person."),
    "export.reconciled": _("The invoice was read back from Procountor and is equal: settled."),
    "export.skipped": _("A person decided that the invoice is not exported: settled."),
}


class WebhookEndpoint(models.Model):
    """An address of a source. `settled` is the audit event up to which all are certainly
    collected; events before `created_at` are not told. After a change of the secret both sign
    until `previous_until`."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused by a person")
        FAILING = "failing", _("Paused after days of failures")
        REMOVED = "removed", _("Removed")

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="webhook_endpoints", verbose_name=_("tenant")
    )
    url = models.URLField(
        _("address"), max_length=500, help_text=_("Where we POST to; https, reachable for all.")
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ACTIVE)
    secret = SealedField(null=True, editable=False)
    previous_secret = SealedField(null=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    settled = models.BigIntegerField(default=0, editable=False)
    holder = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    #: The first failure after the last success.
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    last_success_at = models.DateTimeField(_("last success"), null=True, editable=False)
    created_at = models.DateTimeField(_("made"), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("made by"),
    )

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["-pk"]
        permissions = [("manage_webhookendpoint", "Can add, change and replay webhooks")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "url"],
                condition=~Q(state="removed"),
                name="an_address_once_per_tenant",
            )
        ]

    def __str__(self) -> str:
        return self.host

    @property
    def host(self) -> str:
        """What may be told of the address anywhere: its path may be a secret of the customer's."""
        return urlsplit(self.url).netloc


class WebhookDelivery(models.Model):
    """One event for one endpoint. The row is its own place in the queue: `due_at` is when it is
    tried next, NULL when it is over. `body` is what is sent, the same each time."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        GIVEN_UP = "given_up", _("Given up")

    #: The source sees by it whether it had the event before.
    message = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="deliveries", verbose_name=_("webhook")
    )
    #: Primary keys of the audit event and of the export.
    event = models.BigIntegerField(editable=False)
    export = models.BigIntegerField(editable=False)
    kind = models.CharField(_("event"), max_length=30)
    number = models.CharField(_("invoice number"), max_length=40)
    body = models.TextField(_("content"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    created_at = models.DateTimeField(_("made"))
    due_at = models.DateTimeField(_("next try"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="an_event_once_per_webhook")
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at"],
                name="deliveries_due",
                condition=Q(due_at__isnull=False),
            ),
            models.Index(fields=["created_at"], name="deliveries_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class WebhookTry(models.Model):
    """One POST of a delivery and what came back. `answer` is the first bytes of its body as text;
    `error` the short word for what happened when there was no answer."""

    delivery = models.ForeignKey(
        WebhookDelivery, models.CASCADE, related_name="all_tries", verbose_name=_("delivery")
    )
    at = models.DateTimeField(_("when"))
    milliseconds = models.PositiveIntegerField(_("milliseconds"))
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    error = models.CharField(_("error"), max_length=40, blank=True)
    answer = models.CharField(_("answer"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("try")
        verbose_name_plural = _("tries")
        ordering = ["delivery", "at", "pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
