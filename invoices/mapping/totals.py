"""Totals counted from rows as Procountor will count them, in `Decimal`.

Each row is rounded to two decimals half away from zero, then VAT once per rate (EN 16931);
Procountor's own rounding is not documented, so comparisons allow a cent a row and one more.
Source: finnish-invoicing, chapter 5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import lru_cache
from typing import Any, NamedTuple

CENT = Decimal("0.01")
#: Wide enough that no product of the document's figures (18 digits each) is ever rounded.
WIDE = Context(prec=100, rounding=ROUND_HALF_UP)
_HUNDRED = Decimal(100)


class Totals(NamedTuple):
    """In the invoice's currency; gross is net and VAT together."""

    net: Decimal
    vat: Decimal
    gross: Decimal


def rounded(amount: Decimal) -> Decimal:
    """Two decimals, half away from zero."""
    return amount.quantize(CENT, context=WIDE)


@lru_cache(maxsize=4096)
def row_amount(quantity: Decimal, unit_price: Decimal, discount_percent: Decimal) -> Decimal:
    """The row after discount, two decimals; with VAT when the unit price is."""
    with localcontext(WIDE):
        return rounded(quantity * unit_price * (_HUNDRED - discount_percent) / _HUNDRED)


def without_vat(amount: Decimal, vat_percent: Decimal) -> Decimal:
    """The part of a gross `amount` that is not VAT, two decimals."""
    with localcontext(WIDE):
        return amount - rounded(amount * vat_percent / (_HUNDRED + vat_percent))


def totals_of(rows: Iterable[dict[str, Any]], *, prices_include_vat: bool) -> Totals:
    """Totals of `invoiceRows` of a payload."""
    amounts: dict[Decimal, Decimal] = defaultdict(Decimal)
    with localcontext(WIDE):
        for row in rows:
            amounts[Decimal(row["vatPercent"])] += row_amount(
                Decimal(row["quantity"]),
                Decimal(row["unitPrice"]),
                Decimal(row["discountPercent"]),
            )
        net = vat = Decimal(0)
        for percent, amount in amounts.items():
            if prices_include_vat:
                base = without_vat(amount, percent)
                tax = amount - base
            else:
                base, tax = amount, rounded(amount * percent / _HUNDRED)
            net, vat = net + base, vat + tax
        return Totals(rounded(net), rounded(vat), rounded(net + vat))


def tolerance(rows: int) -> Decimal:
    """How far two totals of so many rows may differ by rounding alone."""
    return CENT * (rows + 1)


def agree(one: Decimal, other: Decimal, rows: int) -> bool:
    """Whether two totals of so many rows differ by rounding alone."""
    with localcontext(WIDE):
        return abs(one - other) <= tolerance(rows)
