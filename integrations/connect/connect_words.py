"""What the customer page says about a key it could not take, in the customer's language."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations import advice
from integrations.models import Tenant

_NOT_USABLE = _(
    "This API key cannot be used here. Please make a new API key in Procountor, in the company "
    "{company}, and enter it below."
)
#: Whose key it was stays unsaid, also about keys that others have filed: a key that somebody
#: found would else tell here what it opens.
SENTENCES: dict[str, Promise] = {
    "empty": _("Paste the API key into the field."),
    "unreadable": _("The key could not be kept. Please enter it once more."),
    "wrong_environment": _(
        "The key was made in another Procountor environment. Please make a new API key in the "
        "one you use every day, and enter it below."
    ),
    "wrong_client": _(
        "The key was made for another software. Please make a new API key for the client id "
        "{client_id}, and enter it below."
    ),
    "wrong_company": _(
        "The key opens another company than {company} ({business_id}). Please choose the right "
        "company in Procountor, make a new API key there, and enter it below."
    ),
    "key_refused": _(
        "Procountor does not accept the key. Please check that Management > Company info > Usage "
        "settings allows invoiceable API clients, and that all of the key was copied. Then press "
        "“Try again”, or enter another key."
    ),
    "not_answering": _(
        "Procountor does not answer right now. Your key is kept safe and we try again ourselves: "
        "you may close this page and come back later."
    ),
    "step_forbidden": _(
        "The user of the key may not read the company's information in Procountor. Please give "
        "it that right under Management > Users and user rights, then press “Try again”."
    ),
    "simultaneous": _("Another key was entered at the same moment. Please try again."),
    "account_form": _(
        "“{value}” is not a valid account number. Please compare it with Management > Company "
        "info > Bank accounts in Procountor."
    ),
    "account_unknown": _(
        "The account {value} was not active in your Procountor when we last looked. Please add "
        "it under Management > Company info > Bank accounts, press “Check again”, and then enter "
        "it."
    ),
    "login_given_up": _(
        "You came back from Procountor without logging in. Please log in again, or enter an API "
        "key."
    ),
    "login_failed": _(
        "Procountor did not give us a key for your log-in. Please log in again, or enter an API "
        "key."
    ),
    "login_unclear": _(
        "Procountor did not answer clearly whether it made a key for your log-in. Please log in "
        "again; if a second key appears in Procountor, you may delete the older one."
    ),
    "busy": _("A key is being checked right now. Please wait for its result."),
    "soon": _("We have just checked. Please wait a moment before checking again."),
}

_OVER = (
    _("This link leads nowhere any more"),
    _(
        "Links work for a few days and take one key. Please ask Flashnode's support for a new "
        "one: answer the message this link came in."
    ),
)


def over() -> list[tuple[str, str, str]]:
    """(language, title, text) of the page of every link that is of no use, in each language."""
    return _in_each_language(*_OVER)


def _in_each_language(title: Promise, text: Promise) -> list[tuple[str, str, str]]:
    found = []
    for language in advice.LANGUAGES:
        with translation.override(language):
            found.append((language, str(title), str(text)))
    return found


_LOGIN_ENDED = (
    _("This log-in has ended"),
    _(
        "A log-in to Procountor is good for ten minutes and works once. Please open the link "
        "that you got from Flashnode again, and log in from there."
    ),
)


def login_ended() -> list[tuple[str, str, str]]:
    """As `over`, for a log-in that comes back too late, twice, or from nowhere."""
    return _in_each_language(*_LOGIN_ENDED)


def sentence(code: str, tenant: Tenant, value: str = "") -> str:
    """What the page says about `code`, in the active language."""
    known: Any = SENTENCES.get(code)
    if known is None and code in ("filed_elsewhere", "superseded", "closed"):
        known = _NOT_USABLE
    if known is None:
        known = advice.OUR_TURN
    words = {
        "company": tenant.name,
        "business_id": tenant.business_id,
        "client_id": settings.PROCOUNTOR[tenant.environment]["client_id"],
        "value": value[:40],
    }
    text = str(known)
    for name, word in words.items():
        text = text.replace("{" + name + "}", word)
    return text
