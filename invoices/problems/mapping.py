"""What can keep an invoice from becoming a payload for Procountor."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

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
    "payment_method_unmapped": Words(
        _("Nothing says what “{value}” is to Procountor; it knows {expected}."),
        _("Choose it in the tenant's mapping table of payment methods, then queue again."),
    ),
    "vat_category_unmapped": Words(
        _("No VAT status is chosen for the VAT category {value}."),
        _("Choose it in the tenant's VAT mapping with the accountant, then queue again."),
    ),
    "vat_status_not_in_use": Words(
        _("The VAT status {value} is not in use in the company; in use are {expected}."),
        _("Correct the tenant's VAT mapping, or have the status switched on in Procountor."),
    ),
    "vat_status_not_domestic": Words(
        _("The VAT status and the VAT percentage do not fit together."),
        _("Correct the tenant's VAT mapping or the row's VAT percentage."),
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
