"""Header of an EN 16931 invoice: kind, dates, references, payment and texts."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from lxml import etree

from invoices.intake.en16931.node import EnNode
from invoices.intake.en16931.syntax import Syntax

#: UNTDID 1001: invoices for something sold.
_INVOICES = frozenset(
    [
        "80",
        "82",
        "326",
        "380",
        "383",
        "384",
        "386",
        "388",
        "395",
        "575",
        "623",
        "780",
        "875",
        "876",
        "877",
    ]
)  # fmt: skip
_CREDIT_NOTES = frozenset(["81", "83", "381", "532"])
_CORRECTED = "384"
_BANK_TRANSFER = frozenset({"", "1", "30", "31", "42", "58", "ZZZ"})
_CASH = "10"
_REFERENCE = re.compile(r"[0-9]{3,25}|RF[0-9]{2}[A-Z0-9]{1,21}")
_DAMAGED = re.compile(r"[0-9][0-9.,]*E\+[0-9]+|[0-9]+[.,][0-9]+E[0-9]+")


def kind(invoice: EnNode, syntax: Syntax) -> str:
    """ "invoice" or "credit_note"; an error for what is not a sale, or not ours to write."""
    root = str(invoice.element.tag)
    path = syntax.kind.format(root=root)
    code = invoice.required(path)
    allowed = _INVOICES | _CREDIT_NOTES
    if root == "CreditNote":
        allowed = _CREDIT_NOTES
    if code and code not in allowed:
        invoice.log.error("type_refused", path, code, "380, 381")
    elif code == _CORRECTED:
        invoice.log.warn("corrected_invoice", path, code)
    if invoice.text(syntax.is_copy).lower() in ("true", "1"):
        invoice.log.warn("invoice_copy", syntax.is_copy, "true")
    return "credit_note" if code in _CREDIT_NOTES else "invoice"


def header(invoice: EnNode, syntax: Syntax) -> dict[str, Any]:
    """The fields of `InvoiceDocument` that come from the header alone."""
    number = invoice.required(syntax.number)
    if len(number) > 40:
        invoice.log.error("too_long", syntax.number, number, 40)
    invoice.required(syntax.date)
    order = invoice.text(syntax.order)
    return {
        "number": number,
        "date": invoice.date(syntax.date),
        "due_date": _due_date(invoice, syntax),
        **_delivery(invoice, syntax),
        "currency": currency(invoice, syntax),
        **_payment(invoice, syntax),
        "order_reference": "" if order.upper() == "NA" else order,
        "agreement_number": invoice.text(syntax.contract),
        "buyer_reference": invoice.text(syntax.buyer_reference),
        "corrects_number": ", ".join(dict.fromkeys(invoice.texts(syntax.corrected))),
        "seller_business_id": invoice.first(syntax.seller_ids),
    }


def _due_date(invoice: EnNode, syntax: Syntax) -> dt.date | None:
    stated = {day for path in syntax.due_dates for day in _dates(invoice, path)}
    if len(stated) > 1:
        shown = ", ".join(str(day) for day in sorted(stated))
        invoice.log.error("several_due_dates", syntax.due_dates[0], shown)
    return next(iter(stated), None)


def _dates(invoice: EnNode, path: str) -> list[dt.date]:
    nodes = (EnNode(found, invoice.log, path, invoice.index) for found in invoice.found(path))
    return [day for node in nodes if (day := node.date(".")) is not None]


def _delivery(invoice: EnNode, syntax: Syntax) -> dict[str, dt.date | None]:
    for first, last in syntax.periods:
        start, end = invoice.date(first), invoice.date(last)
        if start or end:
            return {"delivery_start": start or end, "delivery_end": end or start}
    return {}


def currency(invoice: EnNode, syntax: Syntax) -> str:
    """The currency of every amount; VAT may be told a second time in the currency of the tax."""
    stated = invoice.required(syntax.currency).upper()
    if stated and not re.fullmatch("[A-Z]{3}", stated):
        invoice.log.error("not_allowed", syntax.currency, stated, "EUR")
        return "EUR"
    for found in invoice.element.iterfind(".//*[@currencyID]"):
        own = (found.get("currencyID") or "").strip().upper()
        if own != stated and not (_is_tax(found) and own == invoice.text(syntax.vat_currency)):
            invoice.log.error("currency_mixed", syntax.currency, f"{stated}, {own}")
            break
    return stated or "EUR"


def _is_tax(found: etree._Element) -> bool:
    return found.tag == "TaxTotalAmount" or next(found.iterancestors("TaxTotal"), None) is not None


def _payment(invoice: EnNode, syntax: Syntax) -> dict[str, str]:
    means = invoice.children(syntax.means)
    codes = [node.text(syntax.means_code).upper() for node in means]
    accounts = (node.first(syntax.means_accounts) for node in means)
    method = "" if _BANK_TRANSFER & {*codes} else next(iter(codes), "")
    reference = _reference(invoice, syntax)
    return {
        "payment_method": "CASH" if method == _CASH else method,
        "seller_account": next((text for text in accounts if text), "").replace(" ", "").upper(),
        "reference_number": reference.lstrip("0") if reference.isdigit() else reference,
    }


def _reference(invoice: EnNode, syntax: Syntax) -> str:
    """BT-83 when it is a reference number; it is often free text, which `texts` keeps."""
    stated = invoice.first(syntax.payment_references)
    compact = stated.replace(" ", "").upper()
    path = syntax.payment_references[0]
    if _DAMAGED.fullmatch(compact):
        invoice.log.error("reference_damaged", path, stated)
    if _REFERENCE.fullmatch(compact):
        return compact
    if stated:
        invoice.log.warn("payment_reference_is_text", path, stated)
    return ""


def texts(invoice: EnNode, syntax: Syntax) -> str:
    """Free texts, terms of payment, a payment reference that is none, the reasons for no VAT
    (AVL 209 e §), and the invoice that one of another kind than a credit note refers to."""
    found = [text for path in syntax.notes for text in invoice.texts(path)]
    stated = invoice.first(syntax.payment_references)
    if stated and not _REFERENCE.fullmatch(stated.replace(" ", "").upper()):
        found.append(stated)
    for group in invoice.children(syntax.totals.groups):
        found += [text for path in syntax.totals.group_reasons for text in group.texts(path)]
    return "\n".join(dict.fromkeys(found))
