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


INTAKE: dict[str, Words] = {}

MAPPING: dict[str, Words] = {}

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
