"""Invoices of the European standard EN 16931, in UBL and in CII, into invoice documents.

Not validated against a schema: what counts is that everything needed is there and that the
standard's own rules of the totals hold.
"""

from __future__ import annotations

from decimal import localcontext
from typing import Any

from lxml import etree

from invoices.intake.en16931.attached import attachments_of
from invoices.intake.en16931.cii import CII
from invoices.intake.en16931.header import header, kind, texts
from invoices.intake.en16931.node import EnNode
from invoices.intake.en16931.parties import buyer, delivery_address
from invoices.intake.en16931.rows import read_rows, signed
from invoices.intake.en16931.rules import Stated, check_rules, read_totals
from invoices.intake.en16931.syntax import Syntax
from invoices.intake.en16931.ubl import UBL
from invoices.intake.figures import rounding_row
from invoices.intake.result import MAX_ITEMS, ReadItem, ReadResult
from invoices.intake.values import MAX_PROBLEMS, Log, problem, validated
from invoices.intake.xml_split import Found, documents, mentions

__all__ = ["SYNTAXES", "read_en16931", "read_invoice", "syntax_of"]

SYNTAXES = (UBL, CII)
#: Wide enough for any product and quotient of figures that `EnNode` lets through.
_PRECISION = 100


def syntax_of(markup: bytes) -> Syntax | None:
    """The language the file is written in, by its markup (see `xml_split.masked`); None when it
    is of another kind."""
    for syntax in SYNTAXES:
        marked = any(mark.encode() in markup for mark in syntax.marks)
        if marked and mentions(markup, *syntax.roots):
            return syntax
    return None


def read_en16931(content: bytes, encoding: str, syntax: Syntax) -> ReadResult:
    """Every invoice of the file. `content` has ASCII markup; `encoding` overrides the declared."""
    items: list[ReadItem] = []
    for position, found in enumerate(documents(content, encoding, *syntax.roots), start=1):
        if position > MAX_ITEMS:
            return ReadResult(syntax.format, (), (problem("too_many", "", "", MAX_ITEMS),))
        if found.problem is not None and found.problem.code == "file_too_complex":
            return ReadResult(syntax.format, (), (found.problem,))
        items.append(read_invoice(position, found, syntax))
    return ReadResult(syntax.format, tuple(items))


def read_invoice(position: int, found: Found, syntax: Syntax) -> ReadItem:
    """One invoice as the splitter found it."""
    if found.element is None:
        return ReadItem(position, None, (found.problem or problem("xml_broken"),))
    with localcontext() as context:
        context.prec = _PRECISION
        return _read_item(position, found.element, syntax)


def _read_item(position: int, element: etree._Element, syntax: Syntax) -> ReadItem:
    log = Log()
    invoice = EnNode(element, log)
    data = _document(invoice, syntax)
    attachments = attachments_of(invoice, syntax)
    document = None if log.errors else validated(data, log)
    return ReadItem(
        position,
        document if not log.errors else None,
        tuple(log.errors[:MAX_PROBLEMS]),
        tuple(log.warnings[:MAX_PROBLEMS]),
        data["number"][:40],
        () if log.errors else attachments,
    )


def _document(invoice: EnNode, syntax: Syntax) -> dict[str, Any]:
    """The fields of `InvoiceDocument`; what is wrong with them is in the log."""
    data = header(invoice, syntax) | {"kind": kind(invoice, syntax)}
    data["buyer"] = buyer(invoice, syntax)
    data["delivery_address"] = delivery_address(invoice, syntax)
    data["additional_information"] = texts(invoice, syntax)
    sign = -1 if data["kind"] == "credit_note" else 1
    rows = read_rows(invoice, syntax, sign)
    stated = read_totals(invoice, syntax, data["currency"])
    check_rules(invoice, syntax, stated, rows, sign, data["currency"])
    if stated.rounding:
        rows.drafts.append(rounding_row(sign * stated.rounding, ""))
    data["rows"] = [row.fields for row in rows.drafts]
    _add_totals(invoice, syntax, data, stated, sign)
    return data


def _add_totals(
    invoice: EnNode, syntax: Syntax, data: dict[str, Any], stated: Stated, sign: int
) -> None:
    """The totals with the rounding in them, as the rows have it. A credit note is positive in the
    standard; an invoice below zero is read as one."""
    net, vat, gross = stated.net, stated.vat, stated.gross
    data["net_total"] = None if net is None else signed(net + stated.rounding, sign)
    data["vat_total"] = None if vat is None else signed(vat, sign)
    data["gross_total"] = None if gross is None else signed(gross + stated.rounding, sign)
    data["prepaid_amount"] = None if stated.prepaid is None else signed(stated.prepaid, sign)
    total = data["gross_total"]
    if total is None or total == 0:
        return
    if data["kind"] == "credit_note" and total > 0:
        invoice.log.error("credit_note_positive", syntax.totals.gross, total)
    elif data["kind"] == "invoice" and total < 0:
        invoice.log.warn("negative_invoice", syntax.totals.gross, total)
        data["kind"] = "credit_note"
