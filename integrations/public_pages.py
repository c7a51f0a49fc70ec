"""What every page outside the log-in has in common: headers and language."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from integrations.advice import LANGUAGES


def public_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The headers of a page for people without a log-in."""

    @functools.wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex, nofollow"
        response["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
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
