"""Invoices that came again with other content: written by `invoices.changes` only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from invoices.enums import ChangeState


class HeldChange(models.Model):
    """A received invoice whose number is here with other content. Nothing of it is taken in; a
    person decides.

    Not evidence itself: the received file is, and both its coming and the decision are events
    of the trail. `differences` are [{field, old, new}] (`invoices.differences`) to what counted
    when it came, `content_sha256` is of the document that came.
    """

    item = models.OneToOneField(
        "invoices.ReceivedItem",
        models.PROTECT,
        related_name="change",
        verbose_name=_("received item"),
    )
    export = models.ForeignKey(
        "invoices.InvoiceExport", models.PROTECT, related_name="changes", verbose_name=_("export")
    )
    content_sha256 = models.CharField(max_length=64)
    differences = models.JSONField(_("differences"))
    held_at = models.DateTimeField(_("received"))
    state = models.CharField(
        _("state"), max_length=10, choices=ChangeState, default=ChangeState.OPEN
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("changed invoice")
        verbose_name_plural = _("changed invoices")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["export", "content_sha256"],
                condition=models.Q(state="open"),
                name="a_change_is_held_once",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open")
                | models.Q(decided_by__isnull=False, decided_at__isnull=False),
                name="a_decided_change_has_its_person",
            ),
        ]
        indexes = [
            models.Index(fields=["-id"], name="changes_open", condition=models.Q(state="open"))
        ]

    def __str__(self) -> str:
        return str(self.item)
