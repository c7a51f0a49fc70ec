"""The key login: the customer logs in to Procountor instead of pasting a key (REFERENCE 4.2).

Makes addresses and exchanges codes; who may begin and what becomes of the key is the caller's.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from integrations import limits
from integrations.clients import environment_of
from integrations.procountor import api_key_for_code, login_address


def is_offered(environment: str) -> bool:
    """Whether a log-in can come back: our client's secret is set, and its registered redirect URI
    leads to our own page."""
    config = settings.PROCOUNTOR[environment]
    leads_here = urlsplit(config["redirect_uri"]).path == reverse("logged_in")
    return bool(config["client_secret"]) and leads_here


def address(environment: str, state: str) -> str:
    """Where to send the customer's browser; Procountor hands `state` back with the code."""
    page = settings.PROCOUNTOR[environment]["key_login_url"]
    return login_address(environment_of(environment), state, page=page)


def api_key_for(environment: str, code: str) -> str:
    """The API key that a code stands for; a code works once and for a few minutes.

    One request. Raises NotSubmitted (the same code may be tried again), OutcomeUnknown (the
    customer must log in again), Rejected or CredentialRefused (not accepted).
    """
    before = partial(limits.wait_for_turn, environment)
    return api_key_for_code(environment_of(environment), code, before_request=before)
