"""Who looks after an open export, until when it can wait, and what was said about it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Case(models.Model):
    """One export as the team's work. Made when somebody first takes, snoozes or comments on it.
    Written by `invoices.team` only."""

    export = models.OneToOneField(
        "invoices.InvoiceExport", models.PROTECT, primary_key=True, related_name="case"
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("looked after by"),
    )
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True, blank=True)

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        indexes = [models.Index(fields=["assignee"], name="cases_by_assignee")]
        permissions = [("work_on_case", "Can assign, snooze and comment on exports")]

    def __str__(self) -> str:
        return str(self.export_id)


class Comment(models.Model):
    """What somebody wrote about an export. Written once."""

    export = models.ForeignKey("invoices.InvoiceExport", models.PROTECT, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(_("at"))
    text = models.TextField(_("comment"), max_length=2000)

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
