"""How a call to Procountor can end without the answer it asked for: statuses and transport.

The codes are the `cause` of `integrations.procountor.errors` and what the engine itself writes
on an attempt. Statuses that have no words of their own share those of their hundred.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

_RETRIED = _("Nothing to do: the export is retried automatically.")
_ASKED = _("Wait: Procountor is asked before anything else happens.")
_FAULT = _("Tell the developers, with the number of the export. Nothing was submitted.")

ANSWERS: dict[str, Words] = {
    "connect_error": Words(_("No connection to Procountor could be opened."), _RETRIED),
    "connect_timeout": Words(_("Opening the connection to Procountor took too long."), _RETRIED),
    "connection_error": Words(_("The connection to Procountor failed."), _ASKED),
    "read_timeout": Words(_("Procountor did not answer within the time we wait."), _ASKED),
    "reset": Words(_("The connection was cut before Procountor's answer came."), _ASKED),
    "cut_off": Words(_("Procountor's answer broke off in the middle."), _ASKED),
    "broken_answer": Words(_("Procountor's answer could not be unpacked."), _ASKED),
    "too_slow": Words(_("Procountor's answer took longer than we wait in all."), _ASKED),
    "too_large": Words(_("Procountor's answer was larger than we read."), _ASKED),
    "not_json": Words(_("Another page came in place of Procountor's answer."), _ASKED),
    "no_id": Words(_("Procountor answered without the id of the invoice."), _ASKED),
    "no_results": Words(_("Procountor's list of found invoices could not be read."), _ASKED),
    "paging": Words(_("Procountor's list of found invoices does not come to an end."), _ASKED),
    "no_token": Words(_("Procountor answered without an access token."), _RETRIED),
    "redirect": Words(
        _("The address answered with a redirection, which Procountor's interface does not use."),
        _(
            "Wait: Procountor is asked first. If it goes on, tell the developers: a proxy or a "
            "gateway answers in its place."
        ),
    ),
    "rate_limited": Words(
        _(
            "Procountor asked for fewer requests. How it says so is not documented; status 429 is "
            "taken for it."
        ),
        _RETRIED,
    ),
    "proxy_error": Words(
        _("The proxy between us and Procountor failed."),
        _("Wait: if nothing left it is retried, else Procountor is asked first."),
    ),
    "tls_error": Words(
        _("The encrypted connection to Procountor failed."),
        _(
            "Wait: if nothing left it is retried. If it goes on, tell the developers: a "
            "certificate may have run out."
        ),
    ),
    "transport_error": Words(_("The exchange with Procountor failed in an unknown way."), _ASKED),
    "bad_header": Words(_("The request or its answer had a header that cannot be."), _FAULT),
    "bad_url": Words(_("The address of Procountor is not a valid one."), _FAULT),
    "pool_error": Words(_("No connection of this program was free for the request."), _RETRIED),
    "too_late": Words(_("The request did not leave within its time."), _RETRIED),
    "outage": Words(_("Procountor does not answer anybody just now."), _RETRIED),
    "drained": Words(_("The program was stopped before the request left."), _RETRIED),
    "lane_stopped": Words(
        _("The tenant's exports were stopped before the request left."), _RETRIED
    ),
    "key_unreadable": Words(
        _("The stored API key could not be opened here; nothing was submitted."),
        _("Tell the developers: FERNET_KEYS lacks the key it was sealed under."),
    ),
    "fault": Words(
        _("A fault in this program ended the request ({value})."),
        _("Wait: Procountor is asked first. Tell the developers, with the number of the export."),
    ),
    "http_400": Words(
        _("Status 400: the request was not accepted, and Procountor did not say why."), _ASKED
    ),
    "http_401": Words(
        _("Status 401: Procountor did not accept the API key or the access token."),
        _("Run the connection check of the tenant and follow its advice."),
    ),
    "http_403": Words(
        _("Status 403: the API key's user may not do this in Procountor."),
        _("Ask the customer to give the right in Procountor, then run the connection check."),
    ),
    "http_404": Words(
        _("Status 404: Procountor did not save the invoice, or does not know the address."),
        _ASKED,
    ),
    "http_408": Words(_("Status 408: something between us and Procountor lost patience."), _ASKED),
    "http_500": Words(
        _(
            "Status 500: Procountor failed on its side. Very long row texts are suspected to cause "
            "it; the cause itself is not known."
        ),
        _ASKED,
    ),
    "http_503": Words(_("Status 503: Procountor is out of use for a while."), _ASKED),
    "http_4xx": Words(
        _("Status {value}: a refusal that Procountor's own descriptions do not mention."), _ASKED
    ),
    "http_5xx": Words(_("Status {value}: the server, or one in between, failed."), _ASKED),
    "http_other": Words(
        _("Status {value}: not an answer that Procountor describes for this request."), _ASKED
    ),
}

_STATUS = re.compile(r"http_(\d{3})")


def answer_code(cause: str) -> tuple[str, str]:
    """The code of ANSWERS for an attempt's cause, and the value its words take: of "http_418"
    ("http_4xx", "418"). A cause that is not one of them comes back as it is."""
    if cause.startswith("fault_"):
        return "fault", cause.removeprefix("fault_")
    status = _STATUS.fullmatch(cause)
    if status is None:
        return cause, ""
    if cause in ANSWERS:
        return cause, status[1]
    family = f"http_{status[1][0]}xx"
    return family if family in ANSWERS else "http_other", status[1]
