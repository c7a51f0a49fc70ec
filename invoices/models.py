"""What we export, what became of it, and who did it.

Rows here are written by named modules only: `intake.filing` (files, items, invoices),
`exports` (exports, attempts, steps), `audit` (audit events), `watch` (signs of life, alerts).
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Length
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant
from invoices import (  # noqa: F401 - Django looks for models here
    api_models,
    cause_models,
    change_models,
    correction_models,
    evidence_models,
    filing_models,
    ledger_models,
    move_models,
    plan_models,
    report_models,
    retention_models,
    search_models,
    shop_models,
    step_models,
    team_models,
    upload_models,
    watch_models,
    webhook_models,
    wording_models,
)
from invoices.document import InvoiceDocument
from invoices.enums import (
    AttemptOutcome,
    AttemptTrigger,
    AttentionReason,
    ExportStatus,
    ItemOutcome,
    LookUpPurpose,
    LookUpVerdict,
    ParkedReason,
    ReceivedVia,
)

#: 2 without a problem: an index finds the few files that have one.
PROBLEMS_LENGTH = Length(Cast("problems", models.TextField()))


class ReceivedFile(models.Model):
    """One file as received, byte for byte; a large one's content is in its `pieces` (see
    `invoices.pieces`)."""

    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        related_name="received_files",
        verbose_name=_("tenant"),
        db_index=False,
    )
    name = models.CharField(_("file name"), max_length=255)
    content = models.BinaryField(_("content"))
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.PositiveIntegerField(_("size, bytes"))
    format = models.CharField(_("format"), max_length=20)
    problems = models.JSONField(_("problems"), default=list)
    received_at = models.DateTimeField(_("received"))
    received_via = models.CharField(_("received via"), max_length=10, choices=ReceivedVia)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("received by"),
    )

    class Meta:
        verbose_name = _("received file")
        verbose_name_plural = _("received files")
        ordering = ["-received_at", "-pk"]
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="files_by_time"),
            models.Index(fields=["tenant", "-received_at", "-id"], name="files_of_a_tenant"),
            models.Index(fields=["name"], name="files_by_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["sha256"], name="files_by_digest"),
            models.Index(fields=["received_via", "-received_at", "-id"], name="files_by_way_in"),
            models.Index(fields=["received_by", "-received_at", "-id"], name="files_by_person"),
            models.Index(PROBLEMS_LENGTH, name="files_by_problems"),
        ]
        permissions = [("upload_file", "Can upload invoice files")]

    def __str__(self) -> str:
        return self.name


class Invoice(models.Model):
    """Our copy of one invoice: an immutable snapshot. `content` is the InvoiceDocument; the
    columns beside it repeat what people search and sort by."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="invoices", verbose_name=_("tenant"), db_index=False
    )
    number = models.CharField(_("invoice number"), max_length=40)
    is_credit_note = models.BooleanField(_("credit note"), default=False)
    date = models.DateField(_("invoice date"))
    due_date = models.DateField(_("due date"), null=True)
    buyer_name = models.CharField(_("buyer"), max_length=255)
    currency = models.CharField(_("currency"), max_length=3)
    gross_total = models.DecimalField(_("total with VAT"), max_digits=18, decimal_places=2)
    content = models.JSONField(_("content"))
    content_sha256 = models.CharField("SHA-256", max_length=64)
    created_at = models.DateTimeField(_("received"), auto_now_add=True)

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        ordering = ["-created_at", "-pk"]
        permissions = [("view_personal_data", "Can see the personal data of buyers")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "number"], name="an_invoice_number_once_per_tenant"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="invoices_of_a_tenant"),
            models.Index(fields=["tenant", "date"], name="invoices_by_day"),
            models.Index(fields=["date", "id"], name="invoices_by_date"),
            models.Index(fields=["-id"], name="credit_notes", condition=Q(is_credit_note=True)),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def document(self) -> InvoiceDocument:
        return InvoiceDocument.model_validate(self.content)


class ReceivedItem(models.Model):
    """One invoice found in a received file, and what became of it."""

    file = models.ForeignKey(
        ReceivedFile, models.PROTECT, related_name="items", verbose_name=_("received file")
    )
    position = models.PositiveIntegerField(_("position"))
    number = models.CharField(_("invoice number"), max_length=100, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=ItemOutcome)
    invoice = models.ForeignKey(
        Invoice,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="received_items",
        verbose_name=_("invoice"),
    )
    problems = models.JSONField(_("problems"), default=list)
    warnings = models.JSONField(_("warnings"), default=list)

    class Meta:
        verbose_name = _("received item")
        verbose_name_plural = _("received items")
        ordering = ["file", "position"]
        constraints = [
            models.UniqueConstraint(fields=["file", "position"], name="an_item_once_per_file")
        ]
        indexes = [
            models.Index(
                fields=["number"], name="items_by_number", opclasses=["varchar_pattern_ops"]
            ),
            models.Index(fields=["outcome", "-file"], name="items_by_outcome"),
        ]

    def __str__(self) -> str:
        return self.number or f"#{self.position}"


class InvoiceExport(models.Model):
    """The intention that one invoice shall exist in Procountor, and its state.

    `status` is written by `invoices.exports` only, by conditional UPDATE. The row is also its
    own place in the queue: `not_before` is when the engine next does something about it (submit,
    look up or read back, by status), `claim` and `lease_until` say who is at it.
    """

    invoice = models.OneToOneField(
        Invoice, models.PROTECT, related_name="export", verbose_name=_("invoice")
    )
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="exports", verbose_name=_("tenant"), db_index=False
    )
    status = models.CharField(
        _("status"), max_length=16, choices=ExportStatus, default=ExportStatus.DRAFT
    )
    attention_reason = models.CharField(
        _("needs attention because"), max_length=20, choices=AttentionReason, blank=True
    )
    parked_reason = models.CharField(
        _("parked because"), max_length=16, choices=ParkedReason, blank=True
    )
    problems = models.JSONField(_("problems"), default=list)
    warnings = models.JSONField(_("warnings"), default=list)

    not_before = models.DateTimeField(_("not before"), null=True)
    queued_at = models.DateTimeField(_("queued"), null=True)
    triggered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        verbose_name=_("queued by"),
        related_name="+",
        db_index=False,
    )
    trigger_reason = models.CharField(_("reason"), max_length=500, blank=True)
    retries = models.PositiveSmallIntegerField(_("retries"), default=0)
    lookups = models.PositiveSmallIntegerField(_("look-ups"), default=0)
    #: The number of the `Correction` that counts; 0 is the invoice as received.
    corrections = models.PositiveSmallIntegerField(_("corrections"), default=0)
    #: Look in Procountor before the first attempt too: after a restored backup there may have
    #: been attempts that this database knows nothing of.
    look_first = models.BooleanField(default=False)
    claim = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)

    remote_id = models.BigIntegerField(_("Procountor id"), null=True)
    remote_number = models.CharField(_("Procountor number"), max_length=40, blank=True)
    remote_status = models.CharField(_("Procountor status"), max_length=40, blank=True)
    remote_total = models.DecimalField(
        _("Procountor total"), max_digits=18, decimal_places=2, null=True
    )
    submitted_at = models.DateTimeField(_("submitted"), null=True)
    changed_at = models.DateTimeField(_("last change"), auto_now=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-pk"]
        indexes = [
            # Conditions on NULL, not on a status: SQLite uses a partial index with bound
            # parameters only when a comparison implies IS NOT NULL.
            models.Index(
                fields=["tenant", "status", "not_before", "id"],
                name="exports_due_per_lane",
                condition=Q(not_before__isnull=False),
            ),
            models.Index(
                fields=["lease_until"],
                name="exports_in_flight",
                condition=Q(lease_until__isnull=False),
            ),
            models.Index(
                fields=["tenant", "parked_reason"],
                name="exports_parked",
                condition=Q(status="parked"),
            ),
            models.Index(fields=["status", "-id"], name="exports_by_status"),
            models.Index(fields=["remote_number"], name="exports_by_remote_number"),
            models.Index(fields=["tenant", "-id"], name="exports_of_a_tenant"),
            models.Index(
                fields=["submitted_at", "id"],
                name="exports_by_submission",
                condition=Q(submitted_at__isnull=False),
            ),
            models.Index(
                fields=["tenant", "remote_id"],
                name="exports_by_remote_id",
                condition=Q(remote_id__isnull=False),
            ),
        ]
        permissions = [
            ("requeue_invoiceexport", "Can queue an export again"),
            ("skip_invoiceexport", "Can skip an export"),
            ("correct_invoiceexport", "Can correct an export and queue it again"),
        ]

    def __str__(self) -> str:
        return self.invoice.number


class PreparedPayload(models.Model):
    """The payload that mapping made at intake, so that the engine need not make it again. A
    shortcut and no record: it counts only while `basis` is what mapping would be based on now
    (`mapping.basis_of`) and no correction came after it, and goes when the export is done."""

    export = models.OneToOneField(
        InvoiceExport, models.CASCADE, primary_key=True, related_name="prepared"
    )
    basis = models.CharField(max_length=64)
    corrections = models.PositiveSmallIntegerField(default=0)
    body = models.TextField()

    def __str__(self) -> str:
        return str(self.export_id)


class Restore(models.Model):
    """A backup was put back. What was submitted after the backup was made is unknown here, so
    until `cautious_until` new exports are looked for in Procountor before their first attempt."""

    at = models.DateTimeField(auto_now_add=True)
    cautious_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"


class Lane(models.Model):
    """One tenant's queue. Whoever holds the lane is the only one who submits from it; the lane
    served longest ago is taken first."""

    tenant = models.OneToOneField(Tenant, models.PROTECT, primary_key=True)
    holder = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("lane")

    def __str__(self) -> str:
        return str(self.tenant_id)


class SubmissionAttempt(models.Model):
    """One POST: committed before its request leaves, closed once, never changed after that
    (database triggers refuse it). `request_body` is exactly what was sent."""

    export = models.ForeignKey(
        InvoiceExport, models.PROTECT, related_name="attempts", verbose_name=_("export")
    )
    number = models.PositiveIntegerField(_("attempt"))
    trigger = models.CharField(_("trigger"), max_length=10, choices=AttemptTrigger)
    triggered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        verbose_name=_("by"),
        related_name="+",
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    correlation_id = models.UUIDField(_("correlation id"))
    key_fingerprint = models.CharField(_("key fingerprint"), max_length=12)
    mapping_version = models.CharField(_("mapping version"), max_length=20)
    software_version = models.CharField(_("software version"), max_length=20)
    started_at = models.DateTimeField(_("started"))
    request_body = models.TextField(_("request"))
    request_sha256 = models.CharField(_("request SHA-256"), max_length=64)
    finished_at = models.DateTimeField(_("finished"), null=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=AttemptOutcome, blank=True)
    cause = models.CharField(_("cause"), max_length=40, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    response_body = models.TextField(_("response"), blank=True)
    errors = models.JSONField(_("error codes"), default=list)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["export", "number"]
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="an_attempt_number_once"),
            models.UniqueConstraint(
                fields=["export"],
                condition=Q(finished_at__isnull=True),
                name="one_open_attempt_per_export",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.export} / {self.number}"


class LookUp(models.Model):
    """One question to Procountor whether it has an invoice, and the answer. Evidence: written
    once, after the answer, never changed (database triggers refuse it)."""

    export = models.ForeignKey(
        InvoiceExport, models.PROTECT, related_name="look_ups", verbose_name=_("export")
    )
    purpose = models.CharField(_("asked because"), max_length=16, choices=LookUpPurpose)
    after_attempt = models.PositiveIntegerField(_("after attempt"))
    asked_at = models.DateTimeField(_("asked"))
    answered_at = models.DateTimeField(_("answered"))
    query = models.JSONField(_("query"))
    #: Every hit of the search: [{id, number, status, date, currency, total}].
    hits = models.JSONField(_("hits"), default=list)
    #: The one invoice that was compared, as Procountor tells it; {} when there was not one.
    found = models.JSONField(_("found"), default=dict)
    verdict = models.CharField(_("verdict"), max_length=16, choices=LookUpVerdict)
    #: Of a verdict "no answer" or "refused": the short word for what happened.
    cause = models.CharField(_("cause"), max_length=40, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)

    class Meta:
        verbose_name = _("look-up")
        verbose_name_plural = _("look-ups")
        ordering = ["export", "pk"]

    def __str__(self) -> str:
        return f"{self.export} / {self.asked_at:%Y-%m-%d %H:%M:%S}"


class EvidenceQuerySet(models.QuerySet["AuditEvent"]):
    """Refuses in Python what the database's triggers refuse below it."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError("Audit events are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Audit events are never deleted.")


class AuditEvent(models.Model):
    """Who did what, when. Written by `invoices.audit` only; never changed, never deleted."""

    at = models.DateTimeField(_("when"))
    action = models.CharField(_("action"), max_length=60)
    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("tenant"),
        db_index=False,
    )
    export = models.ForeignKey(
        InvoiceExport,
        models.PROTECT,
        null=True,
        related_name="audit_events",
        verbose_name=_("export"),
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        verbose_name=_("by"),
        related_name="+",
        db_index=False,
    )
    data = models.JSONField(_("details"), default=dict)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit trail")
        ordering = ["-pk"]
        permissions = [("erase_person", "Can erase the names of a member of staff")]
        # Every move writes here: each further index is paid for by all of them.
        indexes = [
            models.Index(fields=["tenant", "-id"], name="audit_per_tenant"),
            models.Index(fields=["action", "-id"], name="audit_per_action"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return self.action

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("Audit events are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Audit events are never deleted.")
