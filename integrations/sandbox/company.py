"""One simulated company: its settings, users' rights, API keys and the defaults of all of them."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .checkdigits import finnish_iban
from .tokens import signed_jwt
from .validation import contract
from .wire import Json

FIRST_FISCAL_YEAR = 2004
VAT_PERCENTS = ("25.5", "24", "14", "13.5", "10", "0")
#: Seen in Procountor's own example; numbers of other statuses are not known (REFERENCE 14).
VAT_STATUSES = {
    1: "Domestic",
    3: "Outside of the EU",
    5: "EU community sales (product)",
    12: "No VAT handling",
}


@dataclass(frozen=True)
class Issuer:
    """Who issues keys: shared by all companies of a sandbox."""

    url: str
    client_id: str
    signing_key: bytes = field(repr=False)


class SandboxCompany:
    """State of one company. Public: `id`, `name`, `business_id`, `user_id`, `api_key`,
    `bank_accounts` (contract-shaped dicts), `vat_percents`, `rights`, `documents_enabled`.

    Changes are guarded by the sandbox's lock, so they may be made while it serves.
    """

    def __init__(
        self,
        company_id: int,
        name: str,
        business_id: str,
        *,
        issuer: Issuer,
        lock: threading.RLock,
        bank_accounts: Iterable[Json | str] | None = None,
        today: dt.date | None = None,
        rights: dict[str, Any] | None = None,
        extra_vat_percents: Iterable[Any] = (),
    ) -> None:
        self.id, self.name, self.business_id = company_id, name, business_id
        self.user_id = 40_000 + company_id
        self.country, self.currency = "FINLAND", "EUR"
        self.operation_type = "PRODUCTION"
        self.documents_enabled = True
        self._issuer, self._lock = issuer, lock
        serial = company_id % 10_000
        given = [{"iban": finnish_iban(serial)}] if bank_accounts is None else bank_accounts
        self.bank_accounts = [_bank_account(item, n) for n, item in enumerate(given)]
        self.vat_percents = _percents([*VAT_PERCENTS, *extra_vat_percents])
        self.vat_statuses = dict(VAT_STATUSES)
        self.fiscal_years = _fiscal_years((today or dt.date.today()).year + 1)
        self.rights = _all_rights()
        for path, level in (rights or {}).items():
            self.set_right(path, level)
        self._keys: dict[str, dict[str, Any]] = {}
        self._technical_key = ""
        self.api_key = self.new_api_key()

    def __repr__(self) -> str:
        return f"SandboxCompany({self.id}, {self.name!r})"

    def new_api_key(self, client_id: str | None = None) -> str:
        """Make one more key of this user; for another `client_id` it will be refused, and
        `api_key` stays what it was."""
        key, claims = self._made_key(client_id or self._issuer.client_id)
        with self._lock:
            if claims["aud"] == self._issuer.client_id:
                self.api_key = key
        return key

    def technical_key(self) -> str:
        """The key that an approved activation brings: a new one, and the same one again until it
        is revoked. `api_key` stays what it was."""
        with self._lock:
            if self.claims_of(self._technical_key) is None:
                self._technical_key, _claims = self._made_key(self._issuer.client_id)
            return self._technical_key

    def _made_key(self, client_id: str) -> tuple[str, Json]:
        claims = {
            "iss": self._issuer.url,
            "aud": client_id,
            "sub": self.user_id,
            "cid": self.id,
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
        }
        key = signed_jwt(claims, self._issuer.signing_key)
        with self._lock:
            self._keys[key] = {"claims": claims, "revoked": False}
        return key, claims

    def revoke(self) -> None:
        """Revoke all keys made so far. Live access tokens go on until they expire (assumed)."""
        with self._lock:
            for known in self._keys.values():
                known["revoked"] = True

    @property
    def is_revoked(self) -> bool:
        with self._lock:
            return bool(self._keys[self.api_key]["revoked"])

    def claims_of(self, api_key: str) -> Json | None:
        """The claims of a key that is this company's and not revoked."""
        with self._lock:
            known = self._keys.get(api_key)
            return None if known is None or known["revoked"] else dict(known["claims"])

    def set_right(self, path: str, level: str | bool) -> None:
        """Set `sales.salesInvoiceSearch` to an access level, or a flag to true or false.

        Raises ValueError for a right or level the contract does not have.
        """
        group, _dot, name = path.partition(".")
        with self._lock:
            known = self.rights.get(group, {})
            if name not in known:
                raise ValueError(f"There is no right {path}.")
            if isinstance(known[name], bool):
                fits = isinstance(level, bool)
            else:
                fits = level in contract()["enums"]["AccessLevel"]
            if not fits:
                raise ValueError(f"{path} cannot be {level}.")
            known[name] = level

    def set_account(self, iban: str, status: str) -> None:
        """Set a bank account's status, ACTIVE or INACTIVE, adding one that is not there; MISSING
        takes it away. Raises ValueError for another status."""
        if status not in {"ACTIVE", "INACTIVE", "MISSING"}:
            raise ValueError(f"An account cannot be {status}.")
        with self._lock:
            kept = [account for account in self.bank_accounts if account["iban"] != iban]
            if status != "MISSING":
                known = next((a for a in self.bank_accounts if a["iban"] == iban), None)
                account = known or _bank_account(iban, len(self.bank_accounts))
                kept.append(account | {"status": status})
            self.bank_accounts = sorted(kept, key=lambda account: account["id"])

    def set_vat(
        self, percents: Iterable[Any] | None = None, statuses: dict[Any, str] | None = None
    ) -> None:
        """Use these VAT percentages, or statuses by number, from now on; None leaves them."""
        with self._lock:
            if percents is not None:
                self.vat_percents = _percents(percents)
            if statuses is not None:
                self.vat_statuses = {int(number): text for number, text in statuses.items()}

    def set_operation_type(self, operation_type: str) -> None:
        """Raises ValueError for one the contract does not have."""
        allowed = contract()["models"]["Company"]["fields"]["operationType"]["enum"]
        if operation_type not in allowed:
            raise ValueError(f"operationType cannot be {operation_type}.")
        with self._lock:
            self.operation_type = operation_type

    def set_currency(self, currency: str) -> None:
        """Raises ValueError for one the contract does not have."""
        allowed = contract()["models"]["Company"]["fields"]["companyCurrency"]["enum"]
        if currency not in allowed:
            raise ValueError(f"companyCurrency cannot be {currency}.")
        with self._lock:
            self.currency = currency

    def close_period(self, start: dt.date, end: dt.date) -> None:
        """Close every month that has a day between `start` and `end`, both included."""
        self._set_periods(start, end, "CLOSED")

    def open_period(self, start: dt.date, end: dt.date) -> None:
        """Open every month that has a day between `start` and `end`, both included."""
        self._set_periods(start, end, "OPEN")

    def is_open(self, day: dt.date) -> bool:
        """Whether `day` lies in an open year and an open tracking period."""
        text = day.isoformat()
        return any(
            year["isOpen"] and period["status"] == "OPEN"
            for year in self.fiscal_years
            for period in year["trackingPeriods"]
            if period["startDate"] <= text <= period["endDate"]
        )

    def _set_periods(self, start: dt.date, end: dt.date, status: str) -> None:
        first, last = start.isoformat(), end.isoformat()
        with self._lock:
            for year in self.fiscal_years:
                for period in year["trackingPeriods"]:
                    if period["startDate"] <= last and period["endDate"] >= first:
                        period["status"] = status
                year["isOpen"] = any(p["status"] == "OPEN" for p in year["trackingPeriods"])


def _bank_account(given: Json | str, position: int) -> Json:
    fields = {"iban": given} if isinstance(given, str) else dict(given)
    return {
        "id": 701 + position,
        "accountNumber": fields.get("iban", ""),
        "bankName": "Simulated bank",
        "currency": "EUR",
        "defaultForInvoice": position == 0,
        "defaultForPayment": position == 0,
        "status": "ACTIVE",
        "orderNo": position + 1,
    } | fields


def _percents(values: Iterable[Any]) -> list[Decimal]:
    return sorted({Decimal(str(value)) for value in values}, reverse=True)


def _all_rights() -> Json:
    models = contract()["models"]
    return {
        group: {
            name: False if right["type"] == "boolean" else "ALL_RIGHTS"
            for name, right in models[spec["model"]]["fields"].items()
        }
        for group, spec in models["UserPermissions"]["fields"].items()
    }


def _fiscal_years(last: int) -> list[Json]:
    years = []
    for year in range(FIRST_FISCAL_YEAR, last + 1):
        months = [dt.date(year, month, 1) for month in range(1, 13)]
        ends = [*(month - dt.timedelta(days=1) for month in months[1:]), dt.date(year, 12, 31)]
        years.append(
            {
                "id": year,
                "startDate": f"{year}-01-01",
                "endDate": f"{year}-12-31",
                "isOpen": True,
                "trackingPeriods": [
                    {
                        "id": year * 100 + start.month,
                        "startDate": start.isoformat(),
                        "endDate": end.isoformat(),
                        "status": "OPEN",
                    }
                    for start, end in zip(months, ends, strict=True)
                ],
            }
        )
    return years


def signing_key() -> bytes:
    """A fresh key for one sandbox's signatures."""
    return secrets.token_bytes(32)
