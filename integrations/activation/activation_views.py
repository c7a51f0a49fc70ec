"""Where Procountor leads the customer's browser after an activation link (REFERENCE section 4.3).

No log-in. The page keeps the number of the request and says what happens next; it is the same
for every number, so it tells nothing about anybody.
"""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.http import require_GET

from integrations.activation import activations
from integrations.advice import LANGUAGES
from integrations.connect.public_pages import language_of, page, public_page, too_many
from integrations.tasks import fetch_activation_soon

#: A customer makes one request; a person at an accounting office a few.
MOST_NEW_A_MINUTE = 5


@public_page
@require_GET
def activated(request: HttpRequest, environment: str) -> HttpResponse:
    """Keep the request's number, as often as the page is opened, and say what happens next."""
    if environment not in settings.PROCOUNTOR:
        raise Http404
    name = settings.PROCOUNTOR[environment]["activation_parameter"]
    number = activations.number_in(request.GET.get(name, "")) if name else None
    outcome = "unnumbered"
    if number is not None:
        outcome = "received" if _kept(request, environment, number) else "busy"
    return page(
        request,
        "connect/activated.html",
        {"outcome": outcome, "carried": f"{name}={number}&" if number is not None else ""},
        language=language_of(request, _browser_language(request)),
        status=503 if outcome == "busy" else 200,
    )


def _kept(request: HttpRequest, environment: str, number: int) -> bool:
    """One caller gives few new numbers, so that it cannot take the room of all others."""
    is_new = not activations.is_known(environment, number)
    if is_new and too_many(request, "activations", MOST_NEW_A_MINUTE):
        return False
    kept, is_new = activations.record(environment, number)
    if kept is not None and is_new:
        fetch_activation_soon(kept)
    return kept is not None


def _browser_language(request: HttpRequest) -> str:
    """The first of our customers' languages that the browser asks for; else Finnish."""
    asked = parse_accept_lang_header(request.headers.get("Accept-Language", "")[:200].lower())
    short = (code.partition("-")[0] for code, _quality in asked)
    return next((code for code in short if code in LANGUAGES), "fi")
