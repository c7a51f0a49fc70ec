"""What people change about an invoice before it is submitted again: written by
`invoices.corrections` and `invoices.entered` only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoices.enums import EntryState


class Correction(models.Model):
    """One version of an invoice as people corrected it; the invoice itself stays as received.

    Evidence: written once, never changed (triggers). `content` is the whole corrected
    InvoiceDocument, `changes` what differs from the version before: [{field, old, new}] with
    texts. The export's `corrections` says which number counts; 0 is the invoice as received.
    """

    export = models.ForeignKey(
        "invoices.InvoiceExport",
        models.PROTECT,
        related_name="versions",
        verbose_name=_("export"),
    )
    number = models.PositiveSmallIntegerField(_("version"))
    date = models.DateField(_("invoice date"))
    content = models.JSONField(_("content"))
    changes = models.JSONField(_("changes"))
    reason = models.CharField(_("reason"), max_length=500)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["export", "number"]
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="a_correction_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.export_id} / {self.number}"


class EnteredByHand(models.Model):
    """A person says that the invoice was entered in Procountor by hand, under this number; it
    is looked up before anything changes. The row is there before the request."""

    export = models.ForeignKey(
        "invoices.InvoiceExport", models.PROTECT, related_name="entries", verbose_name=_("export")
    )
    remote_number = models.PositiveBigIntegerField(_("Procountor number"))
    reason = models.CharField(_("reason"), max_length=500)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("when"))
    state = models.CharField(
        _("state"), max_length=12, choices=EntryState, default=EntryState.WAITING
    )
    #: Procountor's invoice as it was read, as in `LookUp.found`; {} when there was none.
    found = models.JSONField(default=dict)
    #: Short words for what differs or what went wrong.
    cause = models.CharField(max_length=200, blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("entry by hand")
        verbose_name_plural = _("entries by hand")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["export"],
                condition=models.Q(finished_at__isnull=True),
                name="one_open_entry_per_export",
            )
        ]

    def __str__(self) -> str:
        return f"{self.export_id} / {self.remote_number}"
