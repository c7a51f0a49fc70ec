"""VAT of a row: whether its rate holds on its day, and which `vatStatus` its category gets.

Source: finnish-invoicing, chapters 1, 2 and 8. Rates and categories are checked, never changed.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from invoices.document import InvoiceDocument, Row, VatCategory
from invoices.mapping.base import ExportSettings, Findings, ReferenceData
from invoices.mapping.numbers import written

_RATES: tuple[tuple[dt.date, frozenset[Decimal]], ...] = tuple(
    (since, frozenset(Decimal(rate) for rate in rates.split()))
    for since, rates in (
        (dt.date.min, "0 8 12 17 22"),
        (dt.date(2010, 7, 1), "0 9 13 23"),
        (dt.date(2013, 1, 1), "0 10 14 24"),
        (dt.date(2024, 9, 1), "0 10 14 25.5"),
        (dt.date(2026, 1, 1), "0 10 13.5 25.5"),
    )
)
_EVERY_RATE = frozenset().union(*(rates for _, rates in _RATES))
#: The `vatStatus` of domestic sales, the only one that takes a rate above 0 %.
_DOMESTIC = 1
#: Without VAT by law only when the invoice says why.
_REASON_REQUIRED = (VatCategory.REVERSE_CHARGE, VatCategory.INTRA_COMMUNITY)
_REASON_ADVISED = (VatCategory.EXEMPT,)


def rates_on(day: dt.date) -> frozenset[Decimal]:
    """Finnish VAT rates in force on `day`, in percent."""
    return next(rates for since, rates in reversed(_RATES) if day >= since)


def supply_day(document: InvoiceDocument, row: Row) -> dt.date:
    """The day whose rates hold: the row's delivery, else the invoice's, else its date."""
    delivered = row.end_date or row.start_date or document.delivery_end or document.delivery_start
    return delivered or document.date


def category_of(row: Row) -> VatCategory | None:
    """The row's category; a positive rate without one is the standard sale, 0 % is a guess."""
    if row.vat_category is None and row.vat_percent > 0:
        return VatCategory.STANDARD
    return row.vat_category


def check_rate(
    document: InvoiceDocument, row: Row, place: str, reference: ReferenceData, found: Findings
) -> None:
    """Stop a rate that is not Finnish or not in use; warn of another day's."""
    rate, shown = row.vat_percent, written(row.vat_percent)
    day = supply_day(document, row)
    if rate not in _EVERY_RATE:
        found.stop("vat_rate_not_finnish", f"{place}.vat_percent", shown, _listed(rates_on(day)))
        return
    # A credit note keeps the rate of the sale it corrects, whatever its own day.
    if rate not in rates_on(day) and document.kind == "invoice":
        found.warn("vat_rate_other_date", f"{place}.vat_percent", shown, _listed(rates_on(day)))
    # 0 % belongs to a status, which is checked itself, rather than to the company's rates.
    if rate and reference.vat_percents is not None and rate not in reference.vat_percents:
        in_use = _listed(reference.vat_percents)
        found.stop("vat_percent_not_in_use", f"{place}.vat_percent", shown, in_use)


def status_of(
    row: Row, place: str, settings: ExportSettings, reference: ReferenceData, found: Findings
) -> int | None:
    """The row's `vatStatus`; None, and told, when category and rate clash or nothing is set."""
    category, place = category_of(row), f"{place}.vat_category"
    if category is None:
        found.stop("vat_category_missing", place)
        return None
    if (category == VatCategory.STANDARD) != (row.vat_percent > 0):
        found.stop("vat_code_conflict", place, f"{category}, {written(row.vat_percent)} %")
        return None
    status = settings.vat_status_by_category.get(str(category))
    if status is None and category == VatCategory.STANDARD:
        status = settings.default_vat_status
    if status is None:
        found.stop("vat_category_unmapped", place, category)
    elif reference.vat_statuses is not None and status not in reference.vat_statuses:
        in_use = ", ".join(str(number) for number in sorted(reference.vat_statuses))
        found.stop("vat_status_not_in_use", place, status, in_use)
    elif status != _DOMESTIC and row.vat_percent > 0:
        found.stop("vat_status_not_domestic", place, status, _DOMESTIC)
    return status


def check_reasons(document: InvoiceDocument, found: Findings) -> None:
    """Stop reverse charge and EU goods without a reason on the invoice; warn for exempt sales.

    Whether the text says the right thing is for people: its wording is free.
    """
    given = bool(document.additional_information)
    told: set[VatCategory] = set()
    for position, row in enumerate(document.rows, 1):
        category = category_of(row)
        if given or row.comment or category is None or category in told:
            continue
        told.add(category)
        if category in _REASON_REQUIRED:
            found.stop("vat_reason_missing", f"rows[{position}].vat_category", category)
        elif category in _REASON_ADVISED:
            found.warn("vat_reason_missing", f"rows[{position}].vat_category", category)


def check_aland(document: InvoiceDocument, found: Findings) -> None:
    """Hold what is sold to Åland: in Finland, but outside the VAT area of the EU."""
    delivery = document.delivery_address
    if document.buyer.address.country == "AX":
        found.stop("aland_held", "buyer.address.country", "AX")
    elif delivery is not None and delivery.country == "AX":
        found.stop("aland_held", "delivery_address.country", "AX")


def _listed(rates: frozenset[Decimal]) -> str:
    return ", ".join(written(rate) for rate in sorted(rates, reverse=True))
