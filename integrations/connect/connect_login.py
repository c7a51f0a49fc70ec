"""Where Procountor's log-in page leads the customer's browser back to: our redirect URI."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET

from integrations.connect import connect_words, intake_links, intake_logins
from integrations.connect.intake_logins import COOKIE, LOGIN_LASTS
from integrations.connect.public_pages import page, public_page, too_many_misses
from integrations.tasks import try_intake_key_soon


@public_page
@require_GET
@sensitive_variables("code")
def logged_in(request: HttpRequest) -> HttpResponse:
    """Take the log-in that comes back, exchange its code, and go on at the link's own page."""
    state, code = request.GET.get("state", "")[:200], request.GET.get("code", "")[:4000]
    browser = request.get_signed_cookie(COOKIE, default="", max_age=LOGIN_LASTS) or ""
    link = intake_logins.take(state, browser)
    token = intake_links.token_of(link) if link is not None else ""
    if link is None or not token:
        status = 429 if too_many_misses(request) else 404
        context = {"over": connect_words.login_ended()}
        return page(request, "connect/over.html", context, language="fi", status=status)
    problem = intake_logins.finish(link, code)
    if not problem:
        try_intake_key_soon(link)
    query = f"?{urlencode({'login': problem})}" if problem else ""
    return HttpResponseRedirect(reverse("connect", args=[token]) + query)
