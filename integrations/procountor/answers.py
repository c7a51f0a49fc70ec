"""What an answer's status and body mean: data, or one of our errors. Opens no connection.

Source of the rules: REFERENCE section 8 and the table of status codes there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import simplejson

from .errors import (
    BODY_LIMIT_CHARACTERS,
    CredentialRefused,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorError,
    Rejected,
    redacted,
    remote_errors,
)
from .transport import Answer

#: OAuth codes that speak of the server's trouble, not of the credential (RFC 6749, 4.1.2.1).
_SERVER_TROUBLE = {"server_error", "temporarily_unavailable"}

Kind = TypeVar("Kind", bound=ProcountorError)


class NotJson(ValueError):
    """The text is not one JSON value in UTF-8."""


def parsed(content: bytes) -> Any:
    """The JSON value in an answer, decimals as Decimal. Raises NotJson."""
    try:
        return simplejson.loads(content.decode("utf-8-sig"), use_decimal=True)
    except (ValueError, RecursionError):
        pass
    raise NotJson


def data_of(answer: Answer, during: str) -> Any:
    """The JSON value of a 200 answer; raises the error that fits any other answer."""
    if answer.status not in (200, 201):
        raise failure_of(answer, during)
    try:
        return parsed(answer.content)
    except NotJson:
        error = unusable(answer, "not_json", during)
    raise error


def failure_of(answer: Answer, during: str) -> ProcountorError:
    """The error for a status other than 200 and 201, on any call but the token's."""
    status = answer.status
    kind: type[ProcountorError] = OutcomeUnknown
    cause = f"http_{status}"
    if status == 429:
        kind, cause = NotSubmitted, "rate_limited"
    elif status == 401:
        kind = CredentialRefused
    elif 300 <= status < 400:
        kind, cause = Rejected, "redirect"
    # 408 is a gateway that lost patience: it does not say what became of the request.
    elif 400 <= status < 500 and status != 408:
        kind = Rejected
    return _error(kind, cause, answer, during)


def token_failure_of(answer: Answer, during: str) -> ProcountorError:
    """The error for a token answer without a token: never OutcomeUnknown, nothing was submitted.

    401 always speaks of the credential, 400 and 403 only with an error list or OAuth's `error`:
    a bare or HTML one comes from a gateway. 404 is a wrong version path (REFERENCE section 3).
    """
    status = answer.status
    found = _error(NotSubmitted, f"http_{status}", answer, during)
    kind: type[ProcountorError] = NotSubmitted
    if status == 429:
        found.cause = "rate_limited"
    elif status in (200, 201):
        found.cause = "no_token"
    elif 300 <= status < 400:
        kind, found.cause = Rejected, "redirect"
    elif status == 401 or (status in (400, 403) and _blames_credential(found)):
        kind = CredentialRefused
    elif 400 <= status < 500 and status not in (400, 403, 408):
        kind = Rejected
    return _error(kind, found.cause, answer, during)


def unusable(answer: Answer, cause: str, during: str) -> OutcomeUnknown:
    """A 200 whose body does not hold what was asked: something was done, we cannot tell what."""
    return _error(OutcomeUnknown, cause, answer, during)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds from now, from a number or an HTTP date; None when unreadable."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - time.time())


def _blames_credential(error: ProcountorError) -> bool:
    return bool(error.errors) and error.errors[0].message not in _SERVER_TROUBLE


def _error(kind: type[Kind], cause: str, answer: Answer, during: str) -> Kind:
    body = redacted(answer.content.decode("utf-8", "replace"), answer.secrets)
    try:
        errors = remote_errors(parsed(body.encode()))
    except NotJson:
        errors = ()
    return kind(
        cause,
        during=during,
        status=answer.status,
        body=body[:BODY_LIMIT_CHARACTERS],
        errors=errors,
        retry_after_seconds=retry_after_seconds(answer.headers),
    )
