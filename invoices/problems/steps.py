"""What can happen after an invoice is in Procountor, and with the PDFs that go with it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

_WAIT = _("Wait: Procountor is read before anything else happens.")

STEPS: dict[str, Words] = {
    "attachment_name": Words(
        _("The PDF has no usable file name."), _("Give the file a name and add it again.")
    ),
    "attachment_empty": Words(
        _("The PDF {value} is empty."), _("Save the PDF again and add the new file.")
    ),
    "attachment_not_pdf": Words(
        _("The file {value} is not a PDF."), _("Save it as a PDF and add that.")
    ),
    "attachment_too_large": Words(
        _("The PDF has {value} bytes; Procountor takes at most {expected}."),
        _("Make the PDF smaller, with images of lower quality for example."),
    ),
    "attachment_twice": Words(
        _("The invoice already has a PDF of the name {value}."),
        _("Give the file another name, or leave it out."),
    ),
    "attachment_too_late": Words(
        _("The PDF {value} cannot be added: the invoice is being sent, or has been."),
        _("Deliver the PDF to the buyer in another way."),
    ),
    "attachment_base64": Words(
        _("The content of the PDF is not base64."),
        _("Encode the file's bytes as base64 (RFC 4648) without line breaks."),
    ),
    "attachments_too_many": Words(
        _("The invoice has {value} attachments; at most {expected} are taken."),
        _("Join the PDFs into one file."),
    ),
    "step_no_answer": Words(
        _("No clear answer came ({value}); the step may or may not have been done."), _WAIT
    ),
    "step_not_seen": Words(
        _("Procountor answered that the step is done, but its copy does not show it yet."), _WAIT
    ),
    "step_crashed": Words(_("The program stopped while the step was on its way."), _WAIT),
    "step_restored": Words(
        _("A backup was put back: the step may have been done after it was made."), _WAIT
    ),
    "step_refused_403": Words(
        _("Procountor refused the step: a right is missing, or the invoice's status is wrong."),
        _("Wait: the invoice is read to see which of the two it is."),
    ),
    "step_not_reached": Words(
        _("Procountor could not be reached ({value}); nothing was changed there."),
        _("Nothing to do: it is tried again automatically."),
    ),
    "step_credential_refused": Words(
        _("Procountor did not accept the tenant's API key; nothing was changed there."),
        _("Run the connection check; the step goes on when it passes."),
    ),
    "step_retries_exhausted": Words(
        _("Procountor could not be reached in spite of every automatic retry ({value})."),
        _("Check that Procountor answers, then try the step again."),
    ),
    "step_never_answered": Words(
        _("{value} times no clear answer came, and the step is not done."),
        _("Ask Procountor's support, then try the step again or skip it."),
    ),
    "step_invoice_gone": Words(
        _("Procountor does not show the invoice {value} any more."),
        _("Look for it in Procountor. If it was deleted there, skip the step."),
    ),
    "step_read_refused": Words(
        _("Procountor refused to show the invoice."),
        _("Ask the customer for the right to search sales invoices, then try the step again."),
    ),
    "step_refused": Words(
        _("Procountor refused the step ({value}) without saying why."),
        _("Look at the attempt's answer; do the step in Procountor or skip it."),
    ),
    "step_total_changed": Words(
        _("The invoice's total in Procountor is now {value}; it was {expected}."),
        _("Find out who changed it. Approve and send it in Procountor, then skip the step."),
    ),
    "attach_wrong_status": Words(
        _("The PDF cannot be attached: the invoice's status in Procountor is {value}."),
        _("Add the PDF in Procountor if it is needed, then skip the step."),
    ),
    "approve_wrong_status": Words(
        _("The invoice cannot be approved: its status in Procountor is {value}."),
        _("Look at the invoice in Procountor, then skip the step or try it again."),
    ),
    "send_wrong_status": Words(
        _("The invoice cannot be sent: its status in Procountor is {value}."),
        _("Approve the invoice and check its channel in Procountor, then confirm sending."),
    ),
    "attach_rights": Words(
        _("The API key's user has no right to add files to invoices."),
        _("Ask the customer to give the right in Procountor, then try the step again."),
    ),
    "approve_rights": Words(
        _("The API key's user has no right to approve sales invoices."),
        _("Ask the customer to give the right in Procountor, then try the step again."),
    ),
    "send_rights": Words(
        _("The API key's user has no right to send sales invoices."),
        _("Ask the customer to give the right in Procountor, then confirm sending."),
    ),
    "send_not_shown": Words(
        _("The answer to sending was lost, and Procountor does not show the invoice as sent."),
        _("Send it in Procountor, or confirm here that it may be sent."),
    ),
    "delivery_failed": Words(
        _("Procountor sent the invoice, but it could not be delivered (status {value})."),
        _("Correct the buyer's e-invoice or e-mail address in Procountor and send it there."),
    ),
}
