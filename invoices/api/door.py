"""What stands before every address of the API: language, request number, and one form of errors.

No session, no cookie, no CSRF token: a token in the Authorization header is the only way in.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import translation
from ninja.security import HttpBearer

from integrations.enums import TenantState
from invoices.api import tokens
from invoices.api.language import chosen
from invoices.api.problems import MEDIA_TYPE, ApiProblem
from invoices.api_models import ApiToken

logger = logging.getLogger(__name__)

View = Callable[..., Any] | Any
_READ, _WRITE = "invoices:read", "invoices:write"
_BUSY_SECONDS = "5"
_VARY = "Accept, Accept-Language, Authorization"
_ACCEPTED = ("*/*", "application/*", "application/json", MEDIA_TYPE)


class BearerToken(HttpBearer):
    """Scope `scope` of a token in the Authorization header."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> ApiToken:
        """The library's own would log what it does not know while DEBUG is on."""
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        token = self.authenticate(request, text.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            # RFC 6750, section 3: no code where nothing was sent.
            code = ', error="invalid_token"' if scheme else ""
            challenge = {"WWW-Authenticate": f'Bearer realm="Flashnode"{code}'}
            raise ApiProblem("unauthorized", headers=challenge)
        if self.scope not in token.scopes:
            challenge = {
                "WWW-Authenticate": 'Bearer realm="Flashnode", error="insufficient_scope", '
                f'scope="{self.scope}"'
            }
            raise ApiProblem("scope-missing", more={"scope": self.scope}, headers=challenge)
        if token.tenant.state == TenantState.CLOSED:
            raise ApiProblem("connection-ended")
        tokens.note_use(token)
        return token

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        return tokens.find(token)


may_read, may_write = BearerToken(_READ), BearerToken(_WRITE)


def request_id_of(request: HttpRequest) -> str:
    """32 hexadecimal digits, in the answer's X-Request-Id and in our log."""
    return str(vars(request).setdefault("_api_request_id", uuid.uuid4().hex))


def door(view: View, *, is_page: bool = False) -> View:
    """`view` behind the door; whatever it raises becomes a problem. A page is for people, and not
    refused to who takes no JSON."""

    @functools.wraps(view)
    def behind(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with translation.override(chosen(request.headers.get("Accept-Language", ""))):
            asked = request.method
            if asked == "HEAD":
                request.method = "GET"  # the server leaves the body out
            response = _answered(view if is_page else _for_programs(view), request, *args, **kwargs)
            request.method = asked
            response.headers.setdefault("Content-Language", translation.get_language() or "")
        response["X-Request-Id"] = request_id_of(request)
        response["Cache-Control"] = "no-store"
        response["Vary"] = _VARY
        return response

    vars(behind)["csrf_exempt"] = True
    return behind


def not_found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Whatever is no address of the API."""
    raise Http404


def _answered(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    try:
        response: HttpResponse = view(request, *args, **kwargs)
        if response.status_code == 405:
            raise ApiProblem("method-not-allowed", headers={"Allow": response["Allow"]})
    except Exception as error:
        return _problem_of(error, request).response(request_id_of(request))
    return response


def _for_programs(view: View) -> View:
    """`view` for clients that take JSON; 406 for others."""

    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        _check_accept(request)
        answered: HttpResponse = view(request, *args, **kwargs)
        return answered

    return checked


def _check_accept(request: HttpRequest) -> None:
    """Raises ApiProblem unless the client takes JSON."""
    ranges = [part.partition(";") for part in request.headers.get("Accept", "*/*").split(",")]
    for media_type, _mark, parameters in ranges:
        is_refused = parameters.replace(" ", "").lower() in ("q=0", "q=0.0", "q=0.00", "q=0.000")
        if media_type.strip().lower() in _ACCEPTED and not is_refused:
            return
    raise ApiProblem("not-acceptable")


def _problem_of(error: Exception, request: HttpRequest) -> ApiProblem:
    """What an exception is to the source. What nobody foresaw is logged with its traceback."""
    if isinstance(error, ApiProblem):
        return error
    if isinstance(error, Http404):
        return ApiProblem("not-found")
    if isinstance(error, RequestDataTooBig):
        return ApiProblem("body-too-large")
    if isinstance(error, UnreadablePostError | SuspiciousOperation):
        return ApiProblem("body-unreadable")
    if isinstance(error, OperationalError):
        logger.warning("api request %s: the database is busy: %s", request_id_of(request), error)
        return ApiProblem("busy", headers={"Retry-After": _BUSY_SECONDS})
    logger.error("api request %s failed", request_id_of(request), exc_info=error)
    got_request_exception.send(sender=None, request=request)
    return ApiProblem("internal-error")
