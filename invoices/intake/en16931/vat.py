"""VAT category and rate of a line, charge or breakdown. Source: EN 16931-1, BR-S to BR-O."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from invoices.document import VatCategory
from invoices.intake.en16931.node import EnNode

#: Of other countries: Canary Islands, Ceuta and Melilla, Italian split payment.
_REFUSED = frozenset({"L", "M", "B"})


class Vat(NamedTuple):
    """`category` is None when what the code means here is not certain."""

    rate: Decimal
    category: VatCategory | None


def vat_of(node: EnNode, category_path: str, rate_path: str) -> Vat | None:
    """What the element says of its VAT; None, and an error, when it cannot be told."""
    code = node.required(category_path).upper()
    if not code:
        return None
    place = node.place(category_path)
    if code in _REFUSED:
        node.log.error("vat_code_refused", place, code)
        return None
    if code not in set(VatCategory):
        node.log.error("not_allowed", place, code, ", ".join(VatCategory))
        return None
    rate = _rate(node, rate_path, code)
    if rate is None:
        return None
    if rate > 0 and code != "S":
        node.log.error("vat_code_conflict", place, f"{code} {rate} %", "S")
        return None
    if rate == 0 and code == "S":
        node.log.warn("vat_code_doubtful", place, code)
        return Vat(rate, None)
    return Vat(rate, VatCategory(code))


def _rate(node: EnNode, path: str, code: str) -> Decimal | None:
    if code != "S" and not node.text(path):
        return Decimal(0)
    return node.percent(path) if node.required(path) else None
