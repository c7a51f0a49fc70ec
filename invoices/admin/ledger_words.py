"""Words, symbols and colours of reconciliation by day. A colour never stands alone."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from invoices.admin.words import money
from invoices.ledger_models import (
    DayVerdict,
    DifferenceKind,
    LedgerDay,
    LedgerDifference,
    LedgerRead,
)

K, V = DifferenceKind, DayVerdict

#: Verdict: colour, symbol.
_SIGNS = {
    V.EQUAL: ("green", "✓"),
    V.DIFFERENT: ("red", "✗"),
    V.UNDER_WAY: ("amber", "…"),
    V.EXPLAINED: ("none", "≈"),
    V.NOT_COMPARABLE: ("amber", "?"),
}
_MEANINGS = {
    V.EQUAL: _("Procountor has exactly the invoices that were received for this day."),
    V.DIFFERENT: _("Something is not as it should be: see the differences below."),
    V.UNDER_WAY: _("Invoices are still on their way to Procountor; the others agree."),
    V.EXPLAINED: _("What differs has been explained by a person."),
    V.NOT_COMPARABLE: _("Procountor could not be compared with what is here."),
}
CAUSES = {
    "sees_own_invoices_only": _(
        "The API key's user sees its own sales invoices only, so what it does not find may be "
        "there all the same. Have “own sales invoices only” switched off for that user."
    ),
    "rights_refused": _(
        "The API key's user may not search sales invoices. Have the right “Search sales "
        "invoices” given to it."
    ),
    "credential_refused": _("Procountor does not accept the API key: check the connection."),
    "credential_missing": _("There is no API key in use: ask the customer for one."),
    "key_unreadable": _("The API key cannot be opened with this installation's keys."),
    "tenant_not_active": _("The tenant is not active, so its key is not used."),
    "outage": _("Procountor does not answer at the moment; reading goes on by itself."),
    "rate_limited": _("Procountor asked us to slow down; reading goes on by itself."),
    "changed_meanwhile": _("Days that changed while they were read are read again later."),
}
REMEDIES = {
    K.NOT_EXPORTED: _("Open the export: it waits for a person. Queue it, or skip it."),
    K.MISSING_THERE: _(
        "Ask who deleted it in Procountor. If it should be there, it has to be entered there by "
        "hand; nothing is submitted a second time."
    ),
    K.INVALIDATED: _(
        "Ask who invalidated it and why. If the sale stands, a new invoice is needed; if not, "
        "write down the reason here."
    ),
    K.OTHER_TOTAL: _(
        "Compare the rows in Procountor with the invoice received; put right the one that is wrong."
    ),
    K.OTHER_DATE: _("Check which day is right: it decides the VAT period."),
    K.OTHER_NUMBER: _(
        "Put the original invoice number back in Procountor: look-ups find it by that."
    ),
    K.DOUBLE: _("Two invoices with one number: invalidate the wrong one in Procountor."),
    K.ORPHAN: _(
        "It looks like ours and is unknown here: entered by hand, or a double. Compare it with "
        "the source; if it is right, write down why."
    ),
    K.STILL_UNFINISHED: _(
        "It is not in the books yet: have it checked and approved in Procountor, or ask the "
        "customer what it waits for."
    ),
}


def cell(verdict: str | None) -> dict[str, str]:
    """Colour, sign and words of a day; None is a day nobody has read."""
    if verdict is None:
        return {"kind": "none", "sign": "·", "words": _t("Not read")}
    kind, sign = _SIGNS[V(verdict)]
    return {"kind": kind, "sign": sign, "words": str(V(verdict).label)}


def meaning(day: LedgerDay | None) -> str:
    if day is None:
        return _t("Nobody has read this day in Procountor yet.")
    if day.verdict == V.NOT_COMPARABLE:
        return cause_words(day.cause)
    return str(_MEANINGS[V(day.verdict)])


def cause_words(cause: str) -> str:
    if cause in CAUSES:
        return str(CAUSES[cause])
    return _t("Procountor answered with an error (%(code)s).") % {"code": cause}


def reading_words(read: LedgerRead | None) -> str:
    """What the newest reading of a range is at; "" when all is well."""
    if read is None:
        return ""
    if read.state == "reading":
        begun = _t("Procountor is being read; load the page again in a moment.")
        return f"{begun} {cause_words(read.cause)}" if read.cause else begun
    if read.state == "gave_up":
        failed = _t("The last reading failed; what is shown is older. It is tried again by itself.")
        return f"{failed} {cause_words(read.cause)}"
    return cause_words(read.cause) if read.cause else ""


def sums_of(sums: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for a template: per currency count and sum, received, exported and in Procountor."""
    return [
        {
            "currency": each["currency"],
            "parts": [
                {"count": each[part][0], "sum": money(Decimal(each[part][1]), each["currency"])}
                for part in ("received", "exported", "remote")
            ],
        }
        for each in sums
    ]


def compared(row: LedgerDifference) -> str:
    """What Procountor says and what is here, on one line."""
    theirs, ours = (
        shown(_FIELD_OF.get(row.kind, ""), row.facts.get(side, "")) for side in ("theirs", "ours")
    )
    if theirs and ours:
        return _t("Procountor: %(theirs)s, here: %(ours)s") % {"theirs": theirs, "ours": ours}
    return _t("Procountor: %(theirs)s") % {"theirs": theirs} if theirs else ""


#: Which field of a seal's line a difference is about.
_FIELD_OF: dict[str, str] = {K.OTHER_DATE: "date", K.OTHER_TOTAL: "total"}
_FIELDS = {
    "number": _("Invoice number"),
    "date": _("Invoice date"),
    "currency": _("Currency"),
    "total": _("Total with VAT"),
    "status": _("Status"),
}
_STATES = {"live": _("in force"), "gone": _("invalidated or deleted")}


def shown(field: str, value: str) -> str:
    """A stored date, sum ("99.00" or "99.00 EUR") or state in the reader's own notation."""
    if field == "date" and value:
        return str(date_format(dt.date.fromisoformat(value), "SHORT_DATE_FORMAT"))
    amount, _space, currency = value.partition(" ")
    if field == "total" and amount not in ("", "None"):
        return money(Decimal(amount), currency)
    return str(_STATES.get(value, value)) if field == "status" else value


def broken(each: dict[str, str]) -> dict[str, str]:
    """One line of what differs from a seal, in words."""
    field = each["field"]
    return {
        "number": each["number"],
        "id": each["id"],
        "field": str(_FIELDS.get(field, field)),
        "was": shown(field, each["was"]),
        "is": shown(field, each["is"]),
    }
