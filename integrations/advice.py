"""The words of the connection check: for each finding the cause, whose move it is, and the
sentence to paste to the customer. Menu names follow REFERENCE section 4.1; Procountor's menus
differ between versions, so the sentences name them loosely."""

from __future__ import annotations

from typing import NamedTuple

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations import percents
from integrations.enums import Mover

#: The languages we write to customers in, by their own names.
LANGUAGES = {"fi": "Suomi", "sv": "Svenska", "en": "English"}


class Advice(NamedTuple):
    """`cause` is for staff, `customer` for the customer; both may use {value}."""

    mover: Mover
    cause: Promise
    customer: Promise


OUR_TURN = _("We are looking into this ourselves; there is nothing you need to do.")
_WAIT = _("Procountor did not answer; we try again ourselves and there is nothing you need to do.")

ADVICE: dict[str, Advice] = {
    "no_credential": Advice(
        Mover.CUSTOMER,
        _("No API key has been filed."),
        _(
            "Please make an API key in Procountor (Basics > API client keys > New API key, "
            "client id {value}) and send it to us."
        ),
    ),
    "wrong_environment": Advice(
        Mover.CUSTOMER,
        _("The API key belongs to another environment: {value}."),
        _("The API key was made in another Procountor environment. Please make a new one."),
    ),
    "wrong_client": Advice(
        Mover.CUSTOMER,
        _("The API key was made for another client id: {value}."),
        _("The API key was made for another software. Please make one for our client id."),
    ),
    "key_refused": Advice(
        Mover.CUSTOMER,
        _("Procountor did not accept the API key."),
        _(
            "Procountor does not accept the API key. Please check that Management > Company info "
            "> Usage settings allows invoiceable API clients, then make a new API key and send "
            "it to us."
        ),
    ),
    "secret_missing": Advice(
        Mover.US,
        _("Our client secret for this environment is not set."),
        OUR_TURN,
    ),
    "secret_unreadable": Advice(
        Mover.US,
        _("The stored API key cannot be opened: FERNET_KEYS lacks the key it was sealed under."),
        OUR_TURN,
    ),
    "wrong_address": Advice(
        Mover.US, _("Procountor does not know the address we call: {value}."), OUR_TURN
    ),
    "not_answering": Advice(Mover.PROCOUNTOR, _("Procountor did not answer: {value}."), _WAIT),
    "unexpected_answer": Advice(
        Mover.US, _("Procountor answered in a way we do not know: {value}."), OUR_TURN
    ),
    "step_forbidden": Advice(
        Mover.CUSTOMER,
        _("The API key's user may not read this in Procountor: {value}."),
        _(
            "The user of the API key lacks a right in Procountor ({value}). Please check the "
            "user under Management > Users and user rights."
        ),
    ),
    "company_differs_from_key": Advice(
        Mover.US,
        _("Procountor opened company {value}, and the key names another company."),
        OUR_TURN,
    ),
    "product_not_supported": Advice(
        Mover.CUSTOMER,
        _("The company uses the product version {value}, which cannot take invoices from us."),
        _("Your Procountor version ({value}) does not support this interface. Please contact us."),
    ),
    "right_missing": Advice(
        Mover.CUSTOMER,
        _("A right is missing or too narrow: {value}."),
        _(
            "The user of the API key needs all rights to sales invoices and to searching them "
            "({value}). Please give them under Management > Users and user rights."
        ),
    ),
    "creating_prevented": Advice(
        Mover.CUSTOMER,
        _("The user is prevented from creating and editing invoices."),
        _(
            "The user of the API key is prevented from creating invoices. Please remove that "
            "limitation under Management > Users and user rights."
        ),
    ),
    "sees_own_invoices_only": Advice(
        Mover.CUSTOMER,
        _("The user sees its own sales invoices only, so a look-up would prove nothing."),
        _(
            "The user of the API key sees only its own sales invoices. Please let it see all of "
            "them under Management > Users and user rights."
        ),
    ),
    "wrong_company": Advice(
        Mover.CUSTOMER,
        _("The API key opens another company: {value}."),
        _(
            "The API key you sent opens another company ({value}). Please make the key in the "
            "right company and send it to us."
        ),
    ),
    "company_not_in_production": Advice(
        Mover.CUSTOMER,
        _("The company is not in normal use in Procountor: {value}."),
        _("Your company in Procountor is marked {value}. Please contact Procountor's support."),
    ),
    "no_account_filed": Advice(
        Mover.CUSTOMER,
        _("No bank account has been filed for the tenant; Procountor has {value}."),
        _(
            "Please send us the bank account number your invoices are to be paid into, from "
            "Management > Company info > Bank accounts."
        ),
    ),
    "account_not_in_procountor": Advice(
        Mover.CUSTOMER,
        _("The account {value} is not among the company's accounts in Procountor."),
        _(
            "The bank account {value} is not in your Procountor. Please add it under Management "
            "> Company info > Bank accounts, or send us the right number."
        ),
    ),
    "account_not_active": Advice(
        Mover.CUSTOMER,
        _("The account {value} is not active in Procountor."),
        _("The bank account {value} is not active in Procountor. Please activate it."),
    ),
    "vat_status_not_in_use": Advice(
        Mover.CUSTOMER,
        _("The tenant's default VAT status {value} is not in use for sales in Procountor."),
        _("VAT status {value} is not in use for sales. Please turn it on in the VAT defaults."),
    ),
    "no_open_period": Advice(
        Mover.CUSTOMER,
        _("No open financial year covers today."),
        _("Procountor has no open financial year for today. Please open one."),
    ),
    # What the radar warns of before anything fails.
    "search_right_narrow": Advice(
        Mover.CUSTOMER,
        _(
            "The user may only view in the search of sales invoices; Procountor's guide gives all "
            "rights. That viewing is enough is our assumption."
        ),
        _(
            "The user of the API key should have all rights to searching sales invoices; it has "
            "viewing rights now. Please change that under Management > Users and user rights."
        ),
    ),
    "company_on_trial": Advice(
        Mover.CUSTOMER,
        _("The company is on trial in Procountor: exporting may end with the trial."),
        _(
            "Your Procountor is a trial. Please take it into normal use before the trial ends, so "
            "that your invoices can be exported after it too."
        ),
    ),
    "company_currency": Advice(
        Mover.US,
        _("The company keeps its books in {value}, and we export for companies in euros only."),
        OUR_TURN,
    ),
    "used_account_gone": Advice(
        Mover.CUSTOMER,
        _(
            "The account {value} is on file or on recent invoices, and is missing or not active in "
            "Procountor."
        ),
        _(
            "The bank account {value}, which your invoices mention, is missing or not active in "
            "your Procountor. Please add or activate it, or tell us that it is not used any more."
        ),
    ),
    "vat_percent_gone": Advice(
        Mover.CUSTOMER,
        _("VAT {value} is on recent invoices and no longer in use for sales in Procountor."),
        _(
            "VAT {value}, which your invoices use, is not in use for sales in Procountor any "
            "more. Please turn it on in the VAT defaults, or tell us that it is not needed."
        ),
    ),
    "used_vat_status_gone": Advice(
        Mover.CUSTOMER,
        _("VAT status {value} is mapped or on recent invoices and not in use for sales."),
        _(
            "VAT status {value}, which your invoices use, is not in use for sales in Procountor. "
            "Please turn it on in the VAT defaults, or tell us that it is not needed."
        ),
    ),
    "open_period_ends": Advice(
        Mover.CUSTOMER,
        _("The books are open until {value} only: later invoices will wait."),
        _(
            "Your accounting period in Procountor is open until {value}. Please open the next one "
            "before that, so that later invoices can be exported."
        ),
    ),
}

STEP_NAMES = {
    "claims": _("What the key says"),
    "token": _("Access token"),
    "session": _("Session"),
    "rights": _("User rights"),
    "company": _("Company"),
    "bank_accounts": _("Bank accounts"),
    "vat": _("VAT"),
    "fiscal_years": _("Financial years"),
}


def cause_of(step: dict[str, str]) -> str:
    """What a red step means, for staff, in the active language."""
    known = ADVICE.get(step["code"])
    return _fill(known.cause, step) if known else step["code"]


def customer_sentence(step: dict[str, str], language: str) -> str:
    """The sentence to paste to the customer, in `language` (fi, sv or en)."""
    known = ADVICE.get(step["code"])
    if known is None:
        return ""
    with translation.override(language):
        return _fill(known.customer, step)


def sentences(step: dict[str, str]) -> list[tuple[str, str]]:
    """The customer's sentence in each language: (its own name of the language, sentence)."""
    return [(name, customer_sentence(step, code)) for code, name in LANGUAGES.items()]


def _fill(text: Promise, step: dict[str, str]) -> str:
    return str(text).replace("{value}", percents.in_sentence(step.get("value", "")))
