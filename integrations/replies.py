"""What support writes to a customer about its key: texts in the customer's language, filled in
with the tenant's own facts. The secret is no fact: a key is named by its last four characters.

Menu names follow REFERENCE sections 4.1 and 4.4; Procountor's menus differ between versions, so
the texts name them loosely.
"""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations import advice
from integrations.enums import CheckOutcome, Mover
from integrations.models import ConnectionCheck, Tenant


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
    check = candidate.newest_check if candidate else tenant.last_check
    if key is None:
        return []
    codes = (_code_of(check), "revoke")
    return [fill(code, tenant, key.last_four, check, language) for code in codes]


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
    further: dict[str, str] | None = None,
) -> Reply:
    """One of TEXTS with its merge fields filled in; `further` are those of single texts."""
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
        } | (further or {})
        shown_subject = str(subject)
        for name, value in merged.items():
            text = text.replace("{" + name + "}", value)
            shown_subject = shown_subject.replace("{" + name + "}", value)
        return Reply(code, shown_title, shown_subject, text)
