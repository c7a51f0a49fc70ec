"""When evidence ends: the financial year it belongs to, and the tenant's years.

Source: Accounting Act 1336/1997, chapter 2, section 10: vouchers six years from the end of the
calendar year in which the financial year ended, books ten.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from invoices.corrections import expected_of
from invoices.evidence.chains import financial_year
from invoices.models import AuditEvent, InvoiceExport


def last_day(ends_on: dt.date, years: int) -> dt.date:
    """The last day on which what belongs to a financial year is kept."""
    return dt.date(ends_on.year + years, 12, 31)


def is_over(ends_on: dt.date, years: int, today: dt.date | None = None) -> bool:
    """Whether the last day is past. Today by UTC, as the database's triggers have it: two or
    three hours after it is in Finland, and never before."""
    return (today or timezone.now().astimezone(dt.UTC).date()) > last_day(ends_on, years)


def kept_until(export: InvoiceExport) -> dt.date:
    """The last day on which an export is kept as it is now, with all that belongs to it: of the
    later of its invoice's financial year and the one in which something last happened to it."""
    newest = AuditEvent.objects.filter(export=export).order_by("-pk").first()
    moments = [export.changed_at, *([newest.at] if newest else [])]
    days = [expected_of(export).date, *(timezone.localdate(moment) for moment in moments)]
    _start, end = financial_year(export.tenant_id, max(days))
    return last_day(end, export.tenant.retention_years)
