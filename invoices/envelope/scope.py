"""What an envelope is about."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import QuerySet

from integrations.models import Tenant
from invoices.corrections import dated
from invoices.models import Invoice, InvoiceExport

#: A financial year may be 18 months at most (Accounting Act 1336/1997, chapter 1, section 4).
_LONGEST_DAYS = 550


@dataclass(frozen=True)
class Scope:
    """The invoices of one tenant dated `start` to `end`, both included; or one of them."""

    tenant: Tenant
    start: dt.date
    end: dt.date
    number: str = ""

    @property
    def exports(self) -> QuerySet[InvoiceExport]:
        """By the date that counts: as corrected, where it was."""
        if self.number:
            numbered = InvoiceExport.objects.filter(invoice__number=self.number)
            return numbered.filter(tenant=self.tenant)
        return dated(self.tenant, self.start, self.end)

    @property
    def name(self) -> str:
        """Short, for file names: ASCII, no path."""
        if self.number:
            kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in self.number)
            return f"{self.tenant.slug}-{kept[:40]}"
        return f"{self.tenant.slug}-{self.start}-{self.end}"

    @classmethod
    def read(cls, query: str) -> Scope:
        """The scope that `query` wrote."""
        values = dict(parse_qsl(query))
        tenant = Tenant.objects.get(pk=int(values["tenant"]))
        start, end = map(dt.date.fromisoformat, (values["from"], values["to"]))
        return cls(tenant, start, end, values.get("number", ""))

    def query(self) -> str:
        """As an address says it."""
        values = {"tenant": self.tenant.pk, "from": self.start, "to": self.end}
        return urlencode(values | ({"number": self.number} if self.number else {}))

    def as_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant.name,
            "business_id": self.tenant.business_id,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "number": self.number,
        }


def of_invoice(tenant: Tenant, number: str) -> Scope | None:
    """One invoice; None when the tenant has none of that number."""
    found = Invoice.objects.filter(tenant=tenant, number=number, export__isnull=False)
    date = found.values_list("date", flat=True).first()
    return Scope(tenant, date, date, number) if date else None


def of_month(tenant: Tenant, year: int, month: int) -> Scope:
    """The invoices dated in one month."""
    last = calendar.monthrange(year, month)[1]
    return Scope(tenant, dt.date(year, month, 1), dt.date(year, month, last))


def of_span(tenant: Tenant, start: dt.date, end: dt.date) -> Scope:
    """The invoices of a financial year. Raises ValueError when `end` is before `start`, or the
    span is longer than a financial year can be."""
    if end < start:
        raise ValueError("the end is before the start")
    if (end - start).days > _LONGEST_DAYS:
        raise ValueError("longer than a financial year can be")
    return Scope(tenant, start, end)
