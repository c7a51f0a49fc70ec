"""Rows whose figures give the amount the buyer was told, whatever the format.

The row's stated net amount always wins; quantity and price are made to give it (finnish-invoicing
rules, chapters 5 and 11). Nothing here changes an amount.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from invoices.document import VatCategory
from invoices.intake.node import trimmed
from invoices.intake.values import CENT, money

MAX_ROWS = 10_000
ROUNDING_NAMES = {"SV": "Avrundning", "EN": "Rounding"}
#: A unit price of more decimals is not sent: quantity 1 × net instead.
PRICE_STEP = Decimal("0.0001")
_STEP = Decimal("0.00000001")


@dataclass
class RowDraft:
    """`fields` as in `invoices.document.Row`; `net` is what the row adds to the net total."""

    fields: dict[str, Any]
    net: Decimal
    rounding: bool = False


@dataclass
class Rows:
    """`complete` is False when a row could not be read, so sums prove nothing."""

    drafts: list[RowDraft] = field(default_factory=list)
    complete: bool = True


@dataclass(frozen=True)
class Price:
    """Quantity, price of one and discount percent of a row; `note` has the source's own figures
    when they could not be kept."""

    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    unit: str
    note: str = ""


def stated_price(
    quantity: Decimal, price: Decimal | None, discount: Decimal, unit: str, net: Decimal
) -> Price | None:
    """The source's figures, the sign on the quantity, when they give `net` within a cent."""
    if price is None or price != price.quantize(_STEP):
        return None
    if price < 0:
        quantity, price = -quantity, -price
    for count in (quantity, -quantity):
        if abs(count * price * (1 - discount / 100) - net) <= CENT:
            return Price(count, trimmed(price), discount, unit)
    return None


def price_from_net(quantity: Decimal, unit: str, net: Decimal, note: str = "") -> Price:
    """Figures made from `net`: a price of at most four decimals if one is exact, else 1 × net."""
    if quantity:
        count = -abs(quantity) if net < 0 else abs(quantity)
        each = (net / count).quantize(PRICE_STEP)
        if each * count == net:
            return Price(count, trimmed(each), Decimal(0), unit, note)
    return Price(Decimal(-1 if net < 0 else 1), money(abs(net)), Decimal(0), "", note)


def row_of_amount(name: str, net: Decimal, rate: Decimal, category: VatCategory | None) -> RowDraft:
    """A row for a charge, a discount (quantity −1) or a rounding of the whole invoice."""
    net = money(net)
    fields = {
        "name": name,
        "quantity": Decimal(-1 if net < 0 else 1),
        "unit_price": abs(net),
        "vat_percent": rate,
        "vat_category": category,
        "net_amount": net,
    }
    return RowDraft(fields, net)


def rounding_row(amount: Decimal, language: str) -> RowDraft:
    """Rounding is outside the scope of VAT."""
    name = ROUNDING_NAMES.get(language, "Pyöristys")
    draft = row_of_amount(name, amount, Decimal(0), VatCategory.OUTSIDE_SCOPE)
    draft.rounding = True
    return draft


def tolerance(rows: int) -> Decimal:
    """What totals may differ: a cent a row and one more."""
    return CENT * (rows + 1)
