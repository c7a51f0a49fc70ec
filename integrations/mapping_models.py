"""A tenant's mapping tables: what the words of its sources are called in Procountor.

They stand here because the gate before a change of settings reads them. What a table may hold is
known to `invoices.mapping.tables`; versions are written by `integrations.mapping_tables` only.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from integrations.models import Tenant


class MappingTable(models.TextChoices):
    """Values are the names in `invoices.mapping.tables`."""

    VAT = "vat", _("VAT categories")
    UNIT = "unit", _("Units")
    PAYMENT = "payment", _("Payment methods")
    COUNTRY = "country", _("Countries")
    PRODUCT = "product", _("Products")


class MappingVersionQuerySet(models.QuerySet["MappingVersion"]):
    """Versions are added and never changed."""

    def update(self, **kwargs: Any) -> int:
        raise TypeError("Versions of mapping tables are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("Versions of mapping tables are never deleted.")


class MappingVersion(models.Model):
    """One whole table of one tenant, for invoices dated `since` and later until the next one.

    `entries`: {source's word: Procountor's name or number}. `difference`, to the version that
    held on that day before: [{word, before, after}], None where there was or is no entry.
    """

    tenant = models.ForeignKey(
        "integrations.Tenant",
        models.PROTECT,
        related_name="mapping_versions",
        verbose_name=_("tenant"),
    )
    table = models.CharField(_("table"), max_length=10, choices=MappingTable)
    since = models.DateField(_("for invoices dated from"))
    entries = models.JSONField(_("entries"), default=dict)
    difference = models.JSONField(_("difference"), default=list)
    reason = models.CharField(_("reason"), max_length=500)
    created_at = models.DateTimeField(_("saved"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("saved by"),
    )
    #: The one that tried it before it was saved.
    rehearsal = models.OneToOneField(
        "integrations.Rehearsal",
        models.PROTECT,
        null=True,
        related_name="mapping_version",
        verbose_name=_("rehearsal"),
    )

    objects = MappingVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("mapping table")
        verbose_name_plural = _("mapping tables")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "table", "since"], name="mappings_by_date")]

    def __str__(self) -> str:
        return f"{self.get_table_display()} {self.since:%Y-%m-%d}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise TypeError("Versions of mapping tables are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Versions of mapping tables are never deleted.")


def versions_of(tenant: Tenant) -> list[MappingVersion]:
    """All of the tenant's, in the order in which later ones win: by first day, then by age."""
    return list(tenant.mapping_versions.order_by("since", "pk"))


def entries_on(tenant: Tenant, table: str, day: dt.date) -> dict[str, Any]:
    """The tenant's own entries for invoices dated `day`. Before its first version the VAT table
    is the setting `vat_status_by_category`."""
    version = tenant.mapping_versions.filter(table=table, since__lte=day)
    newest = version.order_by("-since", "-pk").first()
    if newest is not None:
        return dict(newest.entries)
    return dict(tenant.vat_status_by_category) if table == MappingTable.VAT else {}
