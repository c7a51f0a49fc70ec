"""Signs of life and alerts, written by `invoices.watch` only."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class Heartbeat(models.Model):
    """The last sign of life of one thing that must keep moving."""

    name = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()
    where = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Digest(models.Model):
    """The weekly mail about failed exports, by the Monday it is of."""

    week = models.DateField(primary_key=True)
    mailing_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.week)


class Alert(models.Model):
    """One trouble from its first sighting to its end. `cause` is a code of `watch.causes`.

    `mailing_until` is the lease of whoever is mailing it now; `mail_error` names what the mail
    server's last refusal was, "" after a success.
    """

    cause = models.CharField(_("cause"), max_length=40)
    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="alerts",
        verbose_name=_("tenant"),
    )
    #: Tells apart alerts of one cause and tenant: the key of a cause of failed exports, else "".
    detail = models.CharField(max_length=40, blank=True)
    facts = models.JSONField(_("facts"), default=dict)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    notified_at = models.DateTimeField(_("e-mailed"), null=True)
    recovered_at = models.DateTimeField(_("over since"), null=True)
    recovery_notified_at = models.DateTimeField(_("end e-mailed"), null=True)
    mailing_until = models.DateTimeField(null=True)
    mail_error = models.CharField(_("e-mail failed"), max_length=60, blank=True)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-first_seen_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "tenant", "detail"],
                condition=Q(recovered_at__isnull=True),
                name="one_open_alert_per_cause_and_tenant",
            ),
            # In a unique index no two NULLs are equal.
            models.UniqueConstraint(
                fields=["cause"],
                condition=Q(recovered_at__isnull=True, tenant__isnull=True),
                name="one_open_alert_per_cause_without_a_tenant",
            ),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.first_seen_at):%Y-%m-%d %H:%M}"
