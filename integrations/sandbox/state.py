"""The whole simulated Procountor: companies, access tokens, faults and what was asked of it.

`Sandbox` may be changed from any thread while it serves. Opens no socket; see `server`.
"""

from __future__ import annotations

import copy
import datetime as dt
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .activations import LIFETIME_SECONDS, Activation, Activations
from .books import Books
from .company import Issuer, SandboxCompany, signing_key
from .faults import Fault, FaultBook
from .keylogin import LoginCode, new_code
from .tokens import signed_jwt
from .wire import Json

KEPT_REQUESTS = 20_000
FIRST_COMPANY_ID = 10_000

LoggedRequest = tuple[float, str, str, int, int | None]


@dataclass(frozen=True)
class _Grant:
    company_id: int
    expires_at: float


class Sandbox:
    """State of the simulation; everything is made up and lives in memory only.

    `latency_seconds` delays every answer, `token_lifetime_seconds` applies to tokens issued from
    then on, `search_delay_seconds` hides fresh invoices from searches (Procountor's delay, if any,
    is unknown), `matches_part_of_number` makes the search by originalInvoiceNumber find parts
    (whether Procountor does is unknown), `requires_redirect_uri` refuses tokens asked without one,
    `code_lifetime_seconds` applies to the codes of key log-ins made from then on, `shows_deleted`
    keeps what people delete in every answer, with status DELETED (whether Procountor does is
    unknown).
    """

    def __init__(
        self,
        client_id: str = "flashnodeClient",
        client_secret: str = "sandbox-secret",  # nosec B107 - a simulation's default
        redirect_uri: str = "",
        issuer: str = "https://pts-api.procountor.com",
    ) -> None:
        self.client_id, self.client_secret = client_id, client_secret
        self.redirect_uri, self.issuer = redirect_uri, issuer
        self.latency_seconds = 0.0
        self.token_lifetime_seconds = 3600
        self.search_delay_seconds = 0.0
        self.matches_part_of_number = False
        self.requires_redirect_uri = False
        self.code_lifetime_seconds = 300
        self.shows_deleted = False
        self.lock = threading.RLock()
        self.faults = FaultBook()
        self.activations = Activations(self.lock)
        self._issuer = Issuer(issuer, client_id, signing_key())
        self._requests: deque[LoggedRequest] = deque(maxlen=KEPT_REQUESTS)
        self.reset()

    def __repr__(self) -> str:
        return f"Sandbox({self.client_id!r}, {len(self.companies)} companies)"

    def reset(self) -> None:
        """Forget companies, invoices, tokens, faults and requests; settings stay."""
        with self.lock:
            self.companies: dict[int, SandboxCompany] = {}
            self.books: dict[int, Books] = {}
            self._grants: dict[str, _Grant] = {}
            self._login_codes: dict[str, LoginCode] = {}
            self.activations.clear()
            self._requests.clear()
            self.faults.clear()

    def add_company(
        self,
        name: str = "Acme Oy",
        business_id: str = "2077474-0",
        bank_accounts: Iterable[Json | str] | None = None,
        today: dt.date | None = None,
        rights: dict[str, Any] | None = None,
        extra_vat_percents: Iterable[Any] = (),
    ) -> SandboxCompany:
        """Add a company with a user and a key.

        `bank_accounts` are IBANs or dicts of CompanyBankAccountBasicInfo, the first one default;
        `today` decides up to which year the books are open; `rights` are paths and levels as for
        `SandboxCompany.set_right`. Raises ValueError for an unknown right or level.
        """
        with self.lock:
            company_id = FIRST_COMPANY_ID + len(self.companies)
            company = SandboxCompany(
                company_id,
                name,
                business_id,
                issuer=self._issuer,
                lock=self.lock,
                bank_accounts=bank_accounts,
                today=today,
                rights=rights,
                extra_vat_percents=extra_vat_percents,
            )
            self.companies[company_id] = company
            self.books[company_id] = Books()
            return company

    def activate(
        self,
        *companies: SandboxCompany,
        initiator: Json | None = None,
        accounting_office: str = "",
        lifetime_seconds: float = LIFETIME_SECONDS,
    ) -> Activation:
        """Ask for the integration in these companies, as a customer does in Procountor.

        `initiator` is {"email", "userFullName"}, or None without consent to tell it.
        """
        return self.activations.add(list(companies), initiator, accounting_office, lifetime_seconds)

    def fault(self, kind: str, **where: Any) -> None:
        """Script one fault: method, path, times, after_effect, company_id, skip, delay_seconds,
        status, retry_after, message, field; see `faults.Fault`. Raises ValueError."""
        self.faults.add(Fault(kind, **where))

    def chaos(self, rate: float = 0.2, seed: Any = None) -> None:
        """Spoil this share of all requests at random; 0 ends it."""
        self.faults.chaos(rate, seed)

    def ledger(self, company_id: int | None = None) -> list[Json]:
        """Copies of the invoices created, oldest first, each with its `companyId` added."""
        with self.lock:
            return [
                copy.deepcopy(invoice) | {"companyId": owner}
                for owner, books in self.books.items()
                if company_id in (None, owner)
                for invoice in books.invoices.values()
            ]

    def duplicates(self) -> list[tuple[int, str, int]]:
        """(company id, originalInvoiceNumber, count) of numbers created more than once, in
        whatever status the invoices are now."""
        numbers = Counter(
            (invoice["companyId"], invoice["originalInvoiceNumber"])
            for invoice in self.ledger()
            if invoice.get("originalInvoiceNumber")
        )
        return [(*key, count) for key, count in numbers.items() if count > 1]

    @property
    def requests(self) -> list[LoggedRequest]:
        """(time, method, path without base and query, status, company id) of the latest requests.

        Status 0 means that the connection was cut before a status was sent."""
        with self.lock:
            return list(self._requests)

    def record(self, method: str, path: str, status: int, company_id: int | None) -> None:
        with self.lock:
            self._requests.append((time.time(), method, path, status, company_id))

    def company_of_key(self, api_key: str) -> SandboxCompany | None:
        """The company of a key that is valid for this sandbox's client."""
        with self.lock:
            for company in self.companies.values():
                claims = company.claims_of(api_key)
                if claims is not None and claims["aud"] == self.client_id:
                    return company
        return None

    def grant_token(self, company: SandboxCompany, api_key: str) -> Json:
        """Issue an access token; the answer of POST /oauth/token."""
        now = time.time()
        claims = (company.claims_of(api_key) or {}) | {
            "auth_time": int(now),
            "iat": int(now),
            "exp": int(now) + self.token_lifetime_seconds,
            "scope": "m2m",
            # Two tokens of one second differ too.
            "nonce": uuid.uuid4().hex,
        }
        token = signed_jwt(claims, self._issuer.signing_key)
        with self.lock:
            self._grants[token] = _Grant(company.id, now + self.token_lifetime_seconds)
        return {"access_token": token, "expires_in": self.token_lifetime_seconds}

    def company_of_token(self, token: str) -> SandboxCompany | None:
        """The company of a token that has not expired."""
        with self.lock:
            grant = self._grants.get(token)
            if grant is None or time.time() >= grant.expires_at:
                return None
            return self.companies.get(grant.company_id)

    def new_login_code(self, company: SandboxCompany) -> str:
        """A code as the key login page gives it."""
        code, known = new_code(company, self.code_lifetime_seconds)
        with self.lock:
            self._login_codes[code] = known
        return code

    def use_login_code(self, code: str) -> SandboxCompany | None:
        """The company of a code that was not used before and has not expired."""
        with self.lock:
            known = self._login_codes.pop(code, None)
        return None if known is None or time.time() >= known.expires_at else known.company

    def drop_token(self, token: str) -> None:
        with self.lock:
            self._grants.pop(token, None)
