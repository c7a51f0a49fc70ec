"""Refunds whose amount is not what their lines give: an amount without lines, or a round sum."""

from __future__ import annotations

from decimal import Decimal

from invoices.intake.figures import tolerance
from invoices.intake.values import Log, money
from invoices.mapping.totals import without_vat
from invoices.shops.reading.lines import Line, Sum
from invoices.shops.reading.settings import ShopSettings
from invoices.shops.reading.words import word


def with_difference(
    back: list[Line],
    sold: list[Line],
    amount: Decimal,
    inclusive: bool,
    settings: ShopSettings,
    log: Log,
    place: str,
) -> tuple[list[Line], Sum]:
    """The refund's lines, with one row more for what they do not give of `amount` (below zero)
    where that is allowed and all that was sold has one rate; else an error with both numbers."""
    tax = sum((line.tax for line in back), Decimal(0))
    counted = sum((line.amount for line in back), Decimal(0)) + (Decimal(0) if inclusive else tax)
    rest = amount - counted
    if abs(rest) <= tolerance(len(back)) and back:
        return back, Sum(amount, tax)
    treatments = {(line.rate, line.category, line.country) for line in sold if line.amount}
    if not settings.amount_only_row or len(treatments) != 1:
        code = "totals_differ" if back else "shop_refund_without_lines"
        log.error(code, place, amount, counted)
        return back, Sum(amount, tax)
    rate, category, country = treatments.pop()
    net = without_vat(rest, rate or Decimal(0))
    row = Line(
        name=word("refund", settings.language),
        quantity=Decimal(1),
        amount=money(rest if inclusive else net),
        tax=money(rest - net),
        rate=rate,
        place=place,
        country=country,
        category=category,
    )
    return [*back, row], Sum(amount, tax + row.tax)
