"""How and when the invoice is to be paid: account, reference, due date, currency, discounts.

Source: finnish-invoicing, chapters 4 to 6; REFERENCE section 13.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from invoices.document import InvoiceDocument
from invoices.mapping.base import ExportSettings, Findings, ReferenceData
from invoices.mapping.codes import CURRENCIES
from invoices.mapping.numbers import plain, written
from invoices.mapping.references import is_damaged, normalise
from invoices.mapping.tables import PAYMENT, PAYMENT_METHODS, key_of
from invoices.mapping.totals import rounded

_LONGEST_TERM_DAYS = 999
#: Between businesses more has to be agreed expressly (Act 30/2013, section 5).
_USUAL_TERM_DAYS = 30
_MOST_CASH_DISCOUNTS = 3
_HIGHEST_CASH_DISCOUNT = Decimal("99.99")
_HIGHEST_CURRENCY_RATE = Decimal(1_000_000)


def payment_of(
    document: InvoiceDocument, settings: ExportSettings, reference: ReferenceData, found: Findings
) -> dict[str, Any]:
    """`paymentInfo` of the payload: to the tenant's own account, unless it is paid in cash."""
    method = _method_of(document, settings, found)
    payment: dict[str, Any] = {
        "paymentMethod": method,
        "currency": document.currency,
        "currencyRate": _currency_rate_of(document, found),
        "dueDate": _due_date_of(document, settings, found),
    }
    if method != "CASH":
        account = _account_of(document, settings, reference, found)
        payment["bankAccount"] = {"accountNumber": account}
    payment |= _reference_of(document, settings, found)
    if document.cash_discounts:
        payment["cashDiscount"] = _cash_discount_of(document, found)
    return payment


def _method_of(document: InvoiceDocument, settings: ExportSettings, found: Findings) -> str:
    word = document.payment_method
    own = settings.payment_methods.get(key_of(PAYMENT, word))
    if own is not None:
        return own
    if word and word.upper() not in PAYMENT_METHODS:
        found.stop("payment_method_unmapped", "payment_method", word, ", ".join(PAYMENT_METHODS))
    return word.upper() if word else "BANK_TRANSFER"


def penalty_of(document: InvoiceDocument, settings: ExportSettings) -> int | Decimal | None:
    """Late interest in percent, two decimals: the document's own, else the tenant's, else none."""
    percent = document.penalty_percent
    if percent is None:
        percent = settings.penalty_percent
    return None if percent is None else plain(rounded(percent))


def dropped_reference(document: InvoiceDocument, settings: ExportSettings) -> str:
    """The document's reference number when it is left out as the tenant wishes; else ""."""
    number = document.reference_number
    if not (number and settings.drop_invalid_reference) or is_damaged(number):
        return ""
    return number if normalise(number) is None else ""


def _reference_of(
    document: InvoiceDocument, settings: ExportSettings, found: Findings
) -> dict[str, str]:
    """An empty code makes Procountor generate one."""
    place, number = "reference_number", document.reference_number
    known = normalise(number)
    if known is not None:
        return {"bankReferenceCode": known[0], "bankReferenceCodeType": known[1]}
    if dropped_reference(document, settings):
        found.warn("reference_dropped", place, number)
    elif number:
        found.stop(
            "reference_damaged" if is_damaged(number) else "reference_invalid", place, number
        )
    return {"bankReferenceCode": ""}


def _due_date_of(document: InvoiceDocument, settings: ExportSettings, found: Findings) -> str:
    place, date = "due_date", document.date
    if document.due_date is not None:
        days = (document.due_date - date).days
    else:
        days = settings.days_to_pay
    if days < 0:
        found.stop("due_date_before_date", place, document.due_date or days, date)
    elif days > _LONGEST_TERM_DAYS or date.toordinal() + days > dt.date.max.toordinal():
        found.stop("due_date_too_late", place, days, _LONGEST_TERM_DAYS)
    else:
        if days > _USUAL_TERM_DAYS:
            found.warn("payment_term_long", place, days, _USUAL_TERM_DAYS)
        return (date + dt.timedelta(days=days)).isoformat()
    return ""


def _account_of(
    document: InvoiceDocument, settings: ExportSettings, reference: ReferenceData, found: Findings
) -> str:
    account, stated = _iban(settings.bank_account), _iban(document.seller_account)
    if not account:
        found.stop("bank_account_missing", "seller_account")
        return ""
    active = reference.active_accounts
    if active is not None and account not in {_iban(other) for other in active}:
        found.stop("bank_account_not_active", "seller_account", account)
    if stated and stated != account:
        found.warn("seller_account_differs", "seller_account", stated, account)
    return account


def _currency_rate_of(document: InvoiceDocument, found: Findings) -> int | Decimal:
    """Foreign units for one euro; 1 for euros."""
    currency, rate, place = document.currency, document.currency_rate, "currency_rate"
    if currency not in CURRENCIES:
        found.stop("currency_not_supported", "currency", currency)
    if currency == "EUR":
        return 1
    if rate is None:
        found.stop("currency_rate_missing", place, currency)
        return 1
    if rate == 1 or rate > _HIGHEST_CURRENCY_RATE:
        found.stop("currency_rate_invalid", place, written(rate), currency)
    return plain(rate)


def _cash_discount_of(document: InvoiceDocument, found: Findings) -> dict[str, Any]:
    place, discounts = "cash_discounts", document.cash_discounts
    if len(discounts) > _MOST_CASH_DISCOUNTS:
        found.stop("too_many_cash_discounts", place, len(discounts), _MOST_CASH_DISCOUNTS)
    for position, discount in enumerate(discounts, 1):
        if discount.percent > _HIGHEST_CASH_DISCOUNT:
            spot = f"{place}[{position}].percent"
            found.stop("cash_discount_too_high", spot, written(discount.percent), "99.99")
    return {
        "cashDiscountsTermType": "FROM_INV_DATE",
        "optionList": [
            {"numberOfDays": discount.days, "discountPercentage": plain(discount.percent)}
            for discount in discounts
        ],
    }


def _iban(account: str) -> str:
    return "".join(account.split()).upper()
