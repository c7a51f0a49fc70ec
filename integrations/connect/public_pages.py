"""What every page outside the log-in has in common: headers, language, and a limit on guessing."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from integrations.advice import LANGUAGES

#: Wrong addresses that one caller may try in a minute. The tokens themselves cannot be guessed;
#: a good link works all the time. Counted by each process for itself.
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
    """The headers of a page for people without a log-in."""

    @functools.wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return strict(view(request, *args, **kwargs))

    return shown


def strict(response: HttpResponse) -> HttpResponse:
    """The response with the headers of a public page."""
    for name, value in _HEADERS.items():
        response[name] = value
    response["Content-Security-Policy"] = "; ".join(f"{k} {v}" for k, v in _POLICY.items())
    return response


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


def too_many_misses(request: HttpRequest) -> bool:
    """Count a wrong address; whether this caller has tried too many in this minute."""
    return too_many(request, "misses", MOST_MISSES_A_MINUTE)


def too_many(request: HttpRequest, what: str, most: int) -> bool:
    """Count one `what` of this caller; whether it is more than `most` in this minute."""
    cache = caches["strangers"]
    key = f"{what}:{int(time.time() // 60)}:{_caller(request)}"
    cache.add(key, 0, 120)
    try:
        return int(cache.incr(key)) > most
    except ValueError:  # pushed out between the two calls
        return False


def _caller(request: HttpRequest) -> str:
    """The caller's address, hashed; of IPv6 the network, which one caller has all of. Behind our
    TLS proxy it is the last one in X-Forwarded-For, which the proxy itself appends."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE else ""
    named = forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(named)
        if address.version == 6:
            named = str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        named = named[:100]
    return hashlib.sha256(named.encode()).hexdigest()[:32]
