"""The office's own words for problem codes, and codes that wait for words; written by
`invoices.wording` only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.enums import StaffLanguage


class WordingVersion(models.Model):
    """The words of one code in one language from one moment on. Version 0 is what the program
    ships and has no row; a version `is_shipped` goes back to that. Evidence: never changed
    (triggers). `customer` is the sentence for the customer, "" where the code has none."""

    code = models.CharField(_("code"), max_length=200)
    language = models.CharField(_("language"), max_length=2, choices=StaffLanguage)
    number = models.PositiveIntegerField(_("version"))
    is_shipped = models.BooleanField(_("shipped text"), default=False)
    cause = models.CharField(_("cause"), max_length=500, blank=True)
    remedy = models.CharField(_("what to do"), max_length=500, blank=True)
    customer = models.CharField(_("sentence for the customer"), max_length=500, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("words of a code")
        verbose_name_plural = _("words of codes")
        ordering = ["code", "language", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "language", "number"], name="a_wording_version_once"
            )
        ]
        permissions = [("edit_wording", "Can edit the words of problem codes")]

    def __str__(self) -> str:
        return f"{self.code} · {self.language} · {self.number}"


class UnknownCode(models.Model):
    """A code that Procountor wrote and nobody has words for, at one field (without the rows'
    numbers): the to-do list of the catalogue."""

    code = models.CharField(_("code"), max_length=200)
    field = models.CharField(_("field"), max_length=200, blank=True)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    count = models.PositiveIntegerField(_("times"), default=1)
    example = models.ForeignKey(
        "invoices.InvoiceExport",
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("example"),
    )
    closed_at = models.DateTimeField(_("words written"), null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )

    class Meta:
        verbose_name = _("code without words")
        verbose_name_plural = _("codes without words")
        ordering = ["-last_seen_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["code", "field"], name="an_unknown_code_once_per_field")
        ]

    def __str__(self) -> str:
        return self.code
