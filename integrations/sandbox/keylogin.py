"""The key login page and the exchange of its code for an API key (REFERENCE section 4.2).

The page is ours and says so; names and passwords are not asked for. A code is used once and
lasts `Sandbox.code_lifetime_seconds`.
"""

from __future__ import annotations

import html
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from .company import SandboxCompany
from .wire import Answer, Request, answer, refused

if TYPE_CHECKING:
    from .state import Sandbox

PATH = "/keylogin"
EXCHANGE_PATH = "/oauth/key"
FORM = "application/x-www-form-urlencoded"
_CARRIED = ("response_type", "client_id", "redirect_uri", "state")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simulated log-in</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><h1>Simulated log-in</h1>
<p><strong>This is not Procountor.</strong> It is a stand-in for its log-in page, with made-up
companies. Real user names and passwords do not belong here.</p>
{content}</body></html>
"""


@dataclass(frozen=True)
class LoginCode:
    company: SandboxCompany
    expires_at: float


def page(sandbox: Sandbox, request: Request) -> Answer:
    """GET: choose a company. POST: back to `redirect_uri` with a code, or without one when the
    user gives up (`error=access_denied`, assumed after RFC 6749)."""
    given = request.query if request.method == "GET" else request.form
    fields = {name: given.get(name, [""])[-1] for name in (*_CARRIED, "company", "give_up")}
    ours = ("code", sandbox.client_id, sandbox.redirect_uri)
    if (fields["response_type"], fields["client_id"], fields["redirect_uri"]) != ours:
        return _shown("<p>The address is wrong: response type, client id or redirect URI.</p>", 400)
    if request.method == "GET":
        return _shown(_form(sandbox, fields))
    if fields["give_up"]:
        return _back(sandbox, {"error": "access_denied", "state": fields["state"]})
    number = fields["company"]
    company = sandbox.companies.get(int(number)) if number.isdecimal() else None
    if company is None:
        return _shown("<p>Choose a company.</p>" + _form(sandbox, fields), 400)
    lifetime = sandbox.code_lifetime_seconds
    code = sandbox.new_login_code(company)
    return _back(sandbox, {"code": code, "expires_in": str(lifetime), "state": fields["state"]})


def exchange(sandbox: Sandbox, request: Request) -> Answer:
    """POST /oauth/key. The error bodies and the 400 of a used or old code are assumed."""
    if request.headers.get("content-type", "") != FORM:
        raise refused(415, f"Content type must be {FORM}.")
    form = {name: values[-1] for name, values in request.form.items()}
    if form.get("grant_type") != "authorization_code":
        raise refused(400, "grant_type must be authorization_code.")
    theirs = (form.get("client_id"), form.get("client_secret"), form.get("redirect_uri"))
    if theirs != (sandbox.client_id, sandbox.client_secret, sandbox.redirect_uri):
        raise refused(401, "Unauthorized")
    company = sandbox.use_login_code(form.get("code", ""))
    if company is None:
        raise refused(400, "invalid_grant")
    return answer({"api_key": company.new_api_key()})


def new_code(company: SandboxCompany, lifetime_seconds: float) -> tuple[str, LoginCode]:
    return secrets.token_urlsafe(24), LoginCode(company, time.time() + lifetime_seconds)


def _shown(content: str, status: int = 200) -> Answer:
    return Answer(status, _PAGE.format(content=content).encode(), "text/html; charset=utf-8")


def _form(sandbox: Sandbox, fields: dict[str, str]) -> str:
    carried = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(fields[name])}">'
        for name in _CARRIED
    )
    choices = "".join(
        f'<option value="{company.id}">{html.escape(company.name)}</option>'
        for company in sandbox.companies.values()
    )
    return (
        f'<form method="post" action="{PATH}">{carried}'
        f'<label>Company <select name="company">{choices}</select></label> '
        '<button type="submit">Log in</button> '
        '<button type="submit" name="give_up" value="1">Give up</button></form>'
    )


def _back(sandbox: Sandbox, fields: dict[str, str]) -> Answer:
    address = f"{sandbox.redirect_uri}?{urlencode(fields)}"
    return Answer(302, b"", "text/html", {"Location": address})
