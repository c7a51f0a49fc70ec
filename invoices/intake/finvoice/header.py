"""Finvoice header: kind, dates, references, payment terms and texts."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any, cast

from lxml import etree

from invoices.intake.node import Node

_KINDS = {
    "INV01": "invoice", "380": "invoice", "M": "invoice",
    "INV02": "credit_note", "381": "credit_note",
}  # fmt: skip
_LANGUAGES = {"FIN": "FI", "SWE": "SV", "SE": "SV", "ENG": "EN"}
_INVOICE = "InvoiceDetails/"
_TERMS = "InvoiceDetails/PaymentTermsDetails"
_EPI = "EpiDetails/EpiPaymentInstructionDetails/"
#: Amounts in another currency by definition, or not part of what is sold.
_WITH_CURRENCY = etree.XPath("descendant::*[@AmountCurrencyIdentifier]")
_OTHER_CURRENCY = re.compile(
    "OtherCurrency|InvoiceTotalVatAccountingAmount|Sub|Credit|OperationLimit|Monthly"
)


def kind(finvoice: Node) -> str:
    """ "invoice" or "credit_note". Errors for what is not a sale: interest, pro forma, reminder,
    cancelled, self-billed; a copy is a warning."""
    path = _INVOICE + "InvoiceTypeCode"
    code, un = finvoice.text(path).upper(), finvoice.text(path + "UN")
    found = _KINDS.get(code)
    if not code:
        finvoice.missing(path)
    elif found is None:
        finvoice.log.error("type_refused", path, code, "INV01, INV02")
    elif un == "389" or _KINDS.get(un, found) != found:
        finvoice.log.error("type_refused", path + "UN", f"{code} / {un}", "380, 381")
    elif un == "384":
        finvoice.log.warn("corrected_invoice", path + "UN", un)
    origin = finvoice.text(_INVOICE + "OriginCode")
    if origin.lower() == "cancel":
        finvoice.log.error("invoice_cancelled", _INVOICE + "OriginCode", origin)
    elif origin.lower() == "copy":
        finvoice.log.warn("invoice_copy", _INVOICE + "OriginCode", origin)
    return found or "invoice"


def header(finvoice: Node) -> dict[str, Any]:
    """The fields of `InvoiceDocument` that come from the header alone."""
    number, date = (
        finvoice.text(_INVOICE + "InvoiceNumber"),
        finvoice.date(_INVOICE + "InvoiceDate"),
    )
    if not number:
        finvoice.missing(_INVOICE + "InvoiceNumber")
    elif len(number) > 40:
        finvoice.log.error("too_long", _INVOICE + "InvoiceNumber", number, 40)
    if not finvoice.text(_INVOICE + "InvoiceDate"):
        finvoice.missing(_INVOICE + "InvoiceDate")
    order = finvoice.text(_INVOICE + "OrderIdentifier")
    return {
        "number": number,
        "date": date,
        "due_date": _due_date(finvoice),
        **_delivery(finvoice),
        "currency": _currency(finvoice),
        "currency_rate": _rate(finvoice),
        "reference_number": _reference(finvoice),
        "penalty_percent": _penalty(finvoice),
        "cash_discounts": _cash_discounts(finvoice, date),
        "order_reference": "" if order.upper() == "NA" else order,
        "agreement_number": finvoice.text(_INVOICE + "AgreementIdentifier"),
        "buyer_reference": finvoice.text(_INVOICE + "BuyerReferenceIdentifier"),
        "seller_reference": finvoice.text(_INVOICE + "SellerReferenceIdentifier"),
        "language": _language(finvoice),
        "additional_information": _texts(finvoice),
        "corrects_number": _corrects(finvoice),
        "seller_business_id": finvoice.text("SellerPartyDetails/SellerPartyIdentifier")
        or finvoice.text("SellerPartyDetails/SellerOrganisationTaxCode"),
        "seller_account": _account(finvoice),
        "prepaid_amount": _prepaid(finvoice),
    }


def _due_date(finvoice: Node) -> dt.date | None:
    terms = finvoice.children(_TERMS)
    dates = {part.date("InvoiceDueDate") for part in terms} - {None}
    if len(dates) > 1:
        days = ", ".join(str(day) for day in sorted(day for day in dates if day))
        finvoice.log.error("several_due_dates", _TERMS + "/InvoiceDueDate", days)
    if finvoice.found("PartialPaymentDetails/PartialPaymentDueDate"):
        finvoice.log.warn("instalments", "PartialPaymentDetails")
    return next(iter(dates), None) or finvoice.date(_EPI + "EpiDateOptionDate")


def _delivery(finvoice: Node) -> dict[str, dt.date | None]:
    period = "DeliveryDetails/DeliveryPeriodDetails/"
    pairs = (
        (_INVOICE + "InvoicingPeriodStartDate", _INVOICE + "InvoicingPeriodEndDate"),
        (period + "StartDate", period + "EndDate"),
        ("DeliveryDetails/DeliveryDate", "DeliveryDetails/DeliveryDate"),
    )
    for first, last in pairs:
        start, end = finvoice.date(first), finvoice.date(last)
        if start or end:
            return {"delivery_start": start or end, "delivery_end": end or start}
    return {}


def _currency(finvoice: Node) -> str:
    name = "AmountCurrencyIdentifier"
    used = {
        str(found.get(name)).strip().upper()
        for found in cast("list[etree._Element]", _WITH_CURRENCY(finvoice.element))
        if not _OTHER_CURRENCY.match(found.tag)
    } - {""}
    path = _INVOICE + "InvoiceTotalVatIncludedAmount/@" + name
    if not used:
        finvoice.log.error("missing", path)
    elif len(used) > 1:
        finvoice.log.error("currency_mixed", path, ", ".join(sorted(used)))
    elif not re.fullmatch("[A-Z]{3}", "".join(used)):
        finvoice.log.error("not_allowed", path, "".join(used), "EUR")
    return next(iter(sorted(used)), "EUR")


def _rate(finvoice: Node) -> Decimal | None:
    rate = finvoice.number(_INVOICE + "ExchangeRate")
    if rate is not None and rate <= 0:
        finvoice.log.error("not_allowed", _INVOICE + "ExchangeRate", rate, "> 0")
    return rate


def _reference(finvoice: Node) -> str:
    """The payment reference: RF as it is, a Finnish one without leading zeros."""
    path = _EPI + "EpiRemittanceInfoIdentifier"
    plain = finvoice.text(path).replace(" ", "").upper()
    if re.fullmatch(r"[0-9][0-9.,]*E[+-]?[0-9]+|[0-9]+[.,][0-9]+", plain):
        finvoice.log.error("reference_damaged", path, plain)
    return plain.lstrip("0") if plain.isdigit() else plain


def _penalty(finvoice: Node) -> Decimal | None:
    for node in finvoice.children(_TERMS + "/PaymentOverDueFineDetails"):
        if node.text("PaymentOverDueFinePercent"):
            return node.percent("PaymentOverDueFinePercent")
    return None


def _cash_discounts(finvoice: Node, date: dt.date | None) -> list[dict[str, Any]]:
    """Days count from the invoice date. One that cannot be put in days and percent is dropped
    with a warning: it changes what the buyer may pay, not what was sold."""
    found = []
    for node in finvoice.children(_TERMS):
        last, percent = node.date("CashDiscountDate"), node.percent("CashDiscountPercent")
        if last is None and percent is None:
            continue
        days = (last - date).days if last and date else -1
        if percent and 0 <= days <= 999:
            found.append({"days": days, "percent": percent})
        elif percent or last:
            node.log.warn("cash_discount_dropped", node.place("CashDiscountDate"), last or "")
    return found


def _language(finvoice: Node) -> str:
    code = finvoice.text("InvoiceRecipientLanguageCode").upper()
    code = _LANGUAGES.get(code, code)
    return code if re.fullmatch("[A-Z]{2}", code) else ""


def _texts(finvoice: Node) -> str:
    """Free texts and the reasons for no VAT, which the invoice must carry (AVL 209 e §)."""
    paths = (
        "InvoiceFreeText",
        "VatSpecificationDetails/VatFreeText",
        "VatSpecificationDetails/VatExemptionReasonCode",
        "InvoiceVatFreeText",
        "ProjectReferenceIdentifier",
    )
    found = [text for path in paths for text in finvoice.texts(_INVOICE + path)]
    return "\n".join(dict.fromkeys(found))


def _corrects(finvoice: Node) -> str:
    number = finvoice.text(_INVOICE + "OriginalInvoiceNumber")
    on_rows = set(finvoice.texts("InvoiceRow/OriginalInvoiceNumber"))
    return number or (on_rows.pop() if len(on_rows) == 1 else "")


def _account(finvoice: Node) -> str:
    """The account to be paid into: the payment part's IBAN, else the seller's first account."""
    epi = "EpiDetails/EpiPartyDetails/EpiBeneficiaryPartyDetails/EpiAccountID"
    listed = finvoice.texts("SellerInformationDetails/SellerAccountDetails/SellerAccountID")
    accounts = [text.replace(" ", "").upper() for text in finvoice.texts(epi) + listed]
    ibans = [text for text in accounts if re.match("[A-Z]{2}[0-9]{2}", text)]
    return next(iter(ibans or accounts), "")


def _prepaid(finvoice: Node) -> Decimal | None:
    paid = finvoice.number(_INVOICE + "InvoicePaidAmount")
    status = finvoice.text("PaymentStatusDetails/PaymentStatusCode").upper()
    if paid is None and status in ("PAID", "PARTLYPAID"):
        finvoice.log.warn("paid_amount_missing", "PaymentStatusDetails/PaymentStatusCode", status)
    return paid
