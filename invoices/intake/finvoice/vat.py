"""VAT category of a row: what the code means depends on the Finvoice version.

Source: finnish-invoicing rules, chapter 2. None means "not known"; mapping holds such a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from invoices.document import VatCategory
from invoices.intake.node import Node

#: EU members but Finland (Greece is also seen as EL).
EU = frozenset(
    [
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FR", "GR", "HR", "HU",
        "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    ]
)  # fmt: skip
#: Standard rate under other names: lower and higher rate of UNCL 5305.
_ALSO_STANDARD = frozenset({"AA", "H"})
_FROM_THREE = Decimal("3.0")


@dataclass(frozen=True)
class VatCodes:
    """What is needed to understand a code: the version, the buyer's country, and the codes the
    VAT specification gives per rate (rows often leave theirs out)."""

    new_list: bool
    country: str
    by_rate: dict[Decimal, str]

    def category(self, node: Node, code_path: str, rate: Decimal) -> VatCategory | None:
        """The category of a row, charge or discount; conflicts are errors, doubts warnings."""
        code = node.text(code_path).upper() or self.by_rate.get(rate, "")
        place = node.place(code_path)
        if code in _ALSO_STANDARD and rate > 0:
            code = "S"
        if rate > 0:
            if code not in ("", "S"):
                node.log.error("vat_code_conflict", place, f"{code} {rate} %", "S")
            return VatCategory.STANDARD
        if code == "":
            node.log.warn("vat_code_missing", place)
            return None
        return self._zero_rated(node, place, code)

    def _zero_rated(self, node: Node, place: str, code: str) -> VatCategory | None:
        if code in ("L", "M", "B"):
            node.log.error("vat_code_refused", place, code)
            return None
        if not self.new_list and code in ("E", "K"):
            if self.country in EU:
                return VatCategory.INTRA_COMMUNITY
            node.log.warn("vat_code_doubtful", place, code)
            return None
        if code == "S" or code not in set(VatCategory):
            node.log.warn("vat_code_doubtful", place, code)
            return None
        return VatCategory(code)


def vat_codes(finvoice: Node, country: str) -> VatCodes:
    """Read the version and the VAT specification. A rate with two codes settles nothing."""
    seen: dict[Decimal, set[str]] = {}
    for part in finvoice.children("InvoiceDetails/VatSpecificationDetails"):
        rate, code = part.percent("VatRatePercent"), part.text("VatCode").upper()
        if rate is not None:
            seen.setdefault(rate, set()).add(code)
    by_rate = {rate: codes.copy().pop() for rate, codes in seen.items() if len(codes) == 1}
    return VatCodes(_is_new(finvoice), country, by_rate)


def _is_new(finvoice: Node) -> bool:
    version = (finvoice.element.get("Version") or "").strip()
    if version not in ("1.1", "1.2", "1.3", "2.0", "2.01", "3.0"):
        finvoice.log.warn("version_unknown", "Finvoice/@Version", version)
    try:
        return Decimal(version[:8]) >= _FROM_THREE
    except ArithmeticError:
        path = "MessageTransmissionDetails/MessageDetails/SpecificationIdentifier"
        return finvoice.text(path).startswith("EN16931")
