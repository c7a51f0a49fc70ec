"""The words of activation requests: for staff what a state or a trouble means and what to do, for
the customer what happens next."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.activation.models import ActivationState
from integrations.advice import LANGUAGES

#: What a state means for staff.
STATES: dict[str, Promise] = {
    ActivationState.RECEIVED: _("Procountor has not been asked yet what is requested."),
    ActivationState.KNOWN: _("The customer waits for our decision."),
    ActivationState.DECIDING: _("The decision is on its way to Procountor."),
    ActivationState.LOST: _(
        "Procountor's answer to the decision is missing: it may have been taken, and its keys are "
        "not here. Ask again: the same decision brings the same keys. If that does not help, send "
        "the customer an intake link and set this aside."
    ),
    ActivationState.DECIDED: _("Procountor has taken the decision and told the customer."),
    ActivationState.EXPIRED: _("The request has expired. Send the customer the link anew."),
    ActivationState.UNKNOWN: _(
        "Procountor does not know this number. It may be mistyped, of the other environment, or "
        "made up."
    ),
    ActivationState.REFUSED: _(
        "Procountor does not let our company see this request. The API key of our company must be "
        "of the company that owns the integration."
    ),
    ActivationState.CLOSED: _("Set aside: nothing more is done about it."),
}

#: Why the last question to Procountor brought nothing.
TROUBLES: dict[str, Promise] = {
    "no_integrator_key": _(
        "The API key of our own company is not set (PROCOUNTOR_…_INTEGRATOR_API_KEY)."
    ),
    "integrator_key_refused": _("Procountor did not accept the API key of our own company."),
    "not_answering": _("Procountor did not answer; nothing was changed. Try again later."),
    "answer_lost": _("Procountor did not answer clearly, or our task died."),
    "unexpected": _("Procountor answered in a way we do not know."),
    "http_400": _(
        "Procountor did not take the decision: it must name exactly the requested companies. They "
        "have been read again: look at them and decide anew."
    ),
    "http_403": _("Procountor refused: our company has no right to this request."),
    "http_404": _("Procountor does not know the request any more."),
    "http_410": _("The request has expired in Procountor."),
    "unasked_key": _(
        "Procountor sent a key of a company that was not in the request. It was not kept."
    ),
}

#: Why the key of a company is not filed.
PROBLEMS: dict[str, Promise] = {
    "no_key": _("Approved, but no key is here. Ask again."),
    "unreadable": _("The key cannot be opened any more. Ask again."),
    "key_of_rejected": _("Rejected, and Procountor sent a key all the same. It was not kept."),
    "other_company": _("The key that came names another company. It was not filed."),
    "company_not_told": _("Procountor has not said whose key it is. Try again to file it."),
    "company_unfit": _(
        "No tenant can be made of this company: its business ID or name does not fit. Make the "
        "tenant by hand, then try again to file the key."
    ),
    "closed": _("The tenant is closed: no key is filed for it."),
    "wrong_environment": _("The key is of the other environment."),
    "wrong_client": _("The key was made for another client id."),
    "filed_elsewhere": _("This key is filed already, for another tenant."),
    "superseded": _(
        "This key was replaced by a newer one here and is not taken back into use. The customer "
        "must make a new one."
    ),
    "simultaneous": _("Another key was filed at the same moment. Try again to file it."),
}

_EXPIRED = _(
    "The request you made in Procountor has expired before we could approve it. Please open the "
    "activation link again and choose the same companies."
)
_EXPIRED_WITH_LINK = _(
    "The request you made in Procountor has expired before we could approve it. Please open the "
    "activation link again and choose the same companies: {link}"
)
_NOT_FOUND = _(
    "We do not find your activation request in Procountor. Please open the activation link again "
    "and choose your companies."
)


def trouble(code: str) -> str:
    return str(TROUBLES.get(code, code)) if code else ""


def problem(code: str) -> str:
    return str(PROBLEMS.get(code, code)) if code else ""


def for_customer(state: str, environment: str) -> list[tuple[str, str]]:
    """What to write to the customer, in each language: (its own name, sentence); [] when there
    is nothing to write."""
    link = settings.PROCOUNTOR[environment]["activation_link"]
    sentence = {
        ActivationState.EXPIRED: _EXPIRED_WITH_LINK if link else _EXPIRED,
        ActivationState.UNKNOWN: _NOT_FOUND,
    }.get(ActivationState(state))
    if sentence is None:
        return []
    found = []
    for code, name in LANGUAGES.items():
        with translation.override(code):
            found.append((name, str(sentence).replace("{link}", link)))
    return found
