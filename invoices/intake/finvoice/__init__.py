"""Finvoice 1.1–3.0 (Finance Finland) into invoice documents.

Not validated against the schema: usable files that break it are common. What counts is that
everything needed is there and that the figures agree.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

from lxml import etree

from invoices.intake.finvoice.header import header, kind
from invoices.intake.finvoice.parties import address, buyer
from invoices.intake.finvoice.rows import read_rows
from invoices.intake.finvoice.totals import add_header_rows, check_totals, read_totals
from invoices.intake.finvoice.vat import vat_codes
from invoices.intake.node import Node
from invoices.intake.result import MAX_ITEMS, ReadItem, ReadResult
from invoices.intake.values import MAX_PROBLEMS, Log, problem, validated
from invoices.intake.xml_split import Found, documents

#: Wide enough for any product and quotient of figures that `parse_number` lets through.
_PRECISION = 60


def read_finvoices(content: bytes, encoding: str = "") -> ReadResult:
    """Every invoice of the file. `content` has ASCII markup; `encoding` overrides the declared."""
    items: list[ReadItem] = []
    for position, found in enumerate(documents(content, encoding, "Finvoice"), start=1):
        if position > MAX_ITEMS:
            return ReadResult("finvoice", (), (problem("too_many", "", "", MAX_ITEMS),))
        items.append(read_finvoice(position, found))
    whole = [item for item in items if _about_the_file(item)]
    if whole:
        return ReadResult("finvoice", (), whole[0].problems)
    return ReadResult("finvoice", tuple(items))


def _about_the_file(item: ReadItem) -> bool:
    return any(found.code == "file_too_complex" for found in item.problems)


def read_finvoice(position: int, found: Found) -> ReadItem:
    """One invoice as the splitter found it."""
    if found.element is None:
        return ReadItem(position, None, (found.problem or problem("xml_broken"),))
    with localcontext() as context:
        context.prec = _PRECISION
        return _read_item(position, found, found.element)


def _read_item(position: int, found: Found, element: etree._Element) -> ReadItem:
    log = Log()
    finvoice = Node(element, log)
    data = _document(finvoice, found)
    document = None if log.errors else validated(data, log)
    return ReadItem(
        position,
        document if not log.errors else None,
        tuple(log.errors[:MAX_PROBLEMS]),
        tuple(log.warnings[:MAX_PROBLEMS]),
        data["number"][:40],
    )


def _document(finvoice: Node, found: Found) -> dict[str, Any]:
    """The fields of `InvoiceDocument`; what is wrong with them is in the log."""
    data = header(finvoice) | {"kind": kind(finvoice)}
    data["buyer"] = buyer(finvoice, found.receiver)
    recipient = finvoice.child("InvoiceRecipientPartyDetails")
    data["billing_address"] = address(recipient, "InvoiceRecipient") or None
    data["delivery_address"] = address(finvoice.child("DeliveryPartyDetails"), "Delivery") or None
    codes = vat_codes(finvoice, data["buyer"]["address"].get("country", ""))
    totals = read_totals(finvoice)
    rows = read_rows(finvoice, codes, totals.stated)
    credit = data["kind"] == "credit_note"
    add_header_rows(finvoice, rows, codes, totals, data["language"], credit)
    if not rows.drafts and rows.complete:
        finvoice.missing("InvoiceRow")
    check_totals(finvoice, rows, totals)
    _check_sign(finvoice, data, totals.gross if totals.gross is not None else totals.net)
    _check_garbled(finvoice, data)
    data["rows"] = [row.fields for row in rows.drafts]
    data["net_total"], data["vat_total"] = totals.final_net(), totals.vat
    data["gross_total"] = totals.final_gross()
    return data


def _check_sign(finvoice: Node, data: dict[str, Any], total: Decimal | None) -> None:
    """A credit note's total is negative in Finvoice; a negative invoice is a credit note."""
    if total is None:
        return
    path = "InvoiceDetails/InvoiceTotalVatIncludedAmount"
    if data["kind"] == "credit_note" and total > 0:
        finvoice.log.error("credit_note_positive", path, total)
    elif data["kind"] == "invoice" and total < 0:
        finvoice.log.warn("negative_invoice", path, total)
        data["kind"] = "credit_note"


def _check_garbled(finvoice: Node, data: dict[str, Any]) -> None:
    """UTF-8 that was once read as something else: "Ã¤" for "ä"."""
    name = data["buyer"]["address"].get("name", "")
    texts = [name, data["additional_information"], *finvoice.texts("InvoiceRow/ArticleName")]
    for text in texts:
        if any(mark in text for mark in ("Ã¤", "Ã¶", "Ã¥", "Ã€", "â‚¬")):
            finvoice.log.warn("text_garbled", "", text)
            return
