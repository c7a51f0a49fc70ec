"""What management's pages read: one fact row for each export, and figures of each day made of
them.

Written by `invoices.reports` only, a minute or so behind the exports; all of it can be made anew
from them (`manage.py rebuild_reports`).
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class FactState(models.TextChoices):
    """Where an invoice is, in management's words: each is in exactly one of them."""

    EXPORTED = "exported", _("In Procountor")
    WAITING = "waiting", _("Under way")
    FAILED = "failed", _("Failed, open")
    SKIPPED = "skipped", _("Skipped")


class ExportFact(models.Model):
    """One export as the figures count it. Days are days in Helsinki: `taken_on` of intake,
    `exported_on` of Procountor's acceptance."""

    export = models.OneToOneField(
        "invoices.InvoiceExport", models.PROTECT, primary_key=True, related_name="fact"
    )
    # The indexes below begin with the tenant.
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="+", db_index=False, verbose_name=_("tenant")
    )
    state = models.CharField(max_length=8, choices=FactState)
    taken_on = models.DateField(_("day of intake"))
    exported_on = models.DateField(_("day of export"), null=True)
    currency = models.CharField(_("currency"), max_length=3)
    total = models.DecimalField(_("total with VAT"), max_digits=18, decimal_places=2)
    #: Accepted at the first attempt, never corrected, and never waited for anybody.
    first_pass = models.BooleanField(default=False)
    #: Of `reports.times`: how long it took from intake to Procountor.
    bucket = models.PositiveSmallIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["exported_on", "export"], name="facts_by_export_day"),
            models.Index(fields=["taken_on", "export"], name="facts_by_intake_day"),
            models.Index(
                fields=["tenant", "exported_on", "export"], name="facts_of_tenant_exported"
            ),
            models.Index(fields=["tenant", "taken_on", "export"], name="facts_of_tenant_taken_in"),
            models.Index(
                fields=["state", "taken_on", "export"],
                name="facts_not_exported",
                condition=Q(exported_on__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return str(self.export_id)


class Rollup(models.Model):
    """The figures of one day and currency, of one tenant or (tenant NULL) of all.

    What was taken in, and of that what failed, waits or was skipped, counts on the day of intake;
    what was exported on the day of acceptance. Totals are with VAT, in `currency`.
    """

    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("tenant"),
    )
    day = models.DateField(_("day"))
    currency = models.CharField(_("currency"), max_length=3)
    taken = models.IntegerField(default=0)
    taken_total = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    failed = models.IntegerField(default=0)
    failed_total = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    waiting = models.IntegerField(default=0)
    waiting_total = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    skipped = models.IntegerField(default=0)
    skipped_total = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    exported = models.IntegerField(default=0)
    exported_total = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    first_pass = models.IntegerField(default=0)
    first_pass_total = models.DecimalField(max_digits=18, decimal_places=2, default=0)
    #: {bucket: how many of the exported}, see `reports.times`.
    times = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("figures of a day")
        verbose_name_plural = _("figures of days")
        permissions = [("export_history", "Can export the history as a file")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "day", "currency"], name="figures_once_per_tenant_and_day"
            ),
            # In a unique index no two NULLs are equal.
            models.UniqueConstraint(
                fields=["day", "currency"],
                condition=Q(tenant__isnull=True),
                name="figures_of_all_once_per_day",
            ),
        ]
        indexes = [models.Index(fields=["day", "tenant"], name="figures_by_day")]

    def __str__(self) -> str:
        return f"{self.tenant_id or 'all'} {self.day} {self.currency}"


class RollupCursor(models.Model):
    """How far the audit trail is counted. The only row has primary key 1.

    `version` rises with every change of facts and figures: whoever counted before another's
    change does not write after it. All events up to `settled` are counted for good. On
    PostgreSQL, where events become visible out of order, `seen` follows it once no transaction
    older than `seen_transaction` runs.
    """

    version = models.PositiveBigIntegerField(default=0)
    settled = models.PositiveBigIntegerField(default=0)
    seen = models.PositiveBigIntegerField(default=0)
    seen_transaction = models.PositiveBigIntegerField(null=True)
    #: When everything there was had been counted.
    counted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.settled)
