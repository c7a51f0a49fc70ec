"""Finvoice rows: what is sold, for how much, and what to do when the row contradicts itself.

The row's stated net amount is what the buyer was told and always wins (finnish-invoicing rules,
chapters 5 and 11).
"""

from __future__ import annotations

import re
from decimal import Decimal

from invoices.intake.figures import (
    MAX_ROWS,
    Price,
    RowDraft,
    Rows,
    price_from_net,
    stated_price,
)
from invoices.intake.finvoice.vat import VatCodes
from invoices.intake.node import Node
from invoices.intake.values import money

QUANTITIES = ("InvoicedQuantity", "DeliveredQuantity", "OrderedQuantity")
_PRICES = ("UnitPriceAmount", "UnitPriceNetAmount", "UnitPriceVatIncludedAmount")
_AMOUNTS = ("RowVatExcludedAmount", "RowAmount")
_SUB_AMOUNTS = ("SubRowVatExcludedAmount", "SubRowAmount")
_ZERO = re.compile(r"[-+]?0*[.,]?0*")


def read_rows(finvoice: Node, codes: VatCodes, totals_stated: bool) -> Rows:
    """All rows of the invoice. Text-only rows go into the comment of the row after them, or of
    the last row; rows with sub rows only are skipped with a warning, for the totals to judge."""
    rows, texts, nodes = Rows(), list[str](), finvoice.children("InvoiceRow")
    if len(nodes) > MAX_ROWS:
        finvoice.log.error("too_many", "InvoiceRow", len(nodes), MAX_ROWS)
        return Rows(complete=False)
    for node in nodes:
        has_money = _has_money(node)
        _sub_rows(node, totals_stated, has_money=has_money)
        if not has_money:
            texts += _row_texts(node)
            continue
        errors = len(finvoice.log.errors)
        draft = _read_row(node, codes)
        if draft is None or len(finvoice.log.errors) > errors:
            rows.complete = False
            continue
        _add_comment(draft, texts, first=True)
        texts = []
        rows.drafts.append(draft)
    if texts and rows.drafts:
        _add_comment(rows.drafts[-1], texts)
    return rows


def _has_money(node: Node) -> bool:
    """A row to be invoiced; zeros count only with a VAT rate, else they pad a text row."""
    figures = [text for path in (*_AMOUNTS, *_PRICES) if (text := node.text(path))]
    if any(_ZERO.fullmatch(text) is None for text in figures):
        return True
    return bool(figures) and bool(node.text("RowVatRatePercent"))


def _row_texts(node: Node) -> list[str]:
    paths = ("ArticleName", "ArticleDescription", "RowFreeText", "SubInvoiceRow/SubArticleName")
    return [text for path in paths for text in node.texts(path)]


def _sub_rows(node: Node, totals_stated: bool, *, has_money: bool) -> None:
    for sub in node.children("SubInvoiceRow"):
        amount = next((sub.text(path) for path in _SUB_AMOUNTS if sub.text(path)), "")
        if not amount:
            continue
        if totals_stated or has_money:
            node.log.warn("sub_row_skipped", sub.path, amount)
        else:
            node.log.error("sub_row_unclear", sub.path, amount)


def _read_row(node: Node, codes: VatCodes) -> RowDraft | None:
    free_texts = node.texts("RowFreeText")
    name = node.text("ArticleName") or node.text("ArticleDescription")
    if not name and free_texts:
        name = free_texts.pop(0)
    name = name or node.text("ArticleIdentifier")
    if not name:
        node.missing("ArticleName")
    rate = _rate(node)
    net = _net(node, rate)
    price = _price(node, net or Decimal(0))
    start, end = node.date("StartDate"), node.date("EndDate")
    delivered = node.date("RowDeliveryDate")
    if rate is None or net is None:
        return None
    description = node.text("ArticleDescription")
    comments = [price.note, description if description != name else "", *free_texts]
    fields = {
        "name": name,
        "code": node.text("ArticleIdentifier") or node.text("EanCode"),
        "quantity": price.quantity,
        "unit": price.unit,
        "unit_price": price.unit_price,
        "discount_percent": price.discount,
        "vat_percent": rate,
        "vat_category": codes.category(node, "RowVatCode", rate),
        "net_amount": money(net),
        "comment": "\n".join(text for text in comments if text),
        "start_date": start or delivered or end,
        "end_date": end or delivered or start,
    }
    return RowDraft(fields, money(net))


def _rate(node: Node) -> Decimal | None:
    if node.text("RowVatRatePercent"):
        return node.percent("RowVatRatePercent")
    if node.text("RowVatCode").upper() in ("Z", "E", "AE", "K", "G", "O"):
        return Decimal(0)
    node.missing("RowVatRatePercent")
    return None


def _net(node: Node, rate: Decimal | None) -> Decimal | None:
    """The row's net: as stated, else from quantity, price, discounts and charges, else from the
    amount with VAT. None (and an error) when nothing gives it."""
    if node.text("RowVatExcludedAmount"):
        return node.number("RowVatExcludedAmount")
    quantity, price = _quantity(node), _unit_price(node)
    if price is not None and quantity is not None:
        line = quantity * price
        taken = _sum(node, "RowDiscountAmount", "RowProgressiveDiscountDetails/RowDiscountAmount")
        if not taken:
            taken = line * _discount(node) / 100
        return line - taken + _sum(node, "RowChargeDetails/Amount")
    gross = node.number("RowAmount")
    if gross is None and quantity is not None:
        with_vat = node.number("UnitPriceVatIncludedAmount")
        gross = None if with_vat is None else quantity * with_vat
    if gross is not None and rate is not None:
        node.log.warn("net_computed", node.place("RowVatExcludedAmount"), gross)
        return money(gross / (1 + rate / 100))
    if rate is not None:
        node.missing("RowVatExcludedAmount")
    return None


def _quantity(node: Node) -> Decimal | None:
    path = next((path for path in QUANTITIES if node.text(path)), "")
    return node.number(path) if path else None


def _unit_price(node: Node) -> Decimal | None:
    """Price of one, without VAT: before discounts, or after them when only that is given."""
    path = next((path for path in _PRICES[:2] if node.text(path)), "")
    price = node.number(path) if path else None
    base = node.number("UnitPriceBaseQuantity")
    return price / base if price is not None and base else price


def _discount(node: Node) -> Decimal:
    """The one discount percent of the row; 0 when there are several, or none that applies."""
    if not node.text("UnitPriceAmount"):
        return Decimal(0)
    paths = ("RowDiscountPercent", "RowProgressiveDiscountDetails/RowDiscountPercent")
    given = [path for path in paths if node.text(path)]
    if len(given) != 1 or len(node.texts(given[0])) != 1:
        return Decimal(0)
    return node.percent(given[0]) or Decimal(0)


def _sum(node: Node, *paths: str) -> Decimal:
    parts = [
        Node(found, node.log, node.place(path), node.index).number(".")
        for path in paths
        for found in node.found(path)
    ]
    return sum((part for part in parts if part is not None), Decimal(0))


def _price(node: Node, net: Decimal) -> Price:
    """Quantity, price and discount whose product is `net` within a cent."""
    stated, price, discount = _quantity(node), _unit_price(node), _discount(node)
    quantity = Decimal(1) if stated is None else stated
    path = next((path for path in QUANTITIES if node.text(path)), "")
    unit = node.attribute(path, "QuantityUnitCodeUN") if path else ""
    unit = unit or (node.attribute(path, "QuantityUnitCode") if path else "")
    as_stated = stated_price(quantity, price, discount, unit, net)
    if as_stated is not None:
        return as_stated
    note = _figures(node, unit)
    if note:
        node.log.warn("row_recomputed", node.path, note, money(net))
    return price_from_net(quantity, unit, net, note)


def _figures(node: Node, unit: str) -> str:
    """The row's own figures as they stand, for the comment; "" when it has no price."""
    price = next((node.text(path) for path in _PRICES if node.text(path)), "")
    if not price:
        return ""
    quantity = next((node.text(path) for path in QUANTITIES if node.text(path)), "1")
    base = node.text("UnitPriceBaseQuantity")
    parts = [f"{quantity} {unit}".strip(), "×", price + (f" / {base}" if base else "")]
    parts += [f"-{text} %" for text in node.texts("RowDiscountPercent")]
    if not node.text("RowDiscountPercent"):
        parts += [f"-{text}" for text in node.texts("RowDiscountAmount")]
    progressive = "RowProgressiveDiscountDetails/RowDiscount"
    percents = node.texts(f"{progressive}Percent")
    parts += [f"-{text} %" for text in percents]
    parts += [] if percents else [f"-{text}" for text in node.texts(f"{progressive}Amount")]
    parts += [f"+{text}" for text in node.texts("RowChargeDetails/Amount")]
    return " ".join(parts)


def _add_comment(draft: RowDraft, texts: list[str], *, first: bool = False) -> None:
    old = [draft.fields["comment"]] if draft.fields["comment"] else []
    draft.fields["comment"] = "\n".join(texts + old if first else old + texts)
