"""What support writes to a customer about its key: texts in the customer's language, filled in
with the tenant's own facts. The secret is no fact: a key is named by its last four characters.

Menu names follow REFERENCE sections 4.1 and 4.4; Procountor's menus differ between versions, so
the texts name them loosely.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from integrations import advice
from integrations.enums import CheckOutcome, Mover, TenantState
from integrations.models import ConnectionCheck, Tenant
from integrations.proof import Proof


class Reply(NamedTuple):
    """A text to send: `code` for the record, `title` for staff."""

    code: str
    title: str
    subject: str
    body: str


_DELETE = _(
    "Please delete the e-mail in which you sent the key, from the sent mails too: whoever has "
    "the key could use it."
)
TEXTS: dict[str, tuple[Promise, Promise, Promise]] = {
    "received": (
        _("The key has come and is being checked"),
        _("We received your API key"),
        _(
            "We received the API key of {company} (it ends in {last_four}) and are checking it. "
            "We write again when it works, or when something needs to be put right.\n\n{delete}"
        ),
    ),
    "working": (
        _("The key works"),
        _("Your connection to Procountor works"),
        _(
            "The API key of {company} (it ends in {last_four}) works: your sales invoices can be "
            "exported into Procountor. They are to be paid into the account {account}."
            "\n\n{delete}"
        ),
    ),
    "to_fix": (
        _("Something must be put right in Procountor"),
        _("Please put this right in Procountor"),
        _(
            "We received the API key of {company} (it ends in {last_four}). Before invoices can "
            "be exported, this needs to be put right:\n\n{findings}\n\nPlease write to us when "
            "it is done; we check again then. You need not send the same key again.\n\n{delete}"
        ),
    ),
    "invite": (
        _("Invitation"),
        _("Connect {company} to Procountor"),
        _(
            "To export your sales invoices into Procountor we need an API key that you make there "
            "yourself. This page guides you through it and checks the key at once:\n\n{link}\n\n"
            "The link is for {company} only, works until {until} and takes one key. Please do not "
            "send the key by e-mail. You may forward the link to whoever looks after Procountor "
            "for you."
        ),
    ),
    "remind": (
        _("Reminder"),
        _("Reminder: connect {company} to Procountor"),
        _(
            "Some days ago we sent you a link with which you can connect {company} to Procountor. "
            "No key has come by it yet. It works until {until}:\n\n{link}\n\nIf something is "
            "unclear, please answer this message."
        ),
    ),
    "ended": (
        _("The connection has ended"),
        _("Your connection to Procountor has ended"),
        _(
            "The connection of {company} (business ID {business_id}) to Procountor ended on "
            "{closed_at}.\n\n"
            "API keys, by their last four characters: {keys}\n"
            "Last use of a key: {last_use}\n"
            "Uses after the end, counted from our records: {uses_after}\n"
            "Invoices we exported: {exported}\n"
            "The secret of the keys: {secrets}\n\n"
            "The key stays valid in Procountor until you revoke it there: open Basics > API "
            "client keys, choose the key made for {client_id} and delete it. An administrator "
            "can also remove the key's user under Management > Users and user rights.\n\n"
            "We keep the records of what was exported as accounting evidence."
        ),
    ),
    "revoke": (
        _("How to revoke the key"),
        _("How to revoke your API key"),
        _(
            "To end the connection of {company}, open Basics > API client keys in Procountor, "
            "choose the key made for {client_id} and delete it. An administrator can also remove "
            "the key's user under Management > Users and user rights. Please tell us when it is "
            "done: we then destroy our copy of the key."
        ),
    ),
}


def replies_for(tenant: Tenant, language: str) -> list[Reply]:
    """The texts that fit the tenant's state, in `language` (fi, sv or en), the likeliest first.
    The titles are in the active language."""
    candidate = tenant.candidate
    key = candidate or tenant.active_credential
    if tenant.state == TenantState.CLOSED:
        key = key or tenant.credentials.first()
    # The last check may be of a key that this one has replaced.
    check = key.newest_check if key else None
    if key is None:
        return []
    is_closed = tenant.state == TenantState.CLOSED
    codes = ("revoke",) if is_closed else (_code_of(check), "revoke")
    return [fill(code, tenant, key.last_four, check, language) for code in codes]


def ending_of(proof: Proof, language: str) -> Reply:
    """The proof of last use of a closed tenant in `language`, for the customer."""
    tenant, evidence = proof.tenant, proof.evidence
    with translation.override(language):
        # One day is said once.
        period = [d for d in {_day(evidence.first_at): 1, _day(evidence.last_at): 1} if d]
        facts = {
            "business_id": tenant.business_id,
            "closed_at": _moment(proof.ended_at),
            "keys": ", ".join(str(key) for key, _last in proof.keys) or "–",
            "last_use": _moment(proof.last_use.last_at) if proof.last_use else str(_("never")),
            "uses_after": str(proof.uses_after if proof.is_countable else _("not known")),
            "exported": " ".join([str(evidence.exported), *_in_brackets("–".join(period))]),
            "secrets": _secrets(proof),
        }
    last_four = proof.keys[-1][0].last_four if proof.keys else ""
    return fill("ended", tenant, last_four, None, language, facts)


def _secrets(proof: Proof) -> str:
    destroy_on = proof.tenant.destroy_secrets_on
    if proof.held and destroy_on:
        day = date_format(destroy_on, "SHORT_DATE_FORMAT")
        return str(_("is destroyed on {day}")).replace("{day}", day)
    if proof.destroyed_at:
        return str(_("was destroyed on {moment}")).replace("{moment}", _moment(proof.destroyed_at))
    return str(_("is not stored here"))


def _day(moment: dt.datetime | None) -> str:
    return date_format(localtime(moment), "SHORT_DATE_FORMAT") if moment else ""


def _moment(moment: dt.datetime | None) -> str:
    return f"{_day(moment)} {localtime(moment):%H:%M:%S}" if moment else "–"


def _in_brackets(text: str) -> list[str]:
    return [f"({text})"] if text else []


def _code_of(check: ConnectionCheck | None) -> str:
    if check is None or check.outcome == CheckOutcome.RUNNING:
        return "received"
    if check.outcome == CheckOutcome.PASSED:
        return "working"
    return "to_fix" if _their_findings(check) else "received"


def _their_findings(check: ConnectionCheck) -> list[dict[str, str]]:
    """The red steps that are the customer's move."""
    known = [step for step in check.steps if step["code"] in advice.ADVICE]
    return [step for step in known if advice.ADVICE[step["code"]].mover == Mover.CUSTOMER]


def fill(
    code: str,
    tenant: Tenant,
    last_four: str,
    check: ConnectionCheck | None,
    language: str,
    facts: Mapping[str, str] | None = None,
) -> Reply:
    """One of TEXTS with its merge fields filled in; `facts` are further ones."""
    title, subject, body = TEXTS[code]
    shown_title = str(title)
    findings = _their_findings(check) if check else []
    with translation.override(language):
        hello = str(_("Hello {contact},")) if tenant.contact_name else str(_("Hello,"))
        text = "\n\n".join([hello, str(body), str(_("Kind regards\nFlashnode"))])
        sentences = [advice.customer_sentence(step, language) for step in findings]
        merged = {
            "delete": str(_DELETE),
            "findings": "\n".join(f"- {sentence}" for sentence in sentences),
            "contact": tenant.contact_name,
            "company": tenant.name,
            "last_four": last_four,
            "account": str(tenant.invoice_account or "–"),
            "client_id": settings.PROCOUNTOR[tenant.environment]["client_id"],
            **(facts or {}),
        }
        shown_subject = str(subject)
        for name, value in merged.items():
            text = text.replace("{" + name + "}", value)
            shown_subject = shown_subject.replace("{" + name + "}", value)
        return Reply(code, shown_title, shown_subject, text)
