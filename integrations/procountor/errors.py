"""Every way a call to Procountor can fail, sorted by what the caller may do next.

* ProcountorError
  - NotSubmitted       certainly never processed: safe to send again
  - OutcomeUnknown     may have been processed: reconcile before sending again
  - Rejected           refused as it is: a person must change the data
  - CredentialRefused  the API key or client was refused: a person must change the credential

The errors carry their evidence (status, answer, parsed error list) with secrets blotted out, and
never hold the exception of the HTTP library, because that one holds the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

BODY_LIMIT_CHARACTERS = 20_000
BLOT = "[redacted]"
#: API keys and access tokens are JWTs (REFERENCE sections 3 and 4).
_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?")
_SECRET_FIELDS = re.compile(
    r'(["\']?\b(?:access_token|refresh_token|client_secret|api_key|apiKey)\b["\']?\s*[:=]\s*["\']?)'
    r"[^\"'&\s,}<]+"
)


@dataclass(frozen=True)
class RemoteError:
    """One entry of Procountor's `errors`: `message` is a code or a sentence (REFERENCE 8)."""

    status: int | None
    field: str
    message: str


class ProcountorError(Exception):
    """A call that did not end well.

    `cause` is a short stable word for people and logs ("read_timeout", "http_503", "not_json").
    `body` is the answer's text, secrets blotted out, at most 20,000 characters.
    """

    def __init__(
        self,
        cause: str,
        *,
        during: str = "",
        status: int | None = None,
        body: str = "",
        errors: tuple[RemoteError, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{cause} during {during}" if during else cause)
        self.cause = cause
        self.during = during
        self.status = status
        self.body = body
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, status={self.status})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.__dict__.copy())


class NotSubmitted(ProcountorError):
    """Certainly never processed: safe to send again."""


class OutcomeUnknown(ProcountorError):
    """May have been processed: reconcile before sending again."""


class Rejected(ProcountorError):
    """Refused as it is: a person must change the data."""


class CredentialRefused(ProcountorError):
    """The API key or client was refused: a person must change the credential."""


def _rebuilt(kind: type[ProcountorError], state: dict[str, Any]) -> ProcountorError:
    error = kind(state["cause"], during=state["during"])
    error.__dict__.update(state)
    return error


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` without the given secrets, their encoded forms, or anything that looks like one."""
    for secret in secrets:
        # Most texts hold none of it; encoded forms need their own characters.
        encoded = "%" in text or "+" in text
        forms = {quote(secret), quote(secret, safe=""), quote_plus(secret)} if encoded else set()
        for form in {secret} | forms:
            if form:
                text = text.replace(form, BLOT)
    if "eyJ" in text:
        text = _JWT.sub(BLOT, text)
    if "token" in text or "client_secret" in text or "api_key" in text or "apiKey" in text:
        text = _SECRET_FIELDS.sub(rf"\1{BLOT}", text)
    return text


def remote_errors(answer: object) -> tuple[RemoteError, ...]:
    """The errors an answer lists: Procountor's `errors`, or OAuth's `error`; () when neither.

    Shapes: REFERENCE section 8, and RFC 6749 section 5.2 for the token request.
    """
    if not isinstance(answer, dict):
        return ()
    listed = answer.get("errors")
    if isinstance(listed, list):
        return tuple(_remote_error(item) for item in listed)
    found = [
        RemoteError(None, name if name != "error" else "", text)
        for name in ("error", "error_description")
        if isinstance(text := answer.get(name), str) and text
    ]
    return tuple(found)


def _remote_error(item: object) -> RemoteError:
    if not isinstance(item, dict):
        return RemoteError(None, "", str(item))
    status = item.get("status")
    known = status if isinstance(status, int) and not isinstance(status, bool) else None
    return RemoteError(known, str(item.get("field") or ""), str(item.get("message") or ""))
