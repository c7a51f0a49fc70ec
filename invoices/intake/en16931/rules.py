"""What the figures of an EN 16931 invoice have to give, and the totals they are held against.

Source: EN 16931-1, BR-CO-10 to BR-CO-17 and the rules of the VAT breakdown (BR-S-8 and its
likes). Sums have to be exact; a VAT amount, and the base of a rate, may differ by a cent a row
and one more. Nothing is ever adjusted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from invoices.intake.en16931.node import EnNode
from invoices.intake.en16931.rows import lines_of
from invoices.intake.en16931.syntax import Syntax
from invoices.intake.en16931.vat import Vat, vat_of
from invoices.intake.figures import RowDraft, Rows, tolerance
from invoices.intake.values import money

ZERO = Decimal(0)


@dataclass(frozen=True)
class Stated:
    """The totals as they stand in the file, None where it has none or they cannot be read."""

    lines: Decimal | None
    allowances: Decimal | None
    charges: Decimal | None
    net: Decimal | None
    vat: Decimal | None
    gross: Decimal | None
    prepaid: Decimal | None
    rounding: Decimal
    payable: Decimal | None


@dataclass(frozen=True)
class _Group:
    node: EnNode
    base: Decimal | None
    amount: Decimal | None
    vat: Vat | None


def read_totals(invoice: EnNode, syntax: Syntax, currency: str) -> Stated:
    paths = syntax.totals
    return Stated(
        lines=invoice.amount(paths.lines),
        allowances=invoice.number(paths.allowances),
        charges=invoice.number(paths.charges),
        net=invoice.amount(paths.net),
        vat=_vat(invoice, syntax, currency),
        gross=invoice.amount(paths.gross),
        prepaid=invoice.number(paths.prepaid),
        rounding=invoice.number(paths.rounding) or ZERO,
        payable=invoice.amount(paths.payable),
    )


def _in_currency(node: EnNode, path: str, currency: str) -> bool:
    return node.attribute(path, "currencyID").upper() in ("", currency)


def _vat(invoice: EnNode, syntax: Syntax, currency: str) -> Decimal | None:
    """BT-110: the VAT in the invoice's own currency. BT-111 tells it in another."""
    path = syntax.totals.vat
    for node in (EnNode(found, invoice.log, path, invoice.index) for found in invoice.found(path)):
        if _in_currency(node, ".", currency):
            return node.number(".")
    invoice.missing(path)
    return None


def check_rules(
    invoice: EnNode, syntax: Syntax, stated: Stated, rows: Rows, sign: int, currency: str
) -> None:
    """Error `totals_differ` wherever a stated total is not what its rule gives."""
    paths = syntax.totals
    check = _Check(invoice)
    groups = _groups(invoice, syntax, currency)
    if stated.net is not None and stated.vat is not None:
        check.exact("BR-CO-15", paths.gross, stated.gross, stated.net + stated.vat)
    if stated.gross is not None:
        payable = stated.gross - (stated.prepaid or ZERO) + stated.rounding
        check.exact("BR-CO-16", paths.payable, stated.payable, payable)
    if stated.lines is not None:
        net = stated.lines - (stated.allowances or ZERO) + (stated.charges or ZERO)
        check.exact("BR-CO-13", paths.net, stated.net, net)
    amounts = [group.amount for group in groups]
    if all(amount is not None for amount in amounts):
        total = sum((amount for amount in amounts if amount is not None), ZERO)
        check.exact("BR-CO-14", paths.vat, stated.vat, total)
    if rows.complete and rows.drafts:
        count = len(lines_of(invoice, syntax))
        own, extra = rows.drafts[:count], rows.drafts[count:]
        _check_sums(check, syntax, stated, own, extra, sign)
        _check_groups(check, invoice, syntax, groups, rows.drafts, sign)


@dataclass(frozen=True)
class _Check:
    invoice: EnNode

    def exact(self, rule: str, path: str, stated: Decimal | None, counted: Decimal) -> None:
        self.near(rule, path, stated, counted, ZERO)

    def near(
        self, rule: str, path: str, stated: Decimal | None, counted: Decimal, slack: Decimal
    ) -> None:
        if stated is not None and abs(money(stated) - money(counted)) > slack:
            place = f"{path} ({rule})"
            self.invoice.log.error("totals_differ", place, money(stated), money(counted))


def _check_sums(
    check: _Check,
    syntax: Syntax,
    stated: Stated,
    own: list[RowDraft],
    extra: list[RowDraft],
    sign: int,
) -> None:
    paths = syntax.totals
    signed = [sign * row.net for row in extra]
    check.exact("BR-CO-10", paths.lines, stated.lines, sign * sum((r.net for r in own), ZERO))
    # Both are sums of amounts that may be negative themselves, so only the difference is certain.
    given = (stated.charges or ZERO) - (stated.allowances or ZERO)
    check.exact("BR-CO-11, BR-CO-12", paths.allowances, given, sum(signed, ZERO))


def _check_groups(
    check: _Check,
    invoice: EnNode,
    syntax: Syntax,
    groups: list[_Group],
    drafts: list[RowDraft],
    sign: int,
) -> None:
    paths, slack = syntax.totals, tolerance(len(drafts))
    bases: dict[Vat, Decimal] = defaultdict(Decimal)
    for row in drafts:
        bases[Vat(row.fields["vat_percent"], row.fields["vat_category"])] += sign * row.net
    told: set[Vat] = set()
    for group in groups:
        if group.vat is None:
            continue
        told.add(group.vat)
        place = group.node.place
        check.near("BR-S-8", place(paths.group_base), group.base, bases[group.vat], slack)
        if group.base is not None:
            due = group.base * group.vat.rate / 100
            check.near("BR-CO-17", place(paths.group_vat), group.amount, due, slack)
    for vat in bases.keys() - told:
        shown = f"{vat.category or 'S'} {vat.rate} %"
        invoice.log.error("vat_group_missing", f"{paths.groups} (BR-CO-18)", shown)


def _groups(invoice: EnNode, syntax: Syntax, currency: str) -> list[_Group]:
    paths = syntax.totals
    return [
        _Group(
            node,
            node.amount(paths.group_base),
            node.amount(paths.group_vat),
            vat_of(node, paths.group_category, paths.group_rate),
        )
        for node in invoice.children(paths.groups)
        if _in_currency(node, paths.group_vat, currency)
    ]
