"""Codes and sentences of Procountor's that were found in public material (REFERENCE section 8).

The official list of codes is not public as text, so this one is not complete; what is not here
is shown raw and collected (`invoices.wording`).
"""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

#: Sentences that carry a field's name or more; the code they share stands for all of them.
BLANK_VALUE = "Value of the '<field>' cannot be blank."
INVALID_VALUE = "Value of the '<field>' field is invalid: "
_SENTENCES = (
    (re.compile(r"Value of the '([^']*)' cannot be blank\.?\s*", re.DOTALL), BLANK_VALUE),
    (re.compile(r"Value of the '[^']*' field is invalid:(.*)", re.DOTALL), INVALID_VALUE),
)

REMOTE: dict[str, Words] = {
    "DUE_DATE_BEFORE_BILL_DATE": Words(
        _("The due date is earlier than the invoice date."),
        _("Correct the due date or payment term here, and at the source for the next time."),
    ),
    "CLOSED_FISCAL_PERIOD": Words(
        _("The invoice date is in a closed period in Procountor."),
        _("Open the period in Procountor, or change the invoice date, then queue again."),
    ),
    "ERROR_BRN_CODE": Words(
        _("The buyer's business ID or VAT number is missing or malformed."),
        _("Correct the business ID or VAT number here, and at the source for the next time."),
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
    BLANK_VALUE: Words(
        _("Procountor needs a value in the field {field}, and it is empty."),
        _("Fill in the value at the source, then queue again."),
    ),
    INVALID_VALUE: Words(
        _("Procountor does not accept the value in the field {field}. Its own explanation: {why}"),
        _(
            "Compare the value with what the field may hold and correct it at the source. Which "
            "values Procountor accepts is not known for every field."
        ),
    ),
    "Unauthorized": Words(
        _("Procountor refused the credentials."),
        _("Run the connection check of the tenant and follow its advice."),
    ),
}


def remote_code(message: str) -> tuple[str, str]:
    """The code of REMOTE for what Procountor wrote, and its own explanation inside a sentence;
    a message that is not one of the sentences comes back as it is."""
    for pattern, code in _SENTENCES:
        if found := pattern.fullmatch(message):
            return code, found[1].strip() if code == INVALID_VALUE else ""
    return message, ""
