"""The VAT treatment of a shop's lines: what is certain, what is refused, what is left open.

A rate above 0 % is the shop's own. At 0 % the category is set only where destination, buyer and
goods leave one answer; else it stays open, and mapping holds the invoice as it does from files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from invoices.document import VatCategory
from invoices.intake.values import Log
from invoices.shops.reading.lines import Line

_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(_MEMBERS.split())
#: No export and no sale within the EU's VAT area that could be told from the country alone:
#: Åland, Northern Ireland, and territories that share a member's code or have rules of their own.
_UNCERTAIN = frozenset({"", "AX", "GB", "XI", "IC", "EA", "MC", "IM", "GP", "MQ", "RE", "GF", "YT"})
#: Finland's standard rate is no other member's.
_ONLY_FINNISH = frozenset({Decimal("25.5")})
_VAT_NUMBER = re.compile(r"([A-Z]{2})[0-9A-Z+*]{2,13}")


@dataclass(frozen=True)
class Sale:
    """Where the goods go (ISO 3166), the buyer's VAT number, and whether all is shipped."""

    destination: str
    vat_number: str = ""
    goods_only: bool = False


def judge(lines: list[Line], sale: Sale, log: Log) -> None:
    """Set each line's category where it is certain; refuse rates of another country."""
    for line in lines:
        if line.category is not None:
            continue
        if line.rate:
            _judge_rate(line, sale, log)
        elif line.amount:
            line.category = _without_vat(line, sale)


def _judge_rate(line: Line, sale: Sale, log: Log) -> None:
    rate = f"{line.rate or Decimal(0):f} %"
    if line.country not in ("", "FI"):
        log.error("shop_foreign_vat", line.place, rate, line.country)
    elif not (line.country or sale.destination in ("", "FI", "AX") or line.rate in _ONLY_FINNISH):
        log.error("shop_foreign_vat", line.place, rate, sale.destination)
    line.category = VatCategory.STANDARD


def _without_vat(line: Line, sale: Sale) -> VatCategory | None:
    if not (line.is_goods or sale.goods_only) or sale.destination in _UNCERTAIN | {"FI"}:
        return None
    if sale.destination not in EU:
        return VatCategory.EXPORT
    number = _VAT_NUMBER.fullmatch(sale.vat_number)
    if number and number[1].replace("EL", "GR") in EU - {"FI"}:
        return VatCategory.INTRA_COMMUNITY
    return None
