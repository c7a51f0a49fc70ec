"""From a request to an answer: base paths, access tokens, routes. Opens no socket."""

from __future__ import annotations

import re
from collections.abc import Callable

from . import activation_calls, attachments, company_calls, invoices, keylogin
from .call import Call
from .company import SandboxCompany
from .state import Sandbox
from .wire import Answer, Refused, Request, answer, refused

TOKEN_PATH = "/oauth/token"  # nosec B105 - a path
FORM = "application/x-www-form-urlencoded"

_BASE = re.compile(r"/(?:(?:latest|supported|v\d{4})/)?api(?=/|$)", re.ASCII)

Handler = Callable[..., Answer]

_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/status", company_calls.status),
    ("GET", "/sessioninfo", company_calls.session_info),
    ("GET", "/users/rights", company_calls.user_rights),
    ("GET", "/company", company_calls.company),
    ("GET", "/bankaccounts", company_calls.bank_accounts),
    ("GET", "/vats/default", company_calls.default_vats),
    ("GET", "/vats/country", company_calls.country_vats),
    ("GET", "/fiscalyears", company_calls.fiscal_years),
    ("GET", "/currencies/company", company_calls.company_currency),
    ("POST", "/invoices", invoices.create),
    ("GET", "/invoices", invoices.search),
    ("GET", r"/invoices/(\d[\d,]*)", invoices.read),
    ("PUT", r"/invoices/(\d{1,10})", invoices.update),
    ("PUT", r"/invoices/(\d{1,10})/notes", invoices.notes),
    ("PUT", r"/invoices/(\d{1,10})/approve", invoices.approve),
    ("PUT", r"/invoices/(\d{1,10})/send", invoices.send),
    ("PUT", r"/invoices/(\d{1,10})/unfinished", invoices.unfinished),
    ("PUT", r"/invoices/(\d{1,10})/invalidate", invoices.invalidate),
    ("GET", r"/invoices/(\d{1,10})/transactions", invoices.transactions),
    ("POST", "/attachments", attachments.add),
    ("GET", "/attachments", attachments.search),
    ("GET", r"/integrations/(\d{1,18})", activation_calls.read),
    ("PUT", r"/integrations/(\d{1,18})", activation_calls.decide),
    ("GET", r"/integrations/([^/]{1,100})/customers", activation_calls.customers),
)
_COMPILED = tuple((method, re.compile(path, re.ASCII), call) for method, path, call in _ROUTES)


def api_path(path: str) -> str | None:
    """The path below the base, without a trailing slash; None outside the API."""
    found = _BASE.match(path)
    return path[found.end() :].rstrip("/") or "/" if found else None


def company_of(sandbox: Sandbox, request: Request) -> SandboxCompany | None:
    """Whose request it is, by access token or, for a token request, by API key."""
    if request.path == TOKEN_PATH:
        return sandbox.company_of_key(_form(request).get("api_key", ""))
    return sandbox.company_of_token(_bearer(request))


def respond(sandbox: Sandbox, request: Request) -> Answer:
    """Let a request take effect and answer it. `request.path` is below the base."""
    try:
        # One call at a time: the effect of a request is all or nothing.
        with sandbox.lock:
            return _answered(sandbox, request)
    except Refused as refusal:
        return refusal.answer


def unauthorized() -> Answer:
    return refused(401, "Unauthorized").answer


def _answered(sandbox: Sandbox, request: Request) -> Answer:
    if (request.method, request.path) == ("POST", TOKEN_PATH):
        return _token(sandbox, request)
    if (request.method, request.path) == ("POST", keylogin.EXCHANGE_PATH):
        return keylogin.exchange(sandbox, request)
    handler, arguments = _route(request)
    company = sandbox.company_of_token(_bearer(request))
    if company is None:
        return unauthorized()
    if request.method == "GET" and request.body:
        raise refused(400, "A GET request must not have a body.")
    return handler(Call(sandbox, company, request), *arguments)


def _route(request: Request) -> tuple[Handler, tuple[str, ...]]:
    for method, path, handler in _COMPILED:
        found = path.fullmatch(request.path)
        if found and method == request.method:
            return handler, found.groups()
    raise refused(404, "Not found")


def _bearer(request: Request) -> str:
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _token(sandbox: Sandbox, request: Request) -> Answer:
    """POST /oauth/token (REFERENCE section 3). The error bodies and all statuses but 401 are
    assumed; so is that a wrong `redirect_uri` counts as a wrong credential."""
    if request.headers.get("content-type", "") != FORM:
        raise refused(415, f"Content type must be {FORM}.")
    if request.query_string:
        raise refused(400, "Credentials belong in the body.")
    form = _form(request)
    if form.get("grant_type") != "client_credentials":
        raise refused(400, "grant_type must be client_credentials.")
    redirect_uri = form.get("redirect_uri")
    if redirect_uri is None and not sandbox.requires_redirect_uri:
        redirect_uri = sandbox.redirect_uri
    ours = (sandbox.client_id, sandbox.client_secret, sandbox.redirect_uri)
    theirs = (form.get("client_id"), form.get("client_secret"), redirect_uri)
    company = sandbox.company_of_key(form.get("api_key", ""))
    if theirs != ours or company is None:
        return unauthorized()
    return answer(sandbox.grant_token(company, form["api_key"]))


def _form(request: Request) -> dict[str, str]:
    return {name: items[-1] for name, items in request.form.items()}


def log_out(sandbox: Sandbox, request: Request) -> Answer:
    """POST {host}/logout: drop the token; seen in a public client, not in the current spec."""
    sandbox.drop_token(_bearer(request))
    return answer({})
