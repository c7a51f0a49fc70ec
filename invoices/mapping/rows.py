"""Invoice rows: names, units and figures in the form and precision Procountor keeps.

Source: finnish-invoicing, chapters 5, 7 and 11.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

from invoices.document import InvoiceDocument, Row
from invoices.mapping.base import ExportSettings, Findings
from invoices.mapping.numbers import decimals, plain, written
from invoices.mapping.tables import PRODUCT, UNIT, key_of
from invoices.mapping.text import one_line, split_at
from invoices.mapping.totals import agree, rounded, row_amount, without_vat
from invoices.mapping.units import AMBIGUOUS, NO_UNIT, unit_of

_NAME, _CODE, _COMMENT = 80, 40, 512
#: Decimals seen in Procountor's answers (REFERENCE section 7); more may be rounded there.
_FIGURE_DECIMALS, _PERCENT_DECIMALS = 6, 4
#: Names that tell nothing of what was sold, which the VAT act asks for.
_VAGUE = frozenset({"tuote", "tuotteet", "tavara", "tavaraa", "palvelu", "produkt", "product"})


class Figures(NamedTuple):
    """What is counted: quantity, price of one, discount in percent; `told` keeps the source's
    own figures for people when they could not be carried."""

    quantity: Decimal
    unit_price: Decimal
    discount_percent: Decimal
    told: str = ""


def figures_of(row: Row, unit: str) -> Figures:
    """The row's figures with the sign on the quantity; one piece at the row's amount when they
    have more decimals than Procountor keeps."""
    quantity, price, percent = row.quantity, row.unit_price, row.discount_percent
    fits = max(decimals(quantity), decimals(price)) <= _FIGURE_DECIMALS
    told = ""
    if not fits or decimals(percent) > _PERCENT_DECIMALS:
        told = f"{written(quantity)} {unit}".rstrip() + f" × {written(price)}"
        told += f" - {written(percent)} %" if percent else ""
        quantity, price, percent = Decimal(1), row_amount(quantity, price, percent), Decimal(0)
    if price < 0:
        quantity, price = quantity.copy_negate(), price.copy_negate()
    return Figures(quantity, price, percent, told)


def row_of(
    document: InvoiceDocument,
    row: Row,
    place: str,
    vat_status: int | None,
    settings: ExportSettings,
    found: Findings,
) -> dict[str, Any]:
    """One of the payload's `invoiceRows`; `vatStatus` only when the row has its own."""
    name, rest_of_name = split_at(one_line(row.name), _NAME)
    if name.casefold() in _VAGUE:
        found.warn("row_name_vague", f"{place}.name", name)
    unit, original_unit = _unit_of(row, f"{place}.unit", settings, found)
    figures = figures_of(row, one_line(row.unit))
    comment = "\n".join(
        part for part in (rest_of_name, original_unit, figures.told, row.comment) if part
    )
    fields: dict[str, Any] = {
        "productId": settings.products.get(key_of(PRODUCT, row.code)) if row.code else None,
        "product": found.text(name, f"{place}.name"),
        "productCode": found.text(row.code, f"{place}.code", _CODE),
        "quantity": plain(figures.quantity),
        "unit": unit,
        "unitPrice": plain(figures.unit_price),
        "discountPercent": plain(figures.discount_percent),
        "vatPercent": plain(row.vat_percent),
        "vatStatus": vat_status,
        "comment": found.lines(comment, f"{place}.comment", _COMMENT),
    }
    _check_amount(document, row, place, found)
    fields |= dates_of(row.start_date, row.end_date, f"{place}.end_date", found)
    return {key: value for key, value in fields.items() if value not in ("", None)}


def dates_of(
    start: dt.date | None, end: dt.date | None, end_place: str, found: Findings
) -> dict[str, str]:
    """`startDate` and `endDate`; a single day is both."""
    first, last = start or end, end or start
    if first is None or last is None:
        return {}
    if last < first:
        found.stop("period_reversed", end_place, last, first)
    return {"startDate": first.isoformat(), "endDate": last.isoformat()}


def _unit_of(row: Row, place: str, settings: ExportSettings, found: Findings) -> tuple[str, str]:
    """Procountor's unit, and the source's word where Procountor has none for it."""
    word = one_line(row.unit)
    own = settings.units.get(key_of(UNIT, word))
    if own is not None:
        return own, ""
    unit = unit_of(word)
    if unit is None:
        found.warn("unit_unknown", place, word)
        return NO_UNIT, word
    if word.casefold() in AMBIGUOUS:
        found.warn("unit_ambiguous", place, word, unit)
    return unit, ""


def _check_amount(document: InvoiceDocument, row: Row, place: str, found: Findings) -> None:
    """The row's stated amount without VAT against its own figures."""
    if row.net_amount is None:
        return
    amount = row_amount(row.quantity, row.unit_price, row.discount_percent)
    if document.prices_include_vat:
        amount = without_vat(amount, row.vat_percent)
    if not agree(amount, rounded(row.net_amount), 1):
        stated = written(row.net_amount)
        found.stop("totals_differ", f"{place}.net_amount", stated, format(amount, "f"))
