"""What the simulated Procountor knows: companies, keys, tokens, invoices, faults. Thread-safe."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import itertools
import json
import random
import secrets
import threading
import time
import uuid
from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

FAULT_KINDS = (
    "html_500",
    "reset",
    "slow",
    "rate_limited",
    "status",
    "expired_token",
    "not_json",
    "drop_mid_body",
)
_ACCOUNTS = ("FI2112345600000785", "FI5542345670000081", "FI4819503000000010")
_PERCENTS = ("25.5", "24", "14", "13.5", "10", "0")
#: Descriptions as found in Procountor's own example (REFERENCE section 14).
_STATUSES = {
    1: "Domestic",
    3: "Outside of the EU",
    5: "EU community sales (product)",
    12: "No VAT handling",
}
_FIRST_YEAR = 2004
_KEPT_REQUESTS = 100_000


def _account(iban: str, default: bool) -> dict[str, Any]:
    return {
        "iban": iban,
        "accountNumber": iban,
        "bankName": "Sandbox Bank",
        "currency": "EUR",
        "defaultForInvoice": default,
        "defaultForPayment": default,
        "status": "ACTIVE",
    }


def _rights() -> dict[str, Any]:
    everything = "ALL_RIGHTS"
    return {
        "sales": {
            "salesOrGroupInvoices": everything,
            "salesInvoiceSearch": everything,
            "personalSalesInvoicesOnly": False,
            "customerRegister": everything,
            "productRegister": everything,
        },
        "management": {"basicCompanyInfo": everything},
        "accounting": {
            "preventCreatingEditingInvoices": False,
            "preventEditingAccountingPage": False,
        },
    }


@dataclass
class Fault:
    """A scripted fault: after `skip` matching requests, the next `times` see it."""

    kind: str
    method: str = ""
    path: str = ""
    times: int = 1
    skip: int = 0
    after_effect: bool = False
    company_id: int | None = None
    delay_seconds: float = 0.0
    status: int = 500
    retry_after: float | None = None

    def matches(self, method: str, path: str, company_id: int | None) -> bool:
        return (
            self.method in ("", method)
            and path.startswith(self.path)
            and self.company_id in (None, company_id)
        )


@dataclass
class SandboxCompany:
    """One customer company with its API key, accounts, periods and rights."""

    sandbox: Sandbox
    id: int
    user_id: int
    name: str
    business_id: str
    bank_accounts: list[dict[str, Any]]
    vat_percents: set[Decimal]
    rights: dict[str, Any] = field(default_factory=_rights)
    vat_statuses: dict[int, str] = field(default_factory=lambda: dict(_STATUSES))
    closed: list[tuple[dt.date, dt.date]] = field(default_factory=list)
    operation_type: str = "PRODUCTION"
    product_version: str = "FINANCIALS_UNLIMITED"
    api_key: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)

    def new_api_key(self, client_id: str | None = None) -> str:
        """Another key of this company; older ones go on until revoked."""
        self.api_key = self.sandbox.issue_key(self, client_id)
        return self.api_key

    def revoke(self) -> None:
        """Revoke every key and end the live tokens (whether the real one ends them is unknown)."""
        self.sandbox.revoke(self.id)

    def close_period(self, start: dt.date, end: dt.date) -> None:
        self.closed.append((start, end))

    def open_period(self, start: dt.date, end: dt.date) -> None:
        """Open every closed period that begins or ends inside this one."""
        self.closed = [(s, e) for s, e in self.closed if e < start or s > end]

    def set_right(self, path: str, value: Any) -> None:
        section, name = path.split(".")
        self.rights.setdefault(section, {})[name] = value

    def is_open(self, day: dt.date) -> bool:
        first, last = dt.date(_FIRST_YEAR, 1, 1), dt.date(dt.date.today().year + 1, 12, 31)
        return first <= day <= last and not any(s <= day <= e for s, e in self.closed)

    def active_ibans(self) -> set[str]:
        return {a["iban"] for a in self.bank_accounts if a["status"] == "ACTIVE"}

    def fiscal_years(self) -> list[dict[str, Any]]:
        """Calendar years with monthly tracking periods; a month is closed when any day is."""
        return [self._year(year) for year in range(_FIRST_YEAR, dt.date.today().year + 2)]

    def _year(self, year: int) -> dict[str, Any]:
        periods = []
        for month in range(1, 13):
            start = dt.date(year, month, 1)
            end = (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
            closed = any(s <= end and e >= start for s, e in self.closed)
            periods.append(
                {
                    "id": year * 100 + month,
                    "startDate": start.isoformat(),
                    "endDate": end.isoformat(),
                    "status": "CLOSED" if closed else "OPEN",
                }
            )
        return {
            "id": year,
            "startDate": f"{year}-01-01",
            "endDate": f"{year}-12-31",
            "isOpen": True,
            "trackingPeriods": periods,
        }


class Sandbox:
    """The whole stand-in. One lock guards everything that is written."""

    def __init__(
        self,
        client_id: str = "flashnodeClient",
        client_secret: str = "sandbox-secret",
        redirect_uri: str = "",
        issuer: str = "https://pts-api.procountor.com",
    ) -> None:
        self.client_id, self.client_secret = client_id, client_secret
        self.redirect_uri, self.issuer = redirect_uri, issuer
        self.latency_seconds = 0.0
        self.token_lifetime_seconds = 3600
        self.lock = threading.RLock()
        self.requests: deque[tuple[float, str, str, int, int | None]] = deque(maxlen=_KEPT_REQUESTS)
        self.reset()

    def reset(self) -> None:
        """Forget everything: companies, invoices, faults, requests."""
        with self.lock:
            self.companies: dict[int, SandboxCompany] = {}
            self.keys: dict[str, tuple[int, str]] = {}
            self.tokens: dict[str, tuple[int, float]] = {}
            self.invoices: dict[int, dict[int, dict[str, Any]]] = {}
            self.faults: list[Fault] = []
            self._chaos: tuple[float, random.Random] | None = None
            self._ids = itertools.count(1000)
            self.requests.clear()

    def next_id(self) -> int:
        return next(self._ids)

    def add_company(
        self,
        name: str,
        business_id: str,
        bank_accounts: list[dict[str, Any]] | None = None,
        extra_vat_percents: list[str] | None = None,
    ) -> SandboxCompany:
        """A company with an active account, usual VAT, open years and a key with all rights."""
        with self.lock:
            company = SandboxCompany(
                sandbox=self,
                id=self.next_id(),
                user_id=self.next_id(),
                name=name,
                business_id=business_id,
                bank_accounts=bank_accounts
                or [_account(iban, number == 0) for number, iban in enumerate(_ACCOUNTS)],
                vat_percents={Decimal(p) for p in (*_PERCENTS, *(extra_vat_percents or []))},
            )
            for account in company.bank_accounts:
                account.setdefault("id", self.next_id())
            self.companies[company.id] = company
            self.invoices[company.id] = {}
            company.new_api_key()
            return company

    def issue_key(self, company: SandboxCompany, client_id: str | None) -> str:
        """An HS256 JWT with the claims of REFERENCE section 4."""
        claims = {
            "iss": self.issuer,
            "aud": client_id or self.client_id,
            "sub": company.user_id,
            "cid": company.id,
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
        }
        parts = [_encoded({"typ": "JWT", "alg": "HS256"}), _encoded(claims)]
        digest = hmac.new(secrets.token_bytes(32), ".".join(parts).encode(), hashlib.sha256)
        key = ".".join([*parts, base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()])
        with self.lock:
            self.keys[key] = (company.id, claims["aud"])
        return key

    def revoke(self, company_id: int) -> None:
        with self.lock:
            self.keys = {k: v for k, v in self.keys.items() if v[0] != company_id}
            self.tokens = {t: v for t, v in self.tokens.items() if v[0] != company_id}

    def token_for(self, form: dict[str, str]) -> str | None:
        """An access token, or None when anything about the request is wrong."""
        known = self.keys.get(form.get("api_key", ""))
        right = (
            form.get("grant_type") == "client_credentials"
            and form.get("client_id") == self.client_id
            and form.get("client_secret") == self.client_secret
            and form.get("redirect_uri", self.redirect_uri) == self.redirect_uri
        )
        if known is None or not right or known[1] != self.client_id:
            return None
        token = f"{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(48)}.{secrets.token_hex(8)}"
        with self.lock:
            self.tokens[token] = (known[0], time.time() + self.token_lifetime_seconds)
        return token

    def company_of(self, token: str) -> SandboxCompany | None:
        company_id, expires = self.tokens.get(token, (0, 0.0))
        return self.companies.get(company_id) if expires > time.time() else None

    def fault(self, kind: str, **matching: Any) -> None:
        """Script a fault; see `Fault` for what it may name."""
        if kind not in FAULT_KINDS:
            raise ValueError(f"no fault is called {kind!r}; there are: {', '.join(FAULT_KINDS)}")
        with self.lock:
            self.faults.append(Fault(kind, **matching))

    def chaos(self, rate: float, seed: int = 0) -> None:
        """Let a share of all API requests fail at random, before or after taking effect."""
        self._chaos = (rate, random.Random(seed)) if rate else None

    def next_fault(self, method: str, path: str, company_id: int | None) -> Fault | None:
        """The fault this request meets, used up by it."""
        with self.lock:
            for found in self.faults:
                if not found.matches(method, path, company_id):
                    continue
                if found.skip > 0:
                    found.skip -= 1
                    continue
                found.times -= 1
                if found.times <= 0:
                    self.faults.remove(found)
                return found
            if self._chaos and self._chaos[1].random() < self._chaos[0]:
                kind = self._chaos[1].choice(("html_500", "reset", "drop_mid_body", "rate_limited"))
                return Fault(kind, after_effect=self._chaos[1].random() < 0.5)
        return None

    def ledger(self, company_id: int | None = None) -> list[dict[str, Any]]:
        """Every invoice that was created, oldest first."""
        with self.lock:
            return [
                invoice | {"companyId": owner}
                for owner, invoices in self.invoices.items()
                if company_id in (None, owner)
                for invoice in invoices.values()
            ]

    def duplicates(self) -> list[tuple[int, str, int]]:
        """(company, originalInvoiceNumber, how many) of numbers that were booked more than once."""
        counted = Counter(
            (row["companyId"], row["originalInvoiceNumber"])
            for row in self.ledger()
            if row.get("originalInvoiceNumber")
        )
        return [(*key, count) for key, count in counted.items() if count > 1]


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
