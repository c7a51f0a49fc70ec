"""The rules of POST and PUT /invoices that contract.json cannot say (REFERENCE 13 and 14).

Each rule reads what it needs and is silent about fields that are missing or of a wrong type:
`validation` reports those. Codes are the ones seen from Procountor; sentences follow the pattern
of one seen. Which rules are documented and which assumed: README.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from .checkdigits import has_wrong_check_digit, is_fi_reference, is_iban, is_rf_reference
from .company import SandboxCompany
from .validation import blank, invalid, parse_date, validate
from .wire import FieldError, Json, error

DOMESTIC = 1
LONGEST_TERM_DAYS = 999
_MAX_DIGITS = 15
_MAX_DECIMALS = 12

Rule = Callable[["_Invoice", SandboxCompany], Iterator[FieldError]]


class _Invoice:
    """Reads a posted invoice by path; an unfit value reads as None."""

    def __init__(self, body: Json) -> None:
        self.body = body

    def get(self, path: str) -> Any:
        found: Any = self.body
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def text(self, path: str) -> str:
        found = self.get(path)
        return found if isinstance(found, str) else ""

    def date(self, path: str) -> dt.date | None:
        return parse_date(self.get(path))

    def number(self, path: str) -> Decimal | None:
        return _number(self.get(path))

    def rows(self) -> Iterator[tuple[str, Json]]:
        rows = self.get("invoiceRows")
        for index, row in enumerate(rows if isinstance(rows, list) else []):
            if isinstance(row, dict):
                yield f"invoiceRows[{index}]", row


def check_invoice(body: Any, company: SandboxCompany) -> list[FieldError]:
    """Everything wrong with an invoice body, all at once; empty when it can be saved."""
    errors = validate("Invoice", body)
    if not isinstance(body, dict):
        return errors
    invoice = _Invoice(body)
    seen = {entry.get("field") for entry in errors}
    for rule in _RULES:
        for found in rule(invoice, company):
            # One complaint per field from the contract is enough.
            if found.get("field") is None or found["field"] not in seen:
                errors.append(found)
    return errors


def _kind(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    if invoice.text("type") not in ("", "SALES_INVOICE"):
        yield invalid("type", "the sandbox keeps sales invoices only")
    if not invoice.get("language"):
        yield blank("language")
    if invoice.text("deliveryMethod") == "OTHER":
        yield invalid("deliveryMethod", "OTHER is not supported on sales invoices")
    if invoice.get("invoiceRows") == []:
        yield blank("invoiceRows")


def _characters(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    for path, text in sorted(_texts(invoice.body)):
        try:
            text.encode("cp1252")
        except UnicodeEncodeError:
            yield invalid(path, "characters outside Windows-1252")


def _texts(body: Any) -> Iterator[tuple[str, str]]:
    # Not recursive: an unknown field may be nested deeper than the stack.
    waiting: list[tuple[str, Any]] = [("", body)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            waiting += [(f"{path}.{name}" if path else name, item) for name, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", item) for index, item in enumerate(value)]


def _magnitudes(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    """The sandbox's own limit, so that totals can be computed; Procountor's is unknown."""
    numbers = [
        (path, invoice.get(path)) for path in ("discountPercent", "paymentInfo.currencyRate")
    ]
    for where, row in invoice.rows():
        names = ("quantity", "unitPrice", "discountPercent", "vatPercent")
        numbers += [(f"{where}.{name}", row.get(name)) for name in names]
    for path, value in numbers:
        number = _number(value)
        if number is None or not number:
            continue
        decimals = -int(number.as_tuple().exponent)
        if number.adjusted() >= _MAX_DIGITS or decimals > _MAX_DECIMALS:
            yield invalid(path, "too many digits")


def _dates(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    day, due = invoice.date("date"), invoice.date("paymentInfo.dueDate")
    if day and due and due < day:
        yield error("DUE_DATE_BEFORE_BILL_DATE")
    elif day and due and (due - day).days > LONGEST_TERM_DAYS:
        yield invalid("paymentInfo.dueDate", f"payment term over {LONGEST_TERM_DAYS} days")
    if day and not company.is_open(day):
        yield error("CLOSED_FISCAL_PERIOD")


def _vat(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    header = invoice.get("vatStatus")
    if header is None:
        yield blank("vatStatus")
    elif isinstance(header, int) and header not in company.vat_statuses:
        yield invalid("vatStatus", "not in use in the company")
    for where, row in invoice.rows():
        percent, own = _number(row.get("vatPercent")), row.get("vatStatus")
        status = header if own is None else own
        if isinstance(own, int) and own not in company.vat_statuses:
            yield invalid(f"{where}.vatStatus", "not in use in the company")
        if percent is None:
            continue
        if percent not in company.vat_percents:
            yield invalid(f"{where}.vatPercent", "not in use in the company")
        if isinstance(status, int) and status != DOMESTIC and percent != 0:
            yield error("ERROR_VATSTATUS_VATPERC", f"{where}.vatStatus")
    country = invoice.text("vatCountry")
    if country and country != company.country:
        yield invalid("vatCountry", "the company does not use foreign VAT")


def _payment(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    field = "paymentInfo.bankAccount.accountNumber"
    number = invoice.text(field)
    active = {a["iban"] for a in company.bank_accounts if a["status"] == "ACTIVE"}
    if not number:
        if invoice.text("paymentInfo.paymentMethod") != "CASH":
            yield blank("paymentInfo.bankAccount")
    elif not is_iban(number):
        yield invalid(field, "not a valid IBAN without spaces")
    elif number not in active:
        yield invalid(field, "not an active account of the company")
    if invoice.get("paymentInfo.bankAccount.bic"):
        yield invalid("paymentInfo.bankAccount.bic", "not supported on sales invoices")
    currency, rate = (
        invoice.text("paymentInfo.currency"),
        invoice.number("paymentInfo.currencyRate"),
    )
    if currency and rate is not None:
        foreign = currency != company.currency
        if (foreign and (rate == 1 or rate <= 0)) or (not foreign and rate != 1):
            yield invalid("paymentInfo.currencyRate", "does not fit the currency")
    if invoice.text("paymentInfo.cashDiscount.cashDiscountsTermType") == "FROM_END_OF_MONTH":
        field = "paymentInfo.cashDiscount.cashDiscountsTermType"
        yield invalid(field, "in Danish environments only")


def _reference(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    code = invoice.text("paymentInfo.bankReferenceCode")
    kind = invoice.text("paymentInfo.bankReferenceCodeType")
    if kind not in ("", "FI", "RF"):
        yield invalid("paymentInfo.bankReferenceCodeType", "not allowed in the company's country")
    elif code:
        looks = kind or ("RF" if code.startswith("RF") else "FI")
        if not (is_rf_reference if looks == "RF" else is_fi_reference)(code):
            yield invalid("paymentInfo.bankReferenceCode", "check digit or form is wrong")


def _channel(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    channel = invoice.text("invoiceChannel")
    if channel in ("EDIFACT", "PAPER_INVOICE"):
        yield invalid("invoiceChannel", f"{channel} is not allowed")
    elif channel == "EMAIL" and not invoice.text("counterParty.email").strip():
        yield blank("counterParty.email")
    elif channel == "MAIL":
        buyer, billing = _missing(invoice, _BUYER), _missing(invoice, "billingAddress")
        if buyer and billing:
            yield from map(blank, buyer)
    elif channel == "ELECTRONIC_INVOICE":
        yield from _electronic(invoice)


_BUYER = "counterParty.counterPartyAddress"


def _electronic(invoice: _Invoice) -> Iterator[FieldError]:
    yield from map(blank, _missing(invoice, _BUYER))
    # Left out, the billing address is a copy of the buyer's.
    if invoice.get("billingAddress") is not None:
        yield from map(blank, _missing(invoice, "billingAddress", "name"))
    if not invoice.text("counterParty.einvoiceAddress.address").strip():
        yield blank("counterParty.einvoiceAddress.address")
    country = invoice.text(f"{_BUYER}.country")
    if country == "FINLAND" and not invoice.text("counterParty.einvoiceAddress.operator").strip():
        yield blank("counterParty.einvoiceAddress.operator")
    if invoice.get("paymentInfo.bankReferenceCode") is None:
        yield blank("paymentInfo.bankReferenceCode")


def _missing(invoice: _Invoice, address: str, *more: str) -> list[str]:
    fields = (f"{address}.{name}" for name in (*more, "street", "zip", "city"))
    return [field for field in fields if not invoice.text(field).strip()]


def _buyer(invoice: _Invoice, company: SandboxCompany) -> Iterator[FieldError]:
    if has_wrong_check_digit(invoice.text("counterParty.identifier")):
        yield error("ERROR_BRN_CODE", "counterParty.identifier")
    if invoice.get("deliveryAddress") and not invoice.get("deliveryAddress.country"):
        yield blank("deliveryAddress.country")
    copies = invoice.get("counterParty.bccAddresses")
    if not isinstance(copies, list):
        return
    field = "counterParty.bccAddresses"
    if len(copies) > 4:
        yield invalid(field, "more than 4 addresses")
    for index, address in enumerate(copies):
        if isinstance(address, str) and len(address) > 256:
            yield invalid(f"{field}[{index}]", "longer than 256 characters")
        if address and address == invoice.text("counterParty.email"):
            yield invalid(f"{field}[{index}]", "equal to the main address")


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if number.is_finite() else None


_RULES: tuple[Rule, ...] = (
    _kind,
    _characters,
    _magnitudes,
    _dates,
    _vat,
    _payment,
    _reference,
    _channel,
    _buyer,
)
