"""From a shop's lines to the rows of a document that give the order's total to the cent.

The shop's own amounts win. Quantity and price are made to give them (four decimals, else one
piece at the amount), as intake does; what rounding leaves over becomes a row of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from invoices.document import VatCategory
from invoices.intake.figures import price_from_net, rounding_row, tolerance
from invoices.intake.values import CENT, Log, money
from invoices.mapping.totals import Totals, totals_of, without_vat
from invoices.shops.reading.settings import ShopSettings

_PRECISION = 60
#: How far a line's VAT may be from its amount times its rate: shops round a piece or a line.
_SLACK = 2 * CENT


@dataclass
class Line:
    """What a shop sold or gave back in one line, discounts already taken off. `amount` is with
    VAT exactly when the shop's prices are. `rate` is None where the shop names no tax; `country`
    is whose tax it says it is, "" when it does not say."""

    name: str
    quantity: Decimal
    amount: Decimal
    tax: Decimal
    rate: Decimal | None
    place: str
    code: str = ""
    country: str = ""
    comment: str = ""
    is_goods: bool | None = None
    category: VatCategory | None = None


@dataclass(frozen=True)
class Sum:
    """An order's or a refund's totals as the shop states them, refunds below zero."""

    gross: Decimal
    tax: Decimal


def rows_of(
    lines: list[Line], stated: Sum, inclusive: bool, settings: ShopSettings, log: Log, place: str
) -> list[dict[str, Any]]:
    """Rows whose totals are what the shop states, or errors in `log` with both numbers."""
    with localcontext() as context:
        context.prec = _PRECISION
        _give_free_lines_a_rate(lines)
        for line in lines:
            if line.rate is not None:
                _check_tax(line, inclusive, log)
        rows = [_row(line, inclusive) for line in lines]
        if log.errors or not rows:
            return rows
        counted = totals_of(map(_as_mapped, rows), prices_include_vat=inclusive)
        _check_vat_total(counted, stated, len(rows), log, place)
        return _closed(rows, counted.gross, stated.gross, settings, log, place)


def _give_free_lines_a_rate(lines: list[Line]) -> None:
    """A line of nothing has no tax that says its rate: it takes the first rate of the others."""
    known = next((line for line in lines if line.rate), None)
    for line in lines:
        if line.rate is None and not line.amount:
            line.rate = known.rate if known else Decimal(0)
            line.category = None if known else VatCategory.OUTSIDE_SCOPE


def _check_tax(line: Line, inclusive: bool, log: Log) -> None:
    rate = line.rate
    assert rate is not None
    if inclusive:
        expected = line.amount - without_vat(line.amount, rate)
    else:
        expected = money(line.amount * rate / 100)
    if abs(expected - line.tax) > _SLACK:
        log.error("shop_tax_differs", line.place, line.tax, f"{expected} ({rate:f} %)")


def _row(line: Line, inclusive: bool) -> dict[str, Any]:
    price = price_from_net(line.quantity, "", line.amount, "")
    return {
        "name": line.name,
        "code": line.code,
        "quantity": price.quantity,
        "unit_price": price.unit_price,
        "vat_percent": line.rate or Decimal(0),
        "vat_category": line.category,
        "net_amount": line.amount - line.tax if inclusive else line.amount,
        "comment": line.comment,
    }


def _as_mapped(row: dict[str, Any]) -> dict[str, Any]:
    """The row in the names that mapping counts with."""
    return {
        "vatPercent": row["vat_percent"],
        "quantity": row["quantity"],
        "unitPrice": row["unit_price"],
        "discountPercent": Decimal(0),
    }


def _check_vat_total(counted: Totals, stated: Sum, rows: int, log: Log, place: str) -> None:
    if abs(counted.vat - stated.tax) > tolerance(rows):
        log.error("shop_tax_differs", place, stated.tax, counted.vat)


def _closed(
    rows: list[dict[str, Any]],
    counted: Decimal,
    stated: Decimal,
    settings: ShopSettings,
    log: Log,
    place: str,
) -> list[dict[str, Any]]:
    """With a row for what rounding leaves over, or an error with both numbers."""
    rest = stated - counted
    if not rest:
        return rows
    if abs(rest) > tolerance(len(rows)) or not settings.rounding_row:
        log.error("totals_differ", place, stated, counted)
        return rows
    return [*rows, rounding_row(rest, settings.language).fields]
