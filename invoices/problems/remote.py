"""Codes of Procountor's that were found in public material (REFERENCE section 8)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

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
