"""What follows once an invoice is in Procountor, written by `invoices.exports.steps` only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant
from invoices.enums import AttemptOutcome, AttemptTrigger, StepCallPurpose, StepKind, StepStatus

ATTACH_RANK, APPROVE_RANK, SEND_RANK = 1, 2, 3


class InvoiceAttachment(models.Model):
    """A PDF that goes with an invoice, byte for byte. Evidence: never changed (triggers)."""

    invoice = models.ForeignKey(
        "invoices.Invoice", models.PROTECT, related_name="attachments", verbose_name=_("invoice")
    )
    name = models.CharField(_("file name"), max_length=120)
    content = models.BinaryField(_("content"))
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.PositiveIntegerField(_("size, bytes"))
    content_type = models.CharField(_("content type"), max_length=40)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("added by"),
    )
    added_at = models.DateTimeField(_("added"))

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["invoice", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "name"], name="an_attachment_name_once_per_invoice"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ExportStep(models.Model):
    """One thing to do in Procountor with a reconciled invoice, and its state.

    RUNNING means that a request which changes something may be in flight. While Procountor is
    only read, the status stays and just `claim` and `lease_until` are set. Steps of one export
    run in the order of `rank` and primary key, one after the other.
    """

    export = models.ForeignKey(
        "invoices.InvoiceExport", models.PROTECT, related_name="steps", verbose_name=_("export")
    )
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+", verbose_name=_("tenant"))
    kind = models.CharField(_("step"), max_length=10, choices=StepKind)
    rank = models.PositiveSmallIntegerField()
    attachment = models.OneToOneField(
        InvoiceAttachment,
        models.PROTECT,
        null=True,
        related_name="step",
        verbose_name=_("attachment"),
    )
    status = models.CharField(
        _("status"), max_length=16, choices=StepStatus, default=StepStatus.WAITING
    )
    problems = models.JSONField(_("problems"), default=list)
    not_before = models.DateTimeField(_("not before"), null=True)
    #: When Procountor's copy was last read and was as this step needs it; null: read it first.
    checked_at = models.DateTimeField(null=True)
    retries = models.PositiveSmallIntegerField(_("retries"), default=0)
    #: Readings since the step became UNKNOWN that did not show it as done.
    reads = models.PositiveSmallIntegerField(default=0)
    #: Lost answers since a person last decided.
    losses = models.PositiveSmallIntegerField(default=0)
    triggered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    trigger_reason = models.CharField(_("reason"), max_length=500, blank=True)
    claim = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(_("last change"))

    class Meta:
        verbose_name = _("step after submitting")
        verbose_name_plural = _("steps after submitting")
        ordering = ["export", "rank", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["export", "kind"],
                condition=Q(attachment__isnull=True),
                name="approve_and_send_once_per_export",
            ),
            models.CheckConstraint(
                condition=Q(kind="attach", attachment__isnull=False)
                | (~Q(kind="attach") & Q(attachment__isnull=True)),
                name="only_attaching_has_an_attachment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "not_before"],
                name="steps_due_per_lane",
                condition=Q(not_before__isnull=False),
            ),
            models.Index(
                fields=["lease_until"],
                name="steps_in_flight",
                condition=Q(lease_until__isnull=False),
            ),
        ]
        permissions = [
            ("confirm_exportstep", "Can confirm that an invoice may be sent again"),
            ("skip_exportstep", "Can skip a step after submitting"),
        ]

    def __str__(self) -> str:
        return f"{self.export} / {self.kind}"


class StepAttempt(models.Model):
    """One call for a step: committed before its request leaves, closed once, never changed
    after that (database triggers refuse it). `found` is what Procountor showed when read."""

    step = models.ForeignKey(
        ExportStep, models.PROTECT, related_name="attempts", verbose_name=_("step")
    )
    number = models.PositiveIntegerField(_("attempt"))
    purpose = models.CharField(_("purpose"), max_length=10, choices=StepCallPurpose)
    trigger = models.CharField(_("trigger"), max_length=10, choices=AttemptTrigger)
    triggered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    correlation_id = models.UUIDField(_("correlation id"))
    software_version = models.CharField(_("software version"), max_length=20)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=AttemptOutcome, blank=True)
    cause = models.CharField(_("cause"), max_length=40, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    response_body = models.TextField(_("response"), blank=True)
    errors = models.JSONField(_("error codes"), default=list)
    found = models.JSONField(_("found"), default=dict)

    class Meta:
        verbose_name = _("step's attempt")
        verbose_name_plural = _("step's attempts")
        ordering = ["step", "number"]
        constraints = [
            models.UniqueConstraint(fields=["step", "number"], name="a_step_attempt_number_once"),
            models.UniqueConstraint(
                fields=["step"],
                condition=Q(finished_at__isnull=True),
                name="one_open_attempt_per_step",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} / {self.number}"
