"""The control interface under /_sandbox/: for other processes on this machine, not part of
Procountor. It hands out API keys, which is why the server listens on loopback only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from integrations.sandbox.api import ledger_row
from integrations.sandbox.state import Sandbox, SandboxCompany

Answer = tuple[int, Any]


def answer(sandbox: Sandbox, method: str, path: str, body: Any) -> Answer:
    """Serve one request of the control interface."""
    try:
        if path.startswith("companies/"):
            _, company_id, action = path.split("/")
            return 200, _on_company(sandbox.companies[int(company_id)], action, body or {})
        return 200, _ACTIONS[method, path](sandbox, body or {})
    except (KeyError, TypeError, ValueError) as problem:
        return 400, {"error": f"{type(problem).__name__}: {problem}"}


def _on_company(company: SandboxCompany, action: str, body: dict[str, Any]) -> Any:
    if action == "revoke":
        company.revoke()
    elif action == "key":
        company.new_api_key(body.get("client_id"))
    elif action == "rights":
        company.set_right(body["path"], body["value"])
    elif action == "periods":
        change = company.open_period if body["open"] else company.close_period
        change(dt.date.fromisoformat(body["start"]), dt.date.fromisoformat(body["end"]))
    else:
        raise KeyError(action)
    return _described(company)


def _described(company: SandboxCompany) -> dict[str, Any]:
    return {
        "id": company.id,
        "name": company.name,
        "business_id": company.business_id,
        "user_id": company.user_id,
        "api_key": company.api_key,
        "bank_accounts": company.bank_accounts,
    }


def _set_latency(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    sandbox.latency_seconds = float(body["seconds"])
    return {}


_ACTIONS: dict[tuple[str, str], Callable[[Sandbox, dict[str, Any]], Any]] = {
    ("GET", "companies"): lambda s, b: [_described(c) for c in s.companies.values()],
    ("POST", "companies"): lambda s, b: _described(s.add_company(**b)),
    ("GET", "ledger"): lambda s, b: [ledger_row(row) for row in s.ledger()],
    ("GET", "duplicates"): lambda s, b: s.duplicates(),
    ("GET", "requests"): lambda s, b: list(s.requests),
    ("POST", "faults"): lambda s, b: s.fault(**b) or {},
    ("POST", "chaos"): lambda s, b: s.chaos(**b) or {},
    ("POST", "latency"): _set_latency,
    ("POST", "reset"): lambda s, b: s.reset() or {},
}
