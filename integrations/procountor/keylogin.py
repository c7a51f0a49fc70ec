"""The key login: where to send the customer's browser, and a code turned into an API key.

Whether the `state` that comes back is ours is for the caller to check.
Source: REFERENCE section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import requests

from .answers import data_of, failure_of, unusable
from .auth import Environment
from .client import USER_AGENT
from .schemas import inside
from .transport import exchange, pooled_session

_DURING = "POST /oauth/key"


def login_address(environment: Environment, state: str, *, page: str = "") -> str:
    """The address of Procountor's log-in page; `page` is {host}/keylogin unless given."""
    if not page:
        base = urlsplit(environment.base_url)
        page = f"{base.scheme}://{base.netloc}/keylogin"
    query = {
        "response_type": "code",
        "client_id": environment.client_id,
        "redirect_uri": environment.redirect_uri,
        "state": state,
    }
    return f"{page}?{urlencode(query)}"


def api_key_for_code(
    environment: Environment,
    code: str,
    *,
    session: requests.Session | None = None,
    before_request: Callable[[], None] | None = None,
) -> str:
    """`POST /oauth/key`: the API key that a single-use code stands for.

    Makes one request. NotSubmitted: the same code may be tried again. OutcomeUnknown: the code
    may be used up and a key made that nobody holds, so the customer logs in again. Rejected or
    CredentialRefused: the code, or our client, is not accepted.
    """
    form = {
        "grant_type": "authorization_code",
        "client_id": environment.client_id,
        "client_secret": environment.client_secret,
        "redirect_uri": environment.redirect_uri,
        "code": code,
    }
    request = requests.Request(
        "POST",
        environment.base_url + "/oauth/key",
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
        },
        data=urlencode(form, errors="replace").encode("ascii"),
    )
    if before_request is not None:
        before_request()
    secrets = (code, environment.client_secret)
    answer = exchange(session or pooled_session(), request, environment, secrets)
    if answer.status != 200:
        raise failure_of(answer, _DURING)
    api_key = inside(data_of(answer, _DURING), "api_key")
    if not isinstance(api_key, str) or not api_key.strip():
        raise unusable(answer, "no_key", _DURING)
    return api_key.strip()
