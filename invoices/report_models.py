"""What management's pages read: one fact row for each export, and figures of each day made of
them.

Written by `invoices.reports` only, a minute or so behind the exports; all of it can be made anew
from them (`manage.py rebuild_reports`).
"""

from __future__ import annotations

from django.conf import settings
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


_NO_FIRST_PASS = Q(exported_on__isnull=False, first_pass=False)


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
        verbose_name = _("exported invoice")
        verbose_name_plural = _("export history")
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
            # Where hardly any is no first pass, one would be looked for among all.
            models.Index(
                fields=["exported_on", "export"],
                name="facts_no_first_pass",
                condition=_NO_FIRST_PASS,
            ),
            models.Index(
                fields=["taken_on", "export"],
                name="facts_no_first_pass_taken",
                condition=_NO_FIRST_PASS,
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
        permissions = [
            ("export_history", "Can export the history as a file"),
            ("read_history_files", "Can open history files that others asked for"),
        ]
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
    older than `seen_transaction` runs. While every export is looked at in place of the events up
    to `seen`, `filled` is the last one that was.
    """

    version = models.PositiveBigIntegerField(default=0)
    settled = models.PositiveBigIntegerField(default=0)
    seen = models.PositiveBigIntegerField(default=0)
    seen_transaction = models.PositiveBigIntegerField(null=True)
    filled = models.PositiveBigIntegerField(null=True)
    #: When everything there was had been counted.
    counted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.settled)


class SavedView(models.Model):
    """A choice of the export history under a name, of one person."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=1000)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="a_saved_view_once_per_owner")
        ]

    def __str__(self) -> str:
        return self.name


class FileFormat(models.TextChoices):
    CSV_FI = "csv_fi", _("CSV for Finnish Excel")
    CSV = "csv", _("CSV, plain")
    XLSX = "xlsx", _("Excel (XLSX)")
    ENVELOPE = "envelope", _("Auditor's envelope (ZIP)")


class FileState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Being made")
    READY = "ready", _("Ready")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Failed")
    DELETED = "deleted", _("Deleted")


class HistoryFile(models.Model):
    """The export history, or a part of it, as a file that a person asked for: a list, or an
    auditor's envelope. The row stays when the content is deleted."""

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    requested_at = models.DateTimeField(_("requested"), auto_now_add=True)
    #: What was chosen, as an address says it, with days that stay.
    query = models.CharField(max_length=1000)
    columns = models.JSONField(default=list)
    #: Why an envelope is made; lists ask for none.
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    format = models.CharField(_("format"), max_length=8, choices=FileFormat)
    language = models.CharField(max_length=2)
    state = models.CharField(
        _("state"), max_length=10, choices=FileState, default=FileState.WAITING
    )
    #: How many rows, and {currency: total}, the page showed when the file was asked for.
    expected = models.PositiveIntegerField(default=0)
    expected_sums = models.JSONField(default=dict)
    #: The same of the rows that are in the file (so far).
    done = models.PositiveIntegerField(_("rows"), default=0)
    sums = models.JSONField(default=dict)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    size = models.PositiveBigIntegerField(_("size, bytes"), default=0)
    started_at = models.DateTimeField(null=True)
    #: The last sign of life of whoever makes it.
    seen_at = models.DateTimeField(null=True)
    #: Names whoever makes it: the one before may have been thought dead and not be.
    holder = models.CharField(max_length=32, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("history file")
        verbose_name_plural = _("history files")
        ordering = ["-pk"]
        permissions = [("make_envelope", "Can make an auditor's envelope")]

    def __str__(self) -> str:
        return f"{self.pk}"


class HistoryFilePart(models.Model):
    """A piece of the content: in the database, so that every machine has it, and so that nobody
    reads it but through the page that asks who they are."""

    file = models.ForeignKey(HistoryFile, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="a_history_part_once")
        ]

    def __str__(self) -> str:
        return f"{self.file_id}/{self.number}"
