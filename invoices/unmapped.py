"""Collects what a tenant's sources call things and no table knows, or only a default stands for.

Counted over its newest invoices by the tables in force on each invoice's date. Reads only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils import timezone

from integrations.models import Tenant
from invoices import corrections
from invoices.mapping import ExportSettings, tables
from invoices.mapping.codes import COUNTRIES
from invoices.mapping.units import AMBIGUOUS, unit_of
from invoices.models import InvoiceExport
from invoices.preflight import settings_of

DAYS = 90
#: Of a tenant that has more invoices the newest are looked at.
MOST = 3000


@dataclass
class Unmapped:
    """One word of a source: in how many invoices, and their euros with VAT. `fallback` is what
    is sent for it; "" when the invoice is held."""

    table: str
    word: str
    fallback: str
    count: int = 0
    total: Decimal = field(default_factory=Decimal)


def unmapped(tenant: Tenant) -> list[Unmapped]:
    """Of the last 90 days, the most frequent first; what is held stands before fallbacks."""
    settings = settings_of(tenant)
    since = timezone.now() - dt.timedelta(days=DAYS)
    newest = InvoiceExport.objects.filter(tenant=tenant, invoice__created_at__gte=since)
    rows = list(
        newest.order_by("-pk")[:MOST].values_list(
            *("pk", "corrections", "invoice__content"),
            *("invoice__currency", "invoice__gross_total"),
        )
    )
    newer = corrections.contents_of(row[0] for row in rows if row[1])
    found: dict[tuple[str, str], Unmapped] = {}
    by_day: dict[dt.date, ExportSettings] = {}
    for pk, _version, received, currency, total in rows:
        content = newer.get(pk, received)
        date = dt.date.fromisoformat(content["date"])
        in_force = by_day.setdefault(date, settings.on(date))
        for key, fallback in set(_words(content, in_force)):
            entry = found.setdefault(key, Unmapped(*key, fallback))
            entry.count += 1
            entry.total += total if currency == "EUR" else 0
    return sorted(found.values(), key=lambda entry: (bool(entry.fallback), -entry.count))


def _words(
    content: dict[str, Any], settings: ExportSettings
) -> Iterator[tuple[tuple[str, str], str]]:
    """((table, word), what is sent for it)."""
    yield from _countries(content, settings)
    method = tables.key_of(tables.PAYMENT, content.get("payment_method", ""))
    known = {*settings.payment_methods, *map(str.casefold, tables.PAYMENT_METHODS), ""}
    if method not in known:
        yield (tables.PAYMENT, method), ""
    for row in content.get("rows", []):
        yield from _of_row(row, settings)


def _of_row(row: dict[str, Any], settings: ExportSettings) -> Iterator[tuple[tuple[str, str], str]]:
    word = tables.key_of(tables.UNIT, row.get("unit", ""))
    if word not in settings.units:
        unit = unit_of(word)
        if unit is None or word in AMBIGUOUS:
            yield (tables.UNIT, word), unit or "NO_UNIT"
    category = row.get("vat_category") or ""
    if category not in ("", "S") and category not in settings.vat_status_by_category:
        yield (tables.VAT, category), ""
    code = tables.key_of(tables.PRODUCT, row.get("code", ""))
    if code and settings.products and code not in settings.products:
        yield (tables.PRODUCT, code), "–"


def _countries(
    content: dict[str, Any], settings: ExportSettings
) -> Iterator[tuple[tuple[str, str], str]]:
    addresses = [content.get("buyer", {}).get("address", {})]
    addresses += [
        content[name] for name in ("billing_address", "delivery_address") if name in content
    ]
    for address in addresses:
        word = tables.key_of(tables.COUNTRY, (address or {}).get("country", ""))
        if address is not None and word not in COUNTRIES and word not in settings.countries:
            yield (tables.COUNTRY, word), "" if word else "FINLAND"
