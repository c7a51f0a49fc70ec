"""The control interface under /_sandbox/: how other processes steer the simulation.

JSON in and out, for callers on this machine only. It shows the API keys of its made-up
companies; nothing of the kind exists in Procountor.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from . import by_hand
from .activations import Activation
from .company import SandboxCompany
from .state import Sandbox
from .validation import parse_date
from .wire import Answer, BadJson, Json, Request, answer

PREFIX = "/_sandbox/"

_COMPANY_FIELDS = {"name", "business_id", "bank_accounts", "today", "rights", "extra_vat_percents"}


class _Unfit(ValueError):
    """The caller's mistake; its text is the answer."""


def respond(sandbox: Sandbox, request: Request) -> Answer:
    """Answer one control request: 200, 400 `{"error"}` for unfit input, 404 for a wrong path."""
    steps = request.path.removeprefix(PREFIX).strip("/").split("/")
    try:
        if len(steps) == 3 and steps[0] == "companies" and request.method == "POST":
            if steps[2] == "invoices":
                return answer(_by_hand(sandbox, _company(sandbox, steps[1]), _object(request)))
            return _change_company(sandbox, steps[1], steps[2], request)
        if (request.method, steps[0], steps[2:]) == ("POST", "activations", ["expire"]):
            sandbox.activations.expire(_number(steps[1], "the request id"))
            return answer({})
        handler = _HANDLERS.get((request.method, "/".join(steps)))
        return answer(handler(sandbox, request)) if handler else _no_such_path()
    except (ValueError, TypeError) as error:
        return answer({"error": str(error)}, 400)


def describe(company: SandboxCompany) -> Json:
    """A company as the control interface shows it, API key included."""
    return {
        "id": company.id,
        "name": company.name,
        "business_id": company.business_id,
        "user_id": company.user_id,
        "api_key": company.api_key,
        "revoked": company.is_revoked,
        "bank_accounts": company.bank_accounts,
    }


def _companies(sandbox: Sandbox, request: Request) -> Any:
    with sandbox.lock:
        return [describe(company) for company in sandbox.companies.values()]


def _add_company(sandbox: Sandbox, request: Request) -> Any:
    fields = _object(request)
    unknown = set(fields) - _COMPANY_FIELDS
    if unknown:
        raise _Unfit(f"unknown: {', '.join(sorted(unknown))}")
    if fields.get("today") is not None:
        fields["today"] = _date(fields, "today")
    return describe(sandbox.add_company(**fields))


def _change_company(sandbox: Sandbox, company_id: str, what: str, request: Request) -> Answer:
    known = company_id.isascii() and company_id.isdecimal()
    company = sandbox.companies.get(int(company_id)) if known else None
    change = _CHANGES.get(what)
    if company is None or change is None:
        return _no_such_path()
    change(company, _object(request))
    return answer(describe(company))


def _by_hand(sandbox: Sandbox, company: SandboxCompany, fields: Json) -> Any:
    """What people do in Procountor's own interface: {"action": "enter", "change" or "delete"}."""
    action = fields.pop("action", "")
    if action == "enter":
        return by_hand.enter(sandbox, company, **fields)
    if action not in {"change", "delete"}:
        raise _Unfit("action must be enter, change or delete")
    invoice_id = _number(fields.pop("id", ""), "id")
    if invoice_id not in sandbox.books[company.id].invoices:
        raise _Unfit(f"there is no invoice {invoice_id}")
    if action == "delete":
        by_hand.delete(sandbox, company, invoice_id)
    else:
        by_hand.change(sandbox, company, invoice_id, **fields)
    return {}


def _set_rights(company: SandboxCompany, fields: Json) -> None:
    if set(fields) == {"path", "value"}:
        fields = {fields["path"]: fields["value"]}
    for path, level in fields.items():
        company.set_right(path, level)


def _set_periods(company: SandboxCompany, fields: Json) -> None:
    changes = {"close": company.close_period, "open": company.open_period}
    action = fields.get("action", "")
    if isinstance(fields.get("open"), bool):
        action = "open" if fields["open"] else "close"
    change = changes.get(action)
    if change is None:
        raise _Unfit("action must be close or open")
    change(_date(fields, "start"), _date(fields, "end"))


def _activate(sandbox: Sandbox, request: Request) -> Any:
    """What the customer does in Procountor: choose companies; the request's number comes back."""
    fields = _object(request)
    chosen = [_company(sandbox, value) for value in fields.pop("companies", [])]
    if not chosen:
        raise _Unfit("companies must be ids")
    if "lifetime_seconds" in fields:
        fields["lifetime_seconds"] = float(fields["lifetime_seconds"])
    return _described(sandbox.activate(*chosen, **fields))


def _activations(sandbox: Sandbox, request: Request) -> Any:
    with sandbox.lock:
        return [_described(found) for found in sandbox.activations.requests.values()]


def _described(activation: Activation) -> Json:
    return {
        "requestId": activation.id,
        "companies": [company.id for company in activation.companies],
        "expired": activation.is_expired,
        "decisions": activation.decisions,
    }


def _set_integrator(sandbox: Sandbox, request: Request) -> Any:
    company = _company(sandbox, _object(request).get("company_id"))
    sandbox.activations.integrator_id = company.id
    return describe(company)


def _set_customer(sandbox: Sandbox, request: Request) -> Any:
    fields = _object(request)
    company = _company(sandbox, fields.get("company_id"))
    sandbox.activations.set_status(company.id, str(fields.get("status")))
    return {}


def _company(sandbox: Sandbox, value: Any) -> SandboxCompany:
    company = sandbox.companies.get(_number(value, "a company id"))
    if company is None:
        raise _Unfit(f"there is no company {value}")
    return company


def _number(value: Any, name: str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal()):
        raise _Unfit(f"{name} must be a number")
    return int(text)


def _set_account(company: SandboxCompany, fields: Json) -> None:
    company.set_account(str(fields.get("iban", "")), str(fields.get("status", "")))


def _set_vat(company: SandboxCompany, fields: Json) -> None:
    company.set_vat(fields.get("percents"), fields.get("statuses"))


def _set_company(company: SandboxCompany, fields: Json) -> None:
    if "operation_type" in fields:
        company.set_operation_type(fields["operation_type"])
    if "currency" in fields:
        company.set_currency(fields["currency"])


def _ledger(sandbox: Sandbox, request: Request) -> Any:
    wanted = request.query.get("company_id", [""])[-1]
    return sandbox.ledger(int(wanted) if wanted else None)


def _requests(sandbox: Sandbox, request: Request) -> Any:
    names = ("time", "method", "path", "status", "company_id")
    return [
        dict(zip(names, (str(logged[0]), *logged[1:]), strict=True)) for logged in sandbox.requests
    ]


def _add_fault(sandbox: Sandbox, request: Request) -> Any:
    sandbox.fault(**{name: _plain(value) for name, value in _object(request).items()})
    return _pending(sandbox, request)


def _pending(sandbox: Sandbox, request: Request) -> Any:
    return [asdict(fault) for fault in sandbox.faults.pending()]


def _chaos(sandbox: Sandbox, request: Request) -> Any:
    fields = _object(request)
    sandbox.chaos(float(fields.get("rate", 0)), fields.get("seed"))
    return {}


def _set_latency(sandbox: Sandbox, request: Request) -> Any:
    seconds = float(_object(request).get("seconds", 0))
    if not 0 <= seconds <= 60:
        raise _Unfit("seconds must be from 0 to 60")
    sandbox.latency_seconds = seconds
    return {}


def _reset(sandbox: Sandbox, request: Request) -> Any:
    sandbox.reset()
    return {}


def _object(request: Request) -> Json:
    try:
        found = request.json() if request.body else {}
    except BadJson as error:
        raise _Unfit(str(error)) from None
    if not isinstance(found, dict):
        raise _Unfit("the body is not an object")
    return found


def _date(fields: Json, name: str) -> dt.date:
    found = parse_date(fields.get(name))
    if found is None:
        raise _Unfit(f"{name} must be YYYY-MM-DD")
    return found


def _plain(value: Any) -> Any:
    """Seconds may be written with decimals; the rest is as it is."""
    return value if value is None or isinstance(value, str | int) else float(value)


def _no_such_path() -> Answer:
    return answer({"error": "no such path"}, 404)


_CHANGES: dict[str, Callable[[SandboxCompany, Json], object]] = {
    "revoke": lambda company, fields: company.revoke(),
    "key": lambda company, fields: company.new_api_key(fields.get("client_id")),
    "rights": _set_rights,
    "periods": _set_periods,
    "accounts": _set_account,
    "vat": _set_vat,
    "company": _set_company,
}
_HANDLERS: dict[tuple[str, str], Callable[[Sandbox, Request], Any]] = {
    ("GET", "companies"): _companies,
    ("POST", "companies"): _add_company,
    ("GET", "activations"): _activations,
    ("POST", "activations"): _activate,
    ("POST", "integrator"): _set_integrator,
    ("POST", "customers"): _set_customer,
    ("GET", "ledger"): _ledger,
    ("GET", "duplicates"): lambda sandbox, request: sandbox.duplicates(),
    ("GET", "requests"): _requests,
    ("GET", "faults"): _pending,
    ("POST", "faults"): _add_fault,
    ("POST", "chaos"): _chaos,
    ("POST", "latency"): _set_latency,
    ("POST", "reset"): _reset,
}
