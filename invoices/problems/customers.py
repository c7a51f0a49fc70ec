"""What to write to a customer about its own invoices: one sentence for each problem that is the
customer's to put right, in Procountor or in the program the invoices come from.

A code that is not here is ours: it is put right in the tenant's settings, or by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.problems.edited import edited_text
from invoices.problems.remote import BLANK_VALUE, INVALID_VALUE, remote_code
from invoices.problems.values import shown_value

#: The sentences may use {value}, {expected} and {field}.
CUSTOMER: dict[str, Promise] = {
    "period_closed": _(
        "The invoice date is in a closed period ({value}). Please open the period in Procountor."
    ),
    "vat_percent_not_in_use": _(
        # xgettext:no-python-format
        "VAT {value} % is not in use for sales in Procountor (in use: {expected}). Please switch "
        "it on in the VAT defaults, or correct the percentage."
    ),
    "bank_account_not_active": _(
        "The bank account {value} is not active in Procountor. Please activate it, or tell us "
        "which account your invoices are to be paid into."
    ),
    "channel_field_missing": _(
        "Delivering the invoice to the buyer ({value}) needs a detail that is missing: {field}."
    ),
    "missing": _("A detail that every invoice needs is missing: {field}."),
    "characters_not_supported": _(
        "Procountor does not take every character of “{value}”. This would do: {expected}"
    ),
    "too_long": _("“{value}” in {field} is too long: at most {expected} characters fit."),
    "vat_rate_not_finnish": _(
        # xgettext:no-python-format
        "{value} % is not a Finnish VAT rate on the day of the sale (they are {expected})."
    ),
    "vat_category_missing": _("VAT is 0 % and nothing says why. Please give the VAT category."),
    "vat_code_conflict": _("The VAT category and the VAT percentage do not agree: {value}."),
    "vat_reason_missing": _(
        "The invoice does not say why there is no VAT (category {value}). Please add the reason."
    ),
    "vat_number_missing": _("The buyer's VAT number is missing (VAT category {value})."),
    "vat_number_invalid": _("{value} is not a valid VAT number. Please correct the buyer's."),
    "vat_number_not_eu": _("{value} is not a VAT number of another EU country."),
    "personal_id_refused": _(
        "A personal identity code is where a number of the buyer belongs ({field}). Please "
        "remove it; a customer number can be used."
    ),
    "reference_invalid": _("The reference number {value} is not valid. Please correct it."),
    "reference_damaged": _("The reference number {value} is damaged. Please correct it."),
    "due_date_before_date": _("The due date {value} is before the invoice date {expected}."),
    "due_date_too_late": _("The payment term is {value} days; at most {expected} are possible."),
    "currency_not_supported": _("Procountor does not know the currency {value}."),
    "currency_rate_missing": _("The exchange rate of {value} is missing."),
    "currency_rate_invalid": _("{value} cannot be the exchange rate of {expected}."),
    "too_many_cash_discounts": _("There are {value} cash discounts; at most {expected} fit."),
    "cash_discount_too_high": _(
        # xgettext:no-python-format
        "The cash discount is {value} %; at most {expected} % is possible."
    ),
    "corrects_number_missing": _(
        "The credit note does not say which invoice it corrects. Please add the number."
    ),
    "totals_differ": _(
        "The invoice says {value} ({field}), but counted from its rows it is {expected}."
    ),
    "credit_note_positive": _("The total of the credit note is not negative: {value}."),
    "invoice_negative": _(
        "The total of the invoice is negative: {value}. Please make a credit note of it."
    ),
    "country_not_supported": _("Procountor does not know the country code {value} ({field})."),
    "period_reversed": _("A period ends on {value}, before it begins on {expected}."),
    # What Procountor itself refuses.
    "DUE_DATE_BEFORE_BILL_DATE": _("The due date is before the invoice date. Please correct it."),
    "CLOSED_FISCAL_PERIOD": _(
        "The invoice date is in a closed period. Please open the period in Procountor."
    ),
    "ERROR_BRN_CODE": _(
        "The buyer's business ID or VAT number is missing or malformed. Please correct it."
    ),
    "ERROR_LEDGERACCOUNT_VATPERCENTAGE_COMBINATION": _(
        "Procountor's ledger account is missing, or does not go with the VAT percentage. Please "
        "correct the account in Procountor."
    ),
    "DIMENSION_OR_DIMENSION_ITEM_IDENTIFIERS_DOES_NOT_MATCH_THOSE_STORED_IN_DATABASE": _(
        "A dimension item that the invoices use has been closed or removed in Procountor. Please "
        "put it back, or tell us which one to use."
    ),
    BLANK_VALUE: _("A detail that Procountor needs is missing: {field}."),
    INVALID_VALUE: _("Procountor does not accept “{value}” in {field}. Please correct it."),
    "rights_refused": _(
        "The user of the API key may not create sales invoices. Please give it all rights to "
        "sales invoices under Management > Users and user rights."
    ),
    "lookup_blind": _(
        "The user of the API key does not see all sales invoices. Please give it all rights to "
        "searching sales invoices under Management > Users and user rights."
    ),
    "credential_refused": _(
        "Procountor does not accept the API key any more. Please make a new one and send it to us."
    ),
}


_VALUES = ("value", "expected")


def customer_sentence(finding: Mapping[str, Any], language: str) -> str:
    """The sentence for a finding {code, field, value, expected} in `language` (fi, sv or en), as
    the office has it now; empty for a code that is not the customer's to put right."""
    code, _why = remote_code(finding["code"])
    text = edited_text(code, "customer", language)
    if not text:
        if code not in CUSTOMER:
            return ""
        with translation.override(language):
            text = str(CUSTOMER[code])
    with translation.override(language):
        shown = {name: shown_value(code, finding.get(name) or "–") for name in _VALUES}
    for name, value in (shown | {"field": finding.get("field") or "–"}).items():
        text = text.replace("{" + name + "}", value)
    return text
