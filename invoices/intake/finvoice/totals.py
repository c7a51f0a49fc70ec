"""Header charges, discounts and rounding as rows, and the rows against the stated totals.

The total the buyer was told is the truth; a difference of more than 0.01 a row + 0.01 refuses
the invoice with both numbers (finnish-invoicing rules, chapter 5). Nothing is ever adjusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from invoices.intake.figures import RowDraft, Rows, rounding_row, row_of_amount, tolerance
from invoices.intake.finvoice.vat import VatCodes
from invoices.intake.node import Node
from invoices.intake.values import CENT, money

_NET = "InvoiceDetails/InvoiceTotalVatExcludedAmount"
_VAT = "InvoiceDetails/InvoiceTotalVatAmount"
_GROSS = "InvoiceDetails/InvoiceTotalVatIncludedAmount"
_ROUNDING = "InvoiceDetails/InvoiceTotalRoundoffAmount"


@dataclass(frozen=True)
class Totals:
    """Totals as stated, without the rounding; None where the invoice states none.

    `rounding` is what rounding adds to what is to be paid; `rounded_gross` tells that the
    stated gross total has it in already.
    """

    net: Decimal | None
    vat: Decimal | None
    gross: Decimal | None
    rounding: Decimal = Decimal(0)
    rounded_gross: bool = False

    @property
    def stated(self) -> bool:
        return self.net is not None or self.gross is not None

    def final_net(self) -> Decimal | None:
        return None if self.net is None else self.net + self.rounding

    def final_gross(self) -> Decimal | None:
        if self.gross is None or self.rounded_gross:
            return self.gross
        return self.gross + self.rounding


def read_totals(finvoice: Node) -> Totals:
    """The stated totals; warns when there are none to compare with."""
    net, vat, gross = finvoice.number(_NET), finvoice.number(_VAT), finvoice.number(_GROSS)
    rounding = finvoice.number(_ROUNDING) or Decimal(0)
    included = False
    if rounding and net is not None and vat is not None and gross is not None:
        included = gross == net + vat + rounding and gross != net + vat
    if net is None and gross is None:
        finvoice.log.warn("totals_missing", _GROSS)
    return Totals(net, vat, gross, rounding, included)


def add_header_rows(
    finvoice: Node, rows: Rows, codes: VatCodes, totals: Totals, language: str, credit: bool
) -> None:
    """Charges and discounts of the header, and the rounding, as rows of their own."""
    extra = _adjustments(finvoice, rows, codes, credit)
    if extra and totals.net is not None and rows.complete:
        sold = sum((row.net for row in rows.drafts), Decimal(0))
        change = sum((row.net for row in extra), Decimal(0))
        slack = tolerance(len(rows.drafts))
        if abs(sold - totals.net) <= slack < abs(sold + change - totals.net):
            finvoice.log.warn("header_charge_informational", "InvoiceDetails", change)
            extra = []
    rows.drafts += extra
    if totals.rounding:
        rows.drafts.append(rounding_row(totals.rounding, language))


def _adjustments(finvoice: Node, rows: Rows, codes: VatCodes, credit: bool) -> list[RowDraft]:
    extra: list[RowDraft] = []
    sides = (("ChargeDetails", 1, "Lisä"), ("DiscountDetails", -1, "Alennus"))
    for element, sign, default_name in sides:
        for node in finvoice.children(f"InvoiceDetails/{element}"):
            amount = _amount(node, rows)
            if not amount:
                continue
            rate = _rate(node, rows)
            if rate is None:
                rows.complete = False
                continue
            if credit or sign < 0:
                amount = abs(amount)
            net = amount * (-sign if credit else sign)
            name = node.text("ReasonText") or node.text("FreeText") or default_name
            category = codes.category(node, "VatCategoryCode", rate)
            extra.append(row_of_amount(name, net, rate, category))
    return extra


def _amount(node: Node, rows: Rows) -> Decimal | None:
    if node.text("Amount"):
        return node.number("Amount")
    percent, base = node.percent("Percent"), node.number("BaseAmount")
    if percent is None:
        return None
    if base is None:
        base = sum((row.net for row in rows.drafts), Decimal(0))
    return money(base * percent / 100)


def _rate(node: Node, rows: Rows) -> Decimal | None:
    """The stated rate, or the rows' rate when they all share one."""
    if node.text("VatRatePercent"):
        return node.percent("VatRatePercent")
    rates: set[Decimal] = {row.fields["vat_percent"] for row in rows.drafts}
    if len(rates) == 1:
        return rates.pop()
    node.missing("VatRatePercent")
    return None


def check_totals(finvoice: Node, rows: Rows, totals: Totals) -> None:
    """Error `totals_differ` for every stated total the figures do not give."""
    stated_gross = totals.gross
    if totals.rounded_gross and stated_gross is not None:
        stated_gross -= totals.rounding
    if totals.net is not None and totals.vat is not None and stated_gross is not None:
        _compare(finvoice, _GROSS, stated_gross, totals.net + totals.vat, CENT)
    if not rows.complete or not rows.drafts:
        return
    sold = [row for row in rows.drafts if not row.rounding]
    slack = tolerance(len(sold))
    net = sum((row.net for row in sold), Decimal(0))
    vat = sum((money(row.net * row.fields["vat_percent"] / 100) for row in sold), Decimal(0))
    _compare(finvoice, _NET, totals.net, net, slack)
    _compare(finvoice, _VAT, totals.vat, vat, slack)
    _compare(finvoice, _GROSS, stated_gross, net + vat, slack)


def _compare(
    finvoice: Node, path: str, stated: Decimal | None, counted: Decimal, slack: Decimal
) -> None:
    reported = any(
        found.code == "totals_differ" and found.place == path for found in finvoice.log.errors
    )
    if stated is not None and abs(stated - counted) > slack and not reported:
        finvoice.log.error("totals_differ", path, money(stated), money(counted))
