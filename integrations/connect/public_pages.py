"""What every page outside the log-in has in common: headers, language, and a limit on guessing."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from integrations.advice import LANGUAGES

#: Wrong addresses that one caller may try in a minute. The tokens themselves cannot be guessed;
#: the limit spares the database. Counted by the cache, so now and then a few more get through.
MOST_MISSES_A_MINUTE = 30

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def public_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The headers of a page for people without a log-in. A view that leads the browser to
    another host adds it as `response.form_action`."""

    @functools.wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        for name, value in _HEADERS.items():
            response[name] = value
        further = getattr(response, "form_action", "")
        policy = _POLICY | {"form-action": f"'self' {further}".strip()}
        response["Content-Security-Policy"] = "; ".join(f"{k} {v}" for k, v in policy.items())
        return response

    return shown


def language_of(request: HttpRequest, preferred: str) -> str:
    """The page's language: `?lang=`, else `preferred`."""
    asked = request.GET.get("lang", "")
    return asked if asked in LANGUAGES else preferred


def page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    language: str,
    status: int = 200,
) -> HttpResponse:
    """A page in one of our three languages, whatever languages staff work in."""
    with translation.override(language):
        response = render(
            request,
            template,
            context | {"language": language, "languages": LANGUAGES.items()},
            status=status,
        )
    response["Content-Language"] = language
    return response


def too_many_misses(request: HttpRequest, *, missed: bool = False) -> bool:
    """Whether this caller has tried too many wrong addresses in a minute; `missed` counts one."""
    key = f"misses:{hashlib.sha256(_caller(request).encode()).hexdigest()[:32]}"
    if missed and not cache.add(key, 1, 60):
        try:
            cache.incr(key)
        except ValueError:  # its minute ended between the two calls
            cache.set(key, 1, 60)
    return int(cache.get(key, 0)) > MOST_MISSES_A_MINUTE


def _caller(request: HttpRequest) -> str:
    """The caller's address. Behind our TLS proxy it is the last one in X-Forwarded-For, which the
    proxy itself appends."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE else ""
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
