"""The HTTP client of one tenant's company in Procountor: one method per call we use.

Each method makes its request once. Only a 401, which was certainly not processed, is repeated,
once, with a new access token. Whether anything else may be repeated is for the caller to decide,
from the kind of the error. Reads no setting and no model, and writes no log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from urllib.parse import urlencode

import requests
import simplejson

from . import schemas
from .answers import NotJson, data_of, failure_of, parsed, token_failure_of, unusable
from .auth import (
    AccessToken,
    Environment,
    MemoryTokenStore,
    TokenStore,
    token_form,
    token_from,
)
from .errors import NotSubmitted, OutcomeUnknown, ProcountorError, redacted
from .schemas import (
    Company,
    CompanyBankAccount,
    CreatedInvoice,
    FiscalYear,
    FoundInvoice,
    InvoiceTransaction,
    RemoteInvoice,
    ServiceStatus,
    SessionInfo,
    UserRights,
    VatDefaults,
)
from .transport import Answer, exchange, pooled_session, refuse_retries

PAGE_SIZE = 200
BATCH_SIZE = 200
ATTACHMENT_LIMIT_BYTES = 10_000_000
USER_AGENT = "flashnode-backoffice"

Filter = str | int | bool | date | Iterable[str | int]
Invoice = TypeVar("Invoice", bound=RemoteInvoice)


@dataclass(frozen=True)
class InvoicePage:
    """A part of a search's results, by id; `is_last` when none follow."""

    hits: tuple[FoundInvoice, ...]
    is_last: bool


class ProcountorClient:
    """Acts for one tenant with its API key.

    `api_key` may be a callable; it is called only when an access token is needed and its answer
    is not kept. `before_request` runs before each request, the token's too (a rate limiter's
    place); `on_rate_limit` gets the seconds Procountor asks us to wait (0 when it does not say).
    Every method raises NotSubmitted, OutcomeUnknown, Rejected or CredentialRefused.
    """

    def __init__(
        self,
        environment: Environment,
        api_key: str | Callable[[], str],
        *,
        tokens: TokenStore | None = None,
        session: requests.Session | None = None,
        before_request: Callable[[], None] | None = None,
        on_rate_limit: Callable[[float], None] | None = None,
    ) -> None:
        if session is not None:
            refuse_retries(session, environment.base_url)
        self.environment = environment
        self._api_key = api_key
        self._tokens = MemoryTokenStore() if tokens is None else tokens
        self._session = session
        self._before_request = before_request
        self._on_rate_limit = on_rate_limit

    def __repr__(self) -> str:
        return f"ProcountorClient({self.environment.name!r})"

    def authenticate(self) -> None:
        """Make sure an access token is at hand.

        Never raises OutcomeUnknown: a token request submits nothing. Raises CredentialRefused
        when the key or client is not accepted, Rejected for a wrong version path or redirect.
        """
        self._token()

    def is_authenticated(self) -> bool:
        """Whether a fresh access token is at hand, without a request."""
        token = self._tokens.get()
        return token is not None and token.is_fresh()

    def status(self) -> ServiceStatus:
        """`GET /status`: Procountor's own health."""
        return ServiceStatus.read(self._object("GET", "/status"))

    def session_info(self) -> SessionInfo:
        """`GET /sessioninfo`: the company and user the key acts for; needs no right."""
        return SessionInfo.read(self._object("GET", "/sessioninfo"))

    def user_rights(self) -> UserRights:
        """`GET /users/rights`: role and rights of the key's user; needs no right."""
        return UserRights.read(self._object("GET", "/users/rights"))

    def company(self) -> Company:
        """`GET /company`."""
        return Company.read(self._object("GET", "/company"))

    def bank_accounts(self) -> list[CompanyBankAccount]:
        """`GET /bankaccounts`, all pages, inactive accounts too."""
        return [CompanyBankAccount.read(item) for item in self._pages("/bankaccounts", {})]

    def default_vats(self) -> VatDefaults:
        """`GET /vats/default`: the VAT percentages and statuses the company has in use."""
        return VatDefaults.read(self._object("GET", "/vats/default"))

    def fiscal_years(self) -> list[FiscalYear]:
        """`GET /fiscalyears`, with their tracking periods."""
        answer = self._object("GET", "/fiscalyears")
        return [FiscalYear.read(item) for item in schemas.objects(answer, "fiscalYears")]

    def create_invoice(self, body: bytes, *, leave_by: float = float("inf")) -> CreatedInvoice:
        """Create one invoice, status UNFINISHED, from exactly these bytes of UTF-8 JSON.

        Makes one POST and never retries it: the API offers no idempotency key, so a second
        POST can book the invoice twice. A 200 without an integer id is OutcomeUnknown.
        After `leave_by`, by `transport.now()`, it is not sent any more, nor repeated after a 401:
        NotSubmitted("too_late"). Source: POST /invoices, contract.json `saveInvoice`.
        """
        answer = self._call(
            "POST", "/invoices", data=body, content_type="application/json", leave_by=leave_by
        )
        return self._invoice(CreatedInvoice, answer, "POST /invoices")

    def get_invoice(self, remote_id: int) -> RemoteInvoice:
        """`GET /invoices/{id}`. Raises Rejected with status 404 when there is none."""
        path = f"/invoices/{int(remote_id)}"
        return self._invoice(RemoteInvoice, self._call("GET", path), f"GET {path}")

    def get_invoices(self, remote_ids: Iterable[int]) -> list[RemoteInvoice]:
        """The invoices with these ids, in the order of the ids; unknown ids are left out.

        One request per 200 ids. Source: REFERENCE section 7, batch get.
        """
        wanted = sorted({int(remote_id) for remote_id in remote_ids})
        found: list[RemoteInvoice] = []
        for start in range(0, len(wanted), BATCH_SIZE):
            found += self._batch(wanted[start : start + BATCH_SIZE])
        return found

    def find_invoices(self, *, original_invoice_number: str) -> list[FoundInvoice]:
        """The sales invoices whose originalInvoiceNumber is exactly this, in every status.

        Whether Procountor matches exactly is not documented, so it is compared here. An answer
        that is not a proper list is OutcomeUnknown, never "nothing found".
        """
        hits = self.search_invoices(
            types="SALES_INVOICE", originalInvoiceNumber=original_invoice_number
        )
        return [
            hit
            for hit in hits
            if hit.original_invoice_number == original_invoice_number
            and hit.invoice_type in ("", "SALES_INVOICE")
        ]

    def search_invoices(self, **filters: Filter) -> Iterator[FoundInvoice]:
        """`GET /invoices` with the contract's own filter names, page by page, oldest id first.

        Dates become YYYY-MM-DD, several values a comma-separated list.
        """
        query = {name: _query_value(value) for name, value in filters.items()}
        for item in self._pages("/invoices", query):
            yield FoundInvoice.read(item)

    def search_page(self, after_id: int | None = None, **filters: Filter) -> InvoicePage:
        """One page of `search_invoices`: up to 200 invoices whose ids follow `after_id`. One
        request, so what is in it was there at one moment; for whoever goes on later."""
        query = {name: _query_value(value) for name, value in filters.items()}
        answer, results, ids = self._page("/invoices", query, after_id)
        if after_id is not None and any(found <= after_id for found in ids):
            raise unusable(answer, "paging", "GET /invoices")
        hits = tuple(FoundInvoice.read(item) for item in results)
        return InvoicePage(hits, self._is_last(answer, results, "GET /invoices"))

    def approve(self, remote_id: int, *, leave_by: float = float("inf")) -> None:
        """`PUT /invoices/{id}/approve`: to NOT_SENT, or APPROVED when the channel is NO_SENDING.

        `leave_by` as for `create_invoice`.
        """
        path = f"/invoices/{int(remote_id)}/approve"
        answer = self._call(
            "PUT", path, data=b"{}", content_type="application/json", leave_by=leave_by
        )
        self._done(path, answer)

    def send(self, remote_id: int, *, leave_by: float = float("inf")) -> None:
        """`PUT /invoices/{id}/send`: deliver to the buyer. A second call delivers again.

        Success means accepted for delivery; delivery errors come later, see `transactions`.
        `leave_by` as for `create_invoice`.
        """
        path = f"/invoices/{int(remote_id)}/send"
        self._done(path, self._call("PUT", path, leave_by=leave_by))

    def transactions(self, remote_id: int) -> list[InvoiceTransaction]:
        """`GET /invoices/{id}/transactions`: what happened to the invoice."""
        answer = self._object("GET", f"/invoices/{int(remote_id)}/transactions")
        return [InvoiceTransaction.read(item) for item in schemas.objects(answer, "transactions")]

    def add_attachment(
        self,
        remote_id: int,
        name: str,
        content: bytes,
        content_type: str,
        send_with_invoice: bool,
        *,
        leave_by: float = float("inf"),
    ) -> int:
        """Attach a file to an invoice and return the attachment's id.

        `name` has its extension. Raises ValueError above 10,000,000 bytes, before any request.
        `leave_by` as for `create_invoice`. Source: POST /attachments, REFERENCE section 16.
        """
        if len(content) > ATTACHMENT_LIMIT_BYTES:
            raise ValueError(f"an attachment may have at most {ATTACHMENT_LIMIT_BYTES} bytes")
        meta = {
            "name": name,
            "referenceType": "INVOICE",
            "referenceId": int(remote_id),
            "sendWithInvoice": send_with_invoice,
        }
        parts = {
            "meta": (None, simplejson.dumps(meta, use_decimal=True), "application/json"),
            "file": (name, content, content_type),
        }
        answer = self._call("POST", "/attachments", files=parts, leave_by=leave_by)
        attachment = self._data(answer, "POST /attachments")
        attachment_id = schemas.integer(schemas.inside(attachment, "id"))
        if attachment_id is None:
            raise unusable(answer, "no_id", "POST /attachments")
        return attachment_id

    def _batch(self, wanted: list[int]) -> list[RemoteInvoice]:
        path = "/invoices/" + ",".join(map(str, wanted))
        answer = self._call("GET", path)
        if answer.status == 404:
            refusal = failure_of(answer, "GET /invoices/{ids}")
            if refusal.errors:
                return []  # only when every id is unknown
            raise refusal
        data = self._data(answer, "GET /invoices/{ids}")
        # A list for several ids, the object itself for one.
        items = data if isinstance(data, list) else [data]
        return [self._read(RemoteInvoice, item, answer, "GET /invoices/{ids}") for item in items]

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        """The objects of every page; by id, so that what is added meanwhile moves no page."""
        seen: set[int] = set()
        after_id: int | None = None
        while True:
            answer, results, ids = self._page(path, query, after_id)
            if seen.intersection(ids):
                raise unusable(answer, "paging", f"GET {path}")
            yield from results
            if self._is_last(answer, results, f"GET {path}"):
                return
            seen.update(ids)
            after_id = ids[-1]

    def _page(
        self, path: str, query: dict[str, str], after_id: int | None
    ) -> tuple[Answer, list[dict[str, Any]], list[int]]:
        paging = {"size": str(PAGE_SIZE), "orderById": "ASC"}
        if after_id is not None:
            paging["previousId"] = str(after_id)
        answer = self._call("GET", f"{path}?{urlencode(query | paging)}")
        return answer, *self._results(answer, f"GET {path}")

    def _is_last(self, answer: Answer, results: list[dict[str, Any]], during: str) -> bool:
        size = schemas.integer(schemas.inside(self._data(answer, during), "meta", "pageSize"))
        return not results or len(results) < (size or PAGE_SIZE)

    def _results(self, answer: Answer, during: str) -> tuple[list[dict[str, Any]], list[int]]:
        results = schemas.inside(self._data(answer, during), "results")
        if not isinstance(results, list):
            raise unusable(answer, "no_results", during)
        ids = [schemas.integer(schemas.inside(item, "id")) for item in results]
        known = [found for found in ids if found is not None]
        if len(known) != len(results):
            raise unusable(answer, "no_id", during)
        return results, known

    def _object(self, method: str, path: str) -> dict[str, Any]:
        answer = self._call(method, path)
        data = self._data(answer, f"{method} {path}")
        if not isinstance(data, dict):
            raise unusable(answer, "not_json", f"{method} {path}")
        return data

    def _invoice(self, kind: type[Invoice], answer: Answer, during: str) -> Invoice:
        text = redacted(answer.content.decode("utf-8", "replace"), answer.secrets)
        return self._read(kind, self._data(answer, during), answer, during, text)

    def _read(
        self, kind: type[Invoice], data: object, answer: Answer, during: str, text: str = ""
    ) -> Invoice:
        if not isinstance(data, dict):
            raise unusable(answer, "not_json", during)
        if schemas.integer(data.get("id")) is None:
            raise unusable(answer, "no_id", during)
        return kind.read(data, text)

    def _data(self, answer: Answer, during: str) -> Any:
        return data_of(answer, during)

    def _done(self, path: str, answer: Answer) -> None:
        # 202 would be a two-factor confirmation still to come: not done.
        if answer.status not in (200, 204):
            raise failure_of(answer, f"PUT {path}")

    def _call(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        content_type: str = "",
        files: dict[str, Any] | None = None,
        leave_by: float = float("inf"),
    ) -> Answer:
        """The answer to one API call; a 401 is repeated once with a new token, as unprocessed."""
        headers = {"Content-Type": content_type} if content_type else {}
        request = requests.Request(
            method, self.environment.base_url + path, headers=headers, data=data, files=files
        )
        token = self._token()
        answer = self._authorized(request, token, leave_by)
        if answer.status == 401:
            self._tokens.drop(token)
            token = self._token()
            answer = self._authorized(request, token, leave_by)
            if answer.status == 401:
                self._tokens.drop(token)
        if answer.status == 429:
            self._rate_limited(failure_of(answer, f"{method} {path}"))
        return answer

    def _authorized(self, request: requests.Request, token: AccessToken, leave_by: float) -> Answer:
        request.headers["Authorization"] = f"Bearer {token.value}"
        return self._exchange(request, token.value, leave_by)

    def _exchange(
        self, request: requests.Request, secret: str, leave_by: float = float("inf")
    ) -> Answer:
        request.headers |= {"Accept": "application/json", "User-Agent": USER_AGENT}
        if self._before_request is not None:
            self._before_request()
        known = self._api_key if isinstance(self._api_key, str) else ""
        secrets = (secret, self.environment.client_secret, known)
        session = self._session or pooled_session()
        return exchange(session, request, self.environment, secrets, leave_by)

    def _token(self) -> AccessToken:
        token = self._tokens.get()
        if token is not None and token.is_fresh():
            return token
        with self._tokens.renewal():
            token = self._tokens.get()
            if token is None or not token.is_fresh():
                token = self._new_token()
                self._tokens.put(token)
            return token

    def _new_token(self) -> AccessToken:
        key = self._api_key() if callable(self._api_key) else self._api_key
        during = "POST /oauth/token"
        request = requests.Request(
            "POST",
            self.environment.base_url + "/oauth/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            data=token_form(self.environment, key),
        )
        asked_at = time.time()
        try:
            answer = self._exchange(request, key)
        except OutcomeUnknown as error:
            unsubmitted = NotSubmitted(error.cause, during=during)
        else:
            token = _token_of(answer, asked_at)
            if token is not None:
                return token
            refusal = token_failure_of(answer, during)
            if answer.status == 429:
                self._rate_limited(refusal)
            raise refusal
        raise unsubmitted

    def _rate_limited(self, error: ProcountorError) -> None:
        if self._on_rate_limit is not None:
            self._on_rate_limit(error.retry_after_seconds or 0.0)


def _token_of(answer: Answer, asked_at: float) -> AccessToken | None:
    if answer.status not in (200, 201):
        return None
    try:
        return token_from(parsed(answer.content), asked_at)
    except NotJson:
        return None


def _query_value(value: Filter) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (str, int)):
        return str(value)
    return ",".join(map(str, value))
