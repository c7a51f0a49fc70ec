"""The words for every problem code: what is wrong, and what to do next, in the reader's language.

A `Problem` (see `invoices.document`) is stored as data and put into words only when shown.
One catalogue serves intake, mapping, the engine and Procountor's own codes. A code of
Procountor's that is not here is shown raw with its field: a translation is never invented.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from invoices.document import Problem


class Words(NamedTuple):
    """`cause` says what is wrong, `remedy` the next step; both may use {value} and {expected}."""

    cause: str | Promise
    remedy: str | Promise


INTAKE: dict[str, Words] = {
    "file_empty": Words(
        _("The file is empty."),
        _("Export the file again at the source and upload it anew."),
    ),
    "file_too_large": Words(
        _("The file has {value} bytes; at most {expected} are read."),
        _("Split the file at the source and upload the parts."),
    ),
    "file_too_complex": Words(
        _("The file has {value} elements; at most {expected} are read."),
        _("Split the file at the source and upload the parts."),
    ),
    "format_unknown": Words(
        _("The file is not in a format we read ({value})."),
        _("Upload Finvoice XML or our own JSON form; the intake guide describes both."),
    ),
    "encoding_unknown": Words(
        _("The file declares a character encoding we do not know: {value}."),
        _("Have the source system write UTF-8 or ISO-8859-15."),
    ),
    "encoding_wrong": Words(
        _("The text is not in the character encoding it declares ({value})."),
        _("Export it again at the source so that the declaration and the text agree."),
    ),
    "xml_broken": Words(
        _("The XML is broken: {value}."),
        _("Export this invoice again at the source; the file's other invoices are not affected."),
    ),
    "xml_forbidden": Words(
        _("The XML declares or uses an entity ({value}), which is not safe to read."),
        _("Have the source system write plain text instead of entities."),
    ),
    "json_broken": Words(
        _("The JSON is broken at line and column shown: {value}."),
        _("Correct the file at the source and upload it again."),
    ),
    "too_deep": Words(
        _("The data is nested more than {expected} levels deep."),
        _("Compare the file with the example in the intake guide and correct it at the source."),
    ),
    "too_many": Words(
        _("There are too many of these: {value}; at most {expected} are read."),
        _("Split the file or the invoice at the source and upload the parts."),
    ),
    "not_a_list": Words(
        _("This should be a list."),
        _("Compare the file with the example in the intake guide and correct it at the source."),
    ),
    "not_an_object": Words(
        _("This should be an invoice, but is {value}."),
        _("Compare the file with the example in the intake guide and correct it at the source."),
    ),
    "missing": Words(
        _("A required value is missing."),
        _("Fill in the value at the source and upload the invoice again."),
    ),
    "not_a_number": Words(
        _("{value} is not a number we can read."),
        _("Correct the figure at the source: digits, one decimal mark, at most eight decimals."),
    ),
    "number_ambiguous": Words(
        _("{value} can mean thousands or decimals."),
        _("Have the source write a decimal comma and no thousands separator."),
    ),
    "not_a_date": Words(
        _("{value} is not a date that exists."),
        _("Correct the date at the source: year, month, day, from 1990 to 2099."),
    ),
    "not_text": Words(
        _("{value} should be text."),
        _("Write the value in quotation marks at the source, so that leading zeros are kept."),
    ),
    "too_long": Words(
        _("{value} is too long; at most {expected} characters fit."),
        _("Shorten the value at the source and upload the invoice again."),
    ),
    "not_allowed": Words(
        _("{value} is not allowed here; expected: {expected}."),
        _("Correct the value at the source and upload the invoice again."),
    ),
    "unknown_field": Words(
        _("There is no such field."),
        _("Check the spelling against the intake guide, or leave the field out."),
    ),
    "repeated_field": Words(
        _("The field is given more than once, so its value is not certain."),
        _("Leave only the right one at the source and upload the invoice again."),
    ),
    "invalid": Words(
        _("The value cannot be used: {value}."),
        _("Compare it with the intake guide and correct it at the source."),
    ),
    "totals_differ": Words(
        _("The invoice states {value}, but its figures give {expected}."),
        _("Correct the rows or the total at the source; we never change either to make them fit."),
    ),
    "totals_missing": Words(
        _("The invoice states no totals, so its rows could not be checked."),
        _("Compare the total with the invoice the buyer got before exporting."),
    ),
    "type_refused": Words(
        _("This is not a sales invoice or a credit note of ours (type {value}; read: {expected})."),
        _("Leave it out: reminders, interest, pro forma and self-billing are not exported."),
    ),
    "corrected_invoice": Words(
        _("This is a corrected invoice that replaces an earlier one."),
        _("Check that the earlier invoice is credited or was never exported."),
    ),
    "invoice_cancelled": Words(
        _("The invoice is marked as cancelled."),
        _("Leave it out, or export the credit note if the invoice was already in Procountor."),
    ),
    "invoice_copy": Words(
        _("The invoice is marked as a copy."),
        _("Check that the original is not in Procountor already."),
    ),
    "credit_note_positive": Words(
        _("The credit note's total {value} is not negative."),
        _("Correct the type or the signs at the source."),
    ),
    "negative_invoice": Words(
        _("The invoice's total {value} is negative; it is read as a credit note."),
        _("Check that a credit note is meant."),
    ),
    "several_due_dates": Words(
        _("The invoice has several due dates: {value}."),
        _("Instalments cannot be exported: give one due date at the source."),
    ),
    "instalments": Words(
        _("The invoice is to be paid in instalments, which are not exported."),
        _("Check the due date; the instalments must be agreed and followed elsewhere."),
    ),
    "currency_mixed": Words(
        _("The amounts are in several currencies: {value}."),
        _("Give all amounts of one invoice in one currency at the source."),
    ),
    "reference_damaged": Words(
        _("The reference number {value} is damaged, probably by a spreadsheet."),
        _("Export the reference number as text at the source and upload the invoice again."),
    ),
    "cash_discount_dropped": Words(
        _("A cash discount could not be read and is left out."),
        _("Give its last day and its percentage at the source if it is to be exported."),
    ),
    "paid_amount_missing": Words(
        _("The invoice is marked {value}, but says not how much is paid."),
        _("Check the payment in Procountor after the export; the whole amount is exported."),
    ),
    "country_unknown": Words(
        _("{value} is not a two-letter country code; it is left out."),
        _("Correct the country at the source if the buyer is not in Finland."),
    ),
    "personal_id_dropped": Words(
        _("The buyer's identifier looked like a personal identity code and was not kept."),
        _("Do not send personal identity codes; use the customer number instead."),
    ),
    "sub_row_skipped": Words(
        _("A sub row of {value} is not counted; the rows and totals decide."),
        _("Nothing to do when the sub rows only repeat what the rows say."),
    ),
    "sub_row_unclear": Words(
        _("A sub row has an amount ({value}) and there is no total to check it against."),
        _("Put the amount on a row of its own, or state the totals, at the source."),
    ),
    "net_computed": Words(
        _("The row's amount without VAT is missing; it was counted from {value} with VAT."),
        _("Compare the row with the invoice the buyer got."),
    ),
    "row_recomputed": Words(
        _("Quantity and price ({value}) do not give the row's amount {expected}, which is kept."),
        _("Nothing to do when a discount or charge explains it; the comment has the figures."),
    ),
    "header_charge_informational": Words(
        _("Charges and discounts of {value} are in the rows already and were not added."),
        _("Compare the total with the invoice the buyer got."),
    ),
    "vat_code_missing": Words(
        _("VAT is 0 % but no VAT code says why."),
        _("Give the VAT code at the source; the invoice cannot be exported without a reason."),
    ),
    "vat_code_doubtful": Words(
        # xgettext:no-python-format
        _("VAT code {value} at 0 % can mean several things here."),
        _("Give the VAT code at the source as in Finvoice 3.0, or choose the treatment by hand."),
    ),
    "vat_code_conflict": Words(
        _("VAT code and rate do not fit together: {value}."),
        _("Correct the code or the rate at the source."),
    ),
    "vat_code_refused": Words(
        _("VAT code {value} is for other countries and cannot be exported."),
        _("Enter the invoice in Procountor by hand after asking the accountant."),
    ),
    "version_unknown": Words(
        _("The Finvoice version {value} is not known; it is read as the nearest one."),
        _("Check the VAT treatment of the rows before exporting."),
    ),
    "text_garbled": Words(
        _("Some text looks wrongly decoded: {value}."),
        _("Correct the character encoding at the source if the letters are wrong there too."),
    ),
}

MAPPING: dict[str, Words] = {
    "characters_not_supported": Words(
        _("Procountor does not take every character of {value}."),
        _("Change it at the source; this would do: {expected}"),
    ),
    "vat_rate_not_finnish": Words(
        # xgettext:no-python-format
        _("{value} % is not a Finnish VAT rate; on that day they are {expected}."),
        _("Correct the rate at the source, or enter foreign VAT in Procountor by hand."),
    ),
    "vat_rate_other_date": Words(
        # xgettext:no-python-format
        _("{value} % is not in force on the delivery date; the rates then are {expected}."),
        _("Check the rate and the delivery date; the rate is exported as it is."),
    ),
    "vat_percent_not_in_use": Words(
        # xgettext:no-python-format
        _("{value} % is not in use in the company; in use are {expected}."),
        _("Have the rate switched on in Procountor, run the connection check and queue again."),
    ),
    "vat_category_missing": Words(
        _("VAT is 0 %, and nothing says why."),
        _("Give the VAT category at the source: exempt, reverse charge, EU goods and so on."),
    ),
    "vat_category_unmapped": Words(
        _("No VAT status is chosen for the VAT category {value}."),
        _("Choose it in the tenant's VAT mapping with the accountant, then queue again."),
    ),
    "vat_status_not_in_use": Words(
        _("The VAT status {value} is not in use in the company; in use are {expected}."),
        _("Correct the tenant's VAT mapping, or have the status switched on in Procountor."),
    ),
    "vat_reason_missing": Words(
        _("The invoice does not say why there is no VAT (category {value})."),
        _("Give the reason or the section of the law in the invoice's text at the source."),
    ),
    "aland_held": Words(
        _("The sale goes to Åland, which has VAT rules of its own."),
        _("Enter the invoice in Procountor by hand after asking the accountant."),
    ),
    "vat_number_missing": Words(
        _("The buyer's VAT number is missing; the VAT category {value} needs it."),
        _("Add the buyer's VAT number at the source."),
    ),
    "vat_number_invalid": Words(
        _("{value} is not a valid VAT number."),
        _("Correct the buyer's VAT number at the source."),
    ),
    "vat_number_not_eu": Words(
        _("{value} is not a VAT number of another EU country, as EU goods need."),
        _("Correct the buyer's VAT number or the VAT category at the source."),
    ),
    "vat_number_doubtful": Words(
        _("The VAT number {value} has not the form its country uses."),
        _("Check the buyer's VAT number; it is exported as it is."),
    ),
    "business_id_left_out": Words(
        _("{value} is not a valid Finnish business ID, so the invoice is exported without it."),
        _("Correct the buyer's business ID at the source for the next invoices."),
    ),
    "vat_number_left_out": Words(
        _("{value} is not a valid Finnish VAT number, so the invoice is exported without it."),
        _("Correct the buyer's VAT number at the source for the next invoices."),
    ),
    "personal_id_refused": Words(
        _("The value looks like a personal identity code, which is not passed on."),
        _("Remove it at the source; use a customer number instead."),
    ),
    "einvoice_address_doubtful": Words(
        _("The e-invoice address {value} begins like an OVT code but is not a valid one."),
        _("Check the buyer's e-invoice address; it is exported as it is."),
    ),
    "reference_invalid": Words(
        _("The reference number {value} fails its check."),
        _("Correct it at the source; without one Procountor makes its own."),
    ),
    "reference_dropped": Words(
        _("The reference number {value} fails its check and is left out; the notes keep it."),
        _("Procountor makes its own reference: check that the buyer pays with the right one."),
    ),
    "due_date_before_date": Words(
        _("The due date {value} is before the invoice date {expected}."),
        _("Correct the due date or the invoice date at the source."),
    ),
    "due_date_too_late": Words(
        _("The payment term is {value} days; at most {expected} are possible."),
        _("Correct the due date at the source."),
    ),
    "payment_term_long": Words(
        _("The payment term is {value} days; more than {expected} has to be agreed expressly."),
        _("Check that the term is agreed with the buyer; it is exported as it is."),
    ),
    "bank_account_missing": Words(
        _("No bank account is chosen for the tenant's invoices."),
        _("Choose the account in the tenant's settings, then queue again."),
    ),
    "bank_account_not_active": Words(
        _("The bank account {value} is not among the company's active accounts."),
        _("Run the connection check, or choose another account in the tenant's settings."),
    ),
    "seller_account_differs": Words(
        _("The invoice names the bank account {value}; {expected} is exported."),
        _("Check which account the buyer was told to pay to."),
    ),
    "currency_not_supported": Words(
        _("Procountor does not know the currency {value}."),
        _("Correct the currency at the source, or enter the invoice in Procountor by hand."),
    ),
    "currency_rate_missing": Words(
        _("The invoice is in {value}, and its exchange rate is missing."),
        _("Give the rate at the source: how many {value} one euro is."),
    ),
    "currency_rate_invalid": Words(
        _("{value} cannot be the rate of one euro in {expected}."),
        _("Correct the rate at the source: how many {expected} one euro is."),
    ),
    "too_many_cash_discounts": Words(
        _("The invoice has {value} cash discounts; at most {expected} are possible."),
        _("Leave only those that hold at the source."),
    ),
    "cash_discount_too_high": Words(
        _("The cash discount is {value} %; at most {expected} % is possible."),
        _("Correct the discount at the source."),
    ),
    "corrects_number_missing": Words(
        _("The credit note does not say which invoice it corrects, as the law asks."),
        _("Give the number of the original invoice at the source."),
    ),
    "invoice_negative": Words(
        _("The invoice's total {value} is negative."),
        _("Mark it as a credit note at the source and name the invoice it corrects."),
    ),
    "channel_not_allowed": Words(
        _("The invoice channel {value} is not possible; possible are {expected}."),
        _("Choose another channel in the tenant's settings."),
    ),
    "channel_field_missing": Words(
        _("The invoice channel {value} needs this, and it is missing."),
        _("Add it at the source, or choose another channel in the tenant's settings."),
    ),
    "country_missing": Words(
        _("The address has no country; Finland ({expected}) is exported."),
        _("Give the country at the source if it is another one."),
    ),
    "country_not_supported": Words(
        _("Procountor does not know the country code {value}."),
        _("Correct the country at the source: two letters as in ISO 3166."),
    ),
    "address_incomplete": Words(
        _("The buyer's street, postcode or city is missing."),
        _("A VAT invoice has to show the buyer's address: complete it at the source."),
    ),
    "zip_padded": Words(
        _("The postcode {value} has lost its zeros; {expected} is exported."),
        _("Have the source write postcodes as text."),
    ),
    "delivery_date_missing": Words(
        _("The invoice has no delivery date, so {expected} counts as the day of the sale."),
        _("Give the delivery date at the source when it was another day."),
    ),
    "period_reversed": Words(
        _("The period ends on {value}, before it begins on {expected}."),
        _("Correct the dates at the source."),
    ),
    "unit_unknown": Words(
        _("Procountor has no unit for {value}; the row's comment keeps the word."),
        _("Nothing to do; use a usual unit at the source if it matters."),
    ),
    "unit_ambiguous": Words(
        _("The unit {value} can be hours or tonnes; {expected} is exported."),
        _("Have the source write h for hours and tn for tonnes."),
    ),
    "row_name_vague": Words(
        _("{value} does not tell what was sold."),
        _("A VAT invoice has to name the goods or services: name them at the source."),
    ),
    "prepaid": Words(
        _("{value} is paid already; the whole invoice is exported all the same."),
        _("Record the payment in Procountor, or let the bank statement do it."),
    ),
}

#: Codes of Procountor's that were found in public material; source: REFERENCE section 8.
REMOTE: dict[str, Words] = {
    "DUE_DATE_BEFORE_BILL_DATE": Words(
        _("The due date is earlier than the invoice date."),
        _("Correct the due date or the payment term at the source."),
    ),
    "CLOSED_FISCAL_PERIOD": Words(
        _("The invoice date is in a closed period in Procountor."),
        _("Open the period in Procountor, or change the invoice date, then queue again."),
    ),
    "ERROR_BRN_CODE": Words(
        _("The buyer's business ID or VAT number is missing or malformed."),
        _("Correct the business ID or VAT number at the source."),
    ),
    "ERROR_VATSTATUS_VATPERC": Words(
        _("The VAT status and the VAT percentage do not fit together."),
        _("Correct the tenant's VAT mapping or the row's VAT percentage."),
    ),
    "ERROR_LEDGERACCOUNT_VATPERCENTAGE_COMBINATION": Words(
        _("The ledger account is missing from the chart of accounts or clashes with the VAT."),
        _("Ask the customer's accountant to correct the account in Procountor."),
    ),
    "DIMENSION_OR_DIMENSION_ITEM_IDENTIFIERS_DOES_NOT_MATCH_THOSE_STORED_IN_DATABASE": Words(
        _("A dimension item has been closed or removed in Procountor."),
        _("Ask the customer's accountant to correct the dimensions in Procountor."),
    ),
    "Unauthorized": Words(
        _("Procountor refused the credentials."),
        _("Run the connection check of the tenant and follow its advice."),
    ),
}

ENGINE: dict[str, Words] = {
    "period_closed": Words(
        _("The invoice date {value} is not in an open period in Procountor."),
        _("Open the period in Procountor; the export is released when the check sees it."),
    ),
    "credential_refused": Words(
        _("Procountor did not accept the tenant's API key."),
        _("Run the connection check; the waiting exports go on when it passes."),
    ),
    "rights_refused": Words(
        _("The API key's user has no right to create sales invoices."),
        _("Ask the customer to give the right in Procountor, then run the connection check."),
    ),
    "credential_missing": Words(
        _("The tenant has no active API key."),
        _("File the customer's API key; the waiting exports go on when its check passes."),
    ),
    "retries_exhausted": Words(
        _("Procountor could not be reached in spite of every automatic retry."),
        _("Check that Procountor answers, then queue again: nothing was submitted."),
    ),
    "not_reached": Words(
        _("Procountor could not be reached ({value}); nothing was submitted."),
        _("Nothing to do: the export is retried automatically."),
    ),
    "no_answer": Words(
        _("No clear answer came ({value}); the invoice may or may not be in Procountor."),
        _("Wait: Procountor is asked before anything else happens."),
    ),
    "never_answered": Words(
        _("{expected} times no clear answer came ({value}), and the invoice is not in Procountor."),
        _("Look at the rows for very long texts, ask Procountor's support, then queue again."),
    ),
    "conflict": Words(
        _("Procountor already has an invoice with this number, but it is different: {value}."),
        _("Compare the two. If the one in Procountor is right, skip this export with a reason."),
    ),
    "several_found": Words(
        _("Procountor has several invoices with this number: {value}."),
        _("Look at them in Procountor and invalidate the wrong ones, then queue again."),
    ),
    "lookup_blind": Words(
        _("The API key's user cannot see all sales invoices, so a look-up proves nothing."),
        _("Ask the customer to give the right to search sales invoices, then queue again."),
    ),
    "lookup_refused": Words(
        _("Procountor refused the look-up ({value})."),
        _("Check in Procountor whether the invoice is there, then queue again or skip."),
    ),
    "total_differs": Words(
        _("Procountor's total {value} differs from the invoice's total {expected}."),
        _("Compare the rows in Procountor with the invoice and correct it there."),
    ),
    "crashed": Words(
        _("The program stopped while the invoice was being submitted."),
        _("Wait: Procountor is asked before anything else happens."),
    ),
    "refused": Words(
        _("Procountor refused the invoice (status {value}) without saying why."),
        _("Look at the attempt's answer; ask Procountor's support if it does not help."),
    ),
}

CATALOGUE = INTAKE | MAPPING | ENGINE | REMOTE


def words_for(problem: Problem) -> Words:
    """The catalogue's words with the problem's values filled in; raw code when it has none."""
    known = CATALOGUE.get(problem.code)
    if known is None:
        return Words(
            gettext("Unknown code: %(code)s") % {"code": problem.code},
            gettext("Look at the answer itself; the code is not in our catalogue yet."),
        )
    filled = (
        str(text).replace("{value}", problem.value).replace("{expected}", problem.expected)
        for text in known
    )
    return Words(*filled)


def sentence(problem: Problem) -> str:
    """One line for people: place, cause, remedy."""
    words = words_for(problem)
    place = f"{problem.place}: " if problem.place else ""
    return f"{place}{words.cause} {words.remedy}"


def sentences(stored: Iterable[dict[str, str]]) -> list[str]:
    """Words for problems as they are stored in a JSON column."""
    return [sentence(Problem.from_json(item)) for item in stored]
