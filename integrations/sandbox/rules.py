"""The rules of a sales invoice that span fields (REFERENCE sections 13 and 14), and its sums.

Where the reference knows Procountor's code it is used; elsewhere the message is an English
sentence in the style of those that were seen, which is our assumption.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from stdnum import iso11649
from stdnum.exceptions import ValidationError
from stdnum.fi import ytunnus

from integrations.sandbox.validation import error

_CENT = Decimal("0.01")
Errors = Iterator[dict[str, Any]]


def check_invoice(invoice: dict[str, Any], company: Any) -> list[dict[str, Any]]:
    """Every rule the invoice breaks for this company; its shape is known to be right."""
    return [
        *_characters(invoice, ""),
        *_type_and_rows(invoice),
        *_dates(invoice, company),
        *_payment(invoice, company),
        *_vat(invoice, company),
        *_channel(invoice),
        *_buyer(invoice),
    ]


def _characters(value: Any, path: str) -> Errors:
    if isinstance(value, str):
        try:
            value.encode("windows-1252")
        except UnicodeEncodeError:
            yield error(path, f"Value of the '{path.rsplit('.', 1)[-1]}' field is invalid: ")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _characters(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _characters(item, f"{path}[{index}]")


def _type_and_rows(invoice: dict[str, Any]) -> Errors:
    if invoice["type"] != "SALES_INVOICE":
        yield error("type", "Value of the 'type' field is invalid: ")
    if not invoice["invoiceRows"]:
        yield error("invoiceRows", "Value of the 'invoiceRows' cannot be blank.")
    for name in ("language", "vatStatus"):
        if invoice.get(name) is None:
            yield error(name, f"Value of the '{name}' cannot be blank.")
    for name in ("billingAddress", "deliveryAddress"):
        address = invoice.get(name)
        if address and not address.get("country"):
            yield error(f"{name}.country", "Value of the 'country' cannot be blank.")


def _dates(invoice: dict[str, Any], company: Any) -> Errors:
    date = dt.date.fromisoformat(invoice["date"])
    days = (dt.date.fromisoformat(invoice["paymentInfo"]["dueDate"]) - date).days
    if days < 0:
        yield error("", "DUE_DATE_BEFORE_BILL_DATE")
    elif days > 999:
        yield error("paymentInfo.dueDate", "Value of the 'dueDate' field is invalid: ")
    if not company.is_open(date):
        yield error("", "CLOSED_FISCAL_PERIOD")


def _payment(invoice: dict[str, Any], company: Any) -> Errors:
    payment = invoice["paymentInfo"]
    account = (payment.get("bankAccount") or {}).get("accountNumber", "")
    if payment["paymentMethod"] != "CASH" and account not in company.active_ibans():
        yield error(
            "paymentInfo.bankAccount.accountNumber",
            "Value of the 'accountNumber' field is invalid: ",
        )
    if (payment.get("bankAccount") or {}).get("bic"):
        yield error("paymentInfo.bankAccount.bic", "Value of the 'bic' field is invalid: ")
    if (payment["currency"] == "EUR") != (Decimal(str(payment["currencyRate"])) == 1):
        yield error("paymentInfo.currencyRate", "Value of the 'currencyRate' field is invalid: ")
    code, kind = payment.get("bankReferenceCode"), payment.get("bankReferenceCodeType")
    if code and not _is_reference(code, kind):
        yield error(
            "paymentInfo.bankReferenceCode", "Value of the 'bankReferenceCode' field is invalid: "
        )


def _is_reference(code: str, kind: str | None) -> bool:
    if kind == "RF" or code.upper().startswith("RF"):
        return kind in ("RF", None) and bool(iso11649.is_valid(code))
    if kind not in ("FI", None) or not code.isdecimal() or not 4 <= len(code) <= 20:
        return False
    return code[-1] == finnish_check_digit(code[:-1])


def finnish_check_digit(base: str) -> str:
    """Weights 7, 3, 1 from the right; the check digit fills the sum up to the next ten."""
    total = sum(int(digit) * (7, 3, 1)[i % 3] for i, digit in enumerate(reversed(base)))
    return str(-total % 10)


def _vat(invoice: dict[str, Any], company: Any) -> Errors:
    for index, row in enumerate(invoice["invoiceRows"]):
        status = row.get("vatStatus", invoice.get("vatStatus"))
        percent = Decimal(str(row["vatPercent"]))
        if percent not in company.vat_percents:
            yield error(
                f"invoiceRows[{index}].vatPercent", "Value of the 'vatPercent' field is invalid: "
            )
        elif status not in company.vat_statuses or (status != 1 and percent != 0):
            yield error(f"invoiceRows[{index}].vatStatus", "ERROR_VATSTATUS_VATPERC")


def _channel(invoice: dict[str, Any]) -> Errors:
    channel, party = invoice["invoiceChannel"], invoice["counterParty"]
    addresses = (party["counterPartyAddress"], invoice.get("billingAddress"))
    # A billing address that is left out is a copy of the counterparty's.
    complete = [_is_complete(addresses[0] if a is None else a) for a in addresses]
    if channel in ("EDIFACT", "PAPER_INVOICE"):
        yield error("invoiceChannel", "Value of the 'invoiceChannel' field is invalid: ")
    if channel == "EMAIL" and not party.get("email"):
        yield error("counterParty.email", "Value of the 'email' cannot be blank.")
    if channel == "MAIL" and not any(complete):
        yield error(
            "counterParty.counterPartyAddress.street", "Value of the 'street' cannot be blank."
        )
    if channel == "ELECTRONIC_INVOICE":
        if not all(complete):
            yield error("billingAddress.street", "Value of the 'street' cannot be blank.")
        einvoice = party.get("einvoiceAddress") or {}
        for name in ("address", "operator"):
            if not einvoice.get(name):
                path = f"counterParty.einvoiceAddress.{name}"
                yield error(path, f"Value of the '{name}' cannot be blank.")
        if invoice["paymentInfo"].get("bankReferenceCode") is None:
            path = "paymentInfo.bankReferenceCode"
            yield error(path, "Value of the 'bankReferenceCode' cannot be blank.")


def _is_complete(address: dict[str, Any]) -> bool:
    return all(address.get(name) for name in ("name", "street", "zip", "city"))


def _buyer(invoice: dict[str, Any]) -> Errors:
    identifier = invoice["counterParty"].get("identifier") or ""
    looks_finnish = len(identifier) == 9 and identifier[7] == "-" and identifier[:7].isdecimal()
    if looks_finnish:
        try:
            ytunnus.validate(identifier)
        except ValidationError:
            yield error("counterParty.identifier", "ERROR_BRN_CODE")


def sums_of(invoice: dict[str, Any]) -> dict[str, Decimal]:
    """Net, VAT and gross: rows rounded to cents, VAT per rate rounded half away from zero.
    Procountor's own rounding is not documented (REFERENCE section 14)."""
    header = 1 - Decimal(str(invoice.get("discountPercent") or 0)) / 100
    gross_prices = invoice["extraInfo"]["unitPricesIncludeVat"]
    by_rate: dict[Decimal, Decimal] = {}
    for row in invoice["invoiceRows"]:
        amount = Decimal(str(row["quantity"])) * Decimal(str(row["unitPrice"])) * header
        amount *= 1 - Decimal(str(row["discountPercent"])) / 100
        rate = Decimal(str(row["vatPercent"]))
        by_rate[rate] = by_rate.get(rate, Decimal(0)) + _cents(amount)
    net = vat = Decimal(0)
    for rate, amount in by_rate.items():
        share = _cents(amount * rate / (100 + rate) if gross_prices else amount * rate / 100)
        vat += share
        net += amount - share if gross_prices else amount
    return {"net": net, "vat": vat, "gross": net + vat}


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
