"""What can happen between us and Procountor."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

ENGINE: dict[str, Words] = {
    "entry_being_looked_up": Words(
        _("A Procountor number that a person gave is being looked up."),
        _("Wait for its result."),
    ),
    "period_closed": Words(
        _("The invoice date {value} is not in an open period in Procountor."),
        _("Open the period in Procountor; the export is released when the check sees it."),
    ),
    "waits_for_invoice": Words(
        _("The credit note waits for the invoice {value} that it credits: it goes after it."),
        _(
            "Nothing to do with the credit note: put the invoice {value} right. The credit note "
            "goes by itself once that is in Procountor, or skipped."
        ),
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
    "bulk_stopped": Words(
        _("A bulk re-send was stopped before this export's turn came."),
        _("Resume the bulk re-send, or queue the export again by itself."),
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
    "restored": Words(
        _("A backup was put back: the invoice may have been submitted after it was made."),
        _("Wait: Procountor is asked before anything else happens."),
    ),
    "engine_failed": Words(
        _("The invoice could not be made ready ({value}): a fault in this program."),
        _("Tell the developers, with the number of the export. Nothing was submitted."),
    ),
    "not_found_again": Words(
        _("The invoice was accepted as {value}, but Procountor does not show it any more."),
        _("Look for it in Procountor. If it was deleted there, decide with the customer."),
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
