"""Turn one document into the body of POST /invoices. Reads no database, clock or network.

Everything found wrong is collected and told at once; nothing is adjusted to make it fit.
Source: finnish-invoicing, chapters 1 to 11; REFERENCE sections 13 and 14.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from invoices.document import InvoiceDocument, Problem, VatCategory
from invoices.mapping import identifiers, vat
from invoices.mapping.base import ExportSettings, Findings, Mapped, ReferenceData
from invoices.mapping.codes import language_of
from invoices.mapping.counterparty import (
    billing_address_of,
    check_channel,
    counterparty_of,
    delivery_address_of,
)
from invoices.mapping.payment import dropped_reference, payment_of, penalty_of
from invoices.mapping.rows import dates_of, row_of
from invoices.mapping.totals import Totals, agree, totals_of

_LONGEST_TEXT = 10_000
_CREDITS = {
    "FINNISH": "Hyvityslasku laskulle {number}",
    "SWEDISH": "Kreditfaktura för faktura {number}",
}
_CREDITS_OTHERWISE = "Credit note for invoice {number}"
_DROPPED_REFERENCE = "Reference number in the source (failed its check): {number}"
#: What the source gave and Procountor would refuse, kept where the bookkeeper finds it.
_LEFT_OUT = {
    "business_id_left_out": "Buyer's business ID in the source (failed its check): {number}",
    "vat_number_left_out": "Buyer's VAT number in the source (failed its check): {number}",
}


def map_invoice(
    document: InvoiceDocument, settings: ExportSettings, reference: ReferenceData
) -> Mapped:
    """Map and check one document. Never raises; gives a payload or every problem.

    An invoice date outside open periods is not among the problems: see `period_problem`.
    """
    settings = settings.on(document.date)
    found = Findings()
    if document.invoice_channel:
        settings = replace(settings, invoice_channel=document.invoice_channel)
    counterparty = counterparty_of(document, settings, found)
    billing = billing_address_of(document, counterparty, settings, found)
    check_channel(settings.invoice_channel, counterparty, billing, found)
    _check_vat(document, found)
    rows, header_status = _rows_of(document, settings, reference, found)
    payload: dict[str, Any] = {
        "type": "SALES_INVOICE",
        "date": document.date.isoformat(),
        "originalInvoiceNumber": _number_of(document, found),
        "counterParty": counterparty,
        "billingAddress": billing,
        "deliveryAddress": delivery_address_of(document, settings, found),
        "paymentInfo": payment_of(document, settings, reference, found),
        "extraInfo": {
            # A product's own account counts only then (REFERENCE section 13).
            "accountingByRow": settings.accounting_by_row or _has_product(rows),
            "unitPricesIncludeVat": document.prices_include_vat,
        },
        "discountPercent": 0,
        "vatStatus": header_status,
        "invoiceChannel": settings.invoice_channel,
        "penaltyPercent": penalty_of(document, settings),
        "language": language_of(document.language, settings.language),
        "invoiceRows": rows,
    }
    payload |= _delivery_of(document, found) | _texts_of(document, settings, found)
    totals = totals_of(rows, prices_include_vat=document.prices_include_vat)
    _check_totals(document, totals, found)
    filled = {key: value for key, value in payload.items() if value not in ("", None)}
    return Mapped(
        None if found.problems else filled,
        tuple(found.problems),
        tuple(found.warnings),
        totals.gross,
    )


def _has_product(rows: list[dict[str, Any]]) -> bool:
    return any("productId" in row for row in rows)


def period_problem(date: dt.date, reference: ReferenceData) -> Problem | None:
    """`period_closed` when the date is in no open period; None when it is or none are known."""
    if reference.periods is None:
        return None
    # The newest are the last, and most invoices are of today.
    for period in reversed(reference.periods):
        if period.start <= date <= period.end and period.is_open:
            return None
    return Problem("period_closed", "date", date.isoformat())


def _number_of(document: InvoiceDocument, found: Findings) -> str:
    """The number exactly as it is: look-ups compare it, so it must not change on the way."""
    before = len(found.problems)
    number = found.text(document.number, "number", 40)
    if number != document.number and len(found.problems) == before:
        found.stop("characters_not_supported", "number", document.number, number)
    return number


def _check_vat(document: InvoiceDocument, found: Findings) -> None:
    categories = {vat.category_of(row) for row in document.rows}
    if VatCategory.INTRA_COMMUNITY in categories:
        identifiers.check_for_goods_to_eu(document.buyer, found)
    elif VatCategory.REVERSE_CHARGE in categories:
        identifiers.check_for_reverse_charge(document.buyer, found)
    vat.check_reasons(document, found)
    vat.check_aland(document, found)


def _rows_of(
    document: InvoiceDocument, settings: ExportSettings, reference: ReferenceData, found: Findings
) -> tuple[list[dict[str, Any]], int | None]:
    """The rows and the header's `vatStatus`, which is the first row's."""
    rows: list[dict[str, Any]] = []
    header_status = None
    for position, row in enumerate(document.rows, 1):
        place = f"rows[{position}]"
        vat.check_rate(document, row, place, reference, found)
        status = vat.status_of(row, place, settings, reference, found)
        header_status = status if header_status is None else header_status
        own_status = status if status != header_status else None
        rows.append(row_of(document, row, place, own_status, settings, found))
    return rows, header_status


def _delivery_of(document: InvoiceDocument, found: Findings) -> dict[str, str]:
    start, end = document.delivery_start, document.delivery_end
    if not (start or end or all(row.start_date or row.end_date for row in document.rows)):
        found.warn("delivery_date_missing", "delivery_end", expected=document.date)
    dates = dates_of(start, end, "delivery_end", found)
    return {f"delivery{key[0].upper()}{key[1:]}": date for key, date in dates.items()}


def _texts_of(
    document: InvoiceDocument, settings: ExportSettings, found: Findings
) -> dict[str, str]:
    order = document.order_reference
    dropped = dropped_reference(document, settings)
    notes = [_DROPPED_REFERENCE.format(number=dropped)] if dropped else []
    notes += [
        _LEFT_OUT[warning.code].format(number=warning.value)
        for warning in found.warnings
        if warning.code in _LEFT_OUT
    ]
    return {
        "orderReference": found.text("" if order == "NA" else order, "order_reference", 70),
        "agreementNumber": found.text(document.agreement_number, "agreement_number"),
        "buyerReferenceIdentifier": found.text(document.buyer_reference, "buyer_reference", 70),
        "sellerReferenceIdentifier": found.text(document.seller_reference, "seller_reference", 70),
        "additionalInformation": _information_of(document, settings, found),
        "notes": found.lines("\n".join(notes), "reference_number", _LONGEST_TEXT),
    }


def _information_of(document: InvoiceDocument, settings: ExportSettings, found: Findings) -> str:
    """The free text, and on a credit note which invoice it corrects: the API has no field."""
    text, corrected = document.additional_information, document.corrects_number
    if document.kind == "credit_note":
        if not corrected:
            found.stop("corrects_number_missing", "corrects_number")
        language = language_of(document.language, settings.language)
        sentence = _CREDITS.get(language, _CREDITS_OTHERWISE).format(number=corrected)
        if corrected and sentence not in text:
            text = f"{sentence}\n{text}".rstrip()
    return found.lines(text, "additional_information", _LONGEST_TEXT)


def _check_totals(document: InvoiceDocument, totals: Totals, found: Findings) -> None:
    """Stated totals are what the buyer was told; the rows have to give them."""
    stated = {
        "net_total": (document.net_total, totals.net),
        "vat_total": (document.vat_total, totals.vat),
        "gross_total": (document.gross_total, totals.gross),
    }
    for place, (told, counted) in stated.items():
        if told is not None and not agree(told, counted, len(document.rows)):
            found.stop("totals_differ", place, format(told, "f"), format(counted, "f"))
    if document.kind == "credit_note" and totals.gross >= 0:
        found.stop("credit_note_positive", "gross_total", format(totals.gross, "f"))
    if document.kind == "invoice" and totals.gross < 0:
        found.stop("invoice_negative", "gross_total", format(totals.gross, "f"))
    if document.prepaid_amount:
        found.warn("prepaid", "prepaid_amount", format(document.prepaid_amount, "f"))
