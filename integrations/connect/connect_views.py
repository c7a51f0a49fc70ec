"""The customer's page behind an intake link: no log-in, no effect of a GET, nothing of others."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone, translation
from django.views.csrf import csrf_failure as django_csrf_failure
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from integrations import accounts, advice, keylogin
from integrations.accounts import AccountInvalid
from integrations.connect import connect_words, intake_links, intake_logins
from integrations.connect.intake_links import AccountUnknown
from integrations.connect.intake_logins import COOKIE, LOGIN_LASTS
from integrations.connect.models import IntakeLink
from integrations.connect.public_pages import (
    language_of,
    page,
    public_page,
    strict,
    too_many_misses,
)
from integrations.diagnosis import LONGEST_CHECK
from integrations.enums import CheckOutcome
from integrations.keydesk import KeyRefused
from integrations.models import ConnectionCheck
from integrations.tasks import check_soon, try_intake_key_soon

State = IntakeLink.State
#: How soon the same question may be asked of Procountor again.
_PAUSE = dt.timedelta(seconds=15)
#: After this a waiting page says that it takes longer.
_PATIENCE = dt.timedelta(seconds=60)
_LOGIN_PROBLEMS = ("login_given_up", "busy")
_TEMPLATES = {
    State.INVITED: "connect/landing.html",
    State.OPENED: "connect/form.html",
    State.HELD: "connect/form.html",
    State.ASKING: "connect/waiting.html",
    State.FILED: "connect/outcome.html",
}


@public_page
@csrf_protect
@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest, token: str) -> HttpResponse:
    """The page of one link. Every link that is of no use looks the same, whatever the reason."""
    link = intake_links.found(token)
    if link is None:
        return _over(request)
    language = language_of(request, link.tenant.language)
    problem: dict[str, str] = {}
    if request.method == "POST":
        problem = _act(request, link)
        if not problem:
            return HttpResponseRedirect(f"{request.path}?lang={language}")
        if "leave_for" in problem:
            return _leave(request, link, problem["leave_for"], language)
    elif request.GET.get("login", "") in _LOGIN_PROBLEMS:
        problem = {"field": "", "code": request.GET["login"], "value": ""}
    return _page(request, link, problem, language)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that did not come from our page, or a browser that keeps no cookies."""
    response = django_csrf_failure(request, reason=reason)
    return strict(response) if request.path.startswith("/connect/") else response


def _leave(request: HttpRequest, link: IntakeLink, address: str, language: str) -> HttpResponse:
    """The page that leads on to Procountor's log-in. No redirect: browsers hold the policy of a
    form against every host that the log-in page itself may lead on to."""
    response = page(request, "connect/leaving.html", {"address": address}, language=language)
    response.set_signed_cookie(
        COOKIE,
        str(link.pk),
        max_age=LOGIN_LASTS,
        path="/connect/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _over(request: HttpRequest) -> HttpResponse:
    status = 429 if too_many_misses(request) else 404
    context = {"over": connect_words.over()}
    return page(request, "connect/over.html", context, language="fi", status=status)


def _act(request: HttpRequest, link: IntakeLink) -> dict[str, str]:
    """Do what a button asks for; {} or {field, code, value} of what is wrong with it, or
    {leave_for} with the address of Procountor's log-in page."""
    act = {
        "begin": _begin,
        "submit": _submit,
        "login": _log_in,
        "again": _try_again,
        "check": _check_again,
        "account": _change_account,
    }.get(request.POST.get("act", ""))
    return act(request, link) if act else {}


def _begin(request: HttpRequest, link: IntakeLink) -> dict[str, str]:
    intake_links.begin(link)
    return {}


def _submit(request: HttpRequest, link: IntakeLink) -> dict[str, str]:
    account = request.POST.get("account", "")
    try:
        kept = intake_links.submit(link, request.POST.get("api_key", "")[:20_000], account[:100])
    except KeyRefused as error:
        return {"field": "api_key", "code": error.code, "value": ""}
    except AccountInvalid:
        return {"field": "account", "code": "account_form", "value": account}
    if not kept:
        return {"field": "", "code": "busy", "value": ""}
    try_intake_key_soon(link)
    return {}


def _log_in(request: HttpRequest, link: IntakeLink) -> dict[str, str]:
    if not keylogin.is_offered(link.tenant.environment):
        return {}
    account = request.POST.get("account", "")[:100]
    try:
        address = intake_logins.begin(link, account)
    except AccountInvalid:
        return {"field": "login_account", "code": "account_form", "value": account}
    return {"leave_for": address} if address else {"field": "", "code": "busy", "value": ""}


def _try_again(request: HttpRequest, link: IntakeLink) -> dict[str, str]:
    if link.asked_at and timezone.now() - link.asked_at < _PAUSE:
        return {"field": "", "code": "soon", "value": ""}
    if intake_links.ask_again(link):
        try_intake_key_soon(link)
    return {}


def _check_again(request: HttpRequest, link: IntakeLink) -> dict[str, str]:
    if not intake_links.ask_for_check(link, pause=_PAUSE):
        return {"field": "", "code": "soon", "value": ""}
    check_soon(link.tenant)
    return {}


def _change_account(request: HttpRequest, link: IntakeLink) -> dict[str, str]:
    account = request.POST.get("account", "")[:100]
    if link.state != State.FILED:
        return {}
    try:
        changed = intake_links.change_account(link, account)
    except AccountInvalid:
        return {"field": "account", "code": "account_form", "value": account}
    except AccountUnknown as error:
        return {"field": "account", "code": "account_unknown", "value": str(error)}
    if changed and not intake_links.awaits_check(link):
        intake_links.ask_for_check(link)
        check_soon(link.tenant)
    return {}


def _page(
    request: HttpRequest, link: IntakeLink, problem: dict[str, str], language: str
) -> HttpResponse:
    link.refresh_from_db()
    template, context = _TEMPLATES[State(link.state)], {}
    if link.state == State.FILED:
        context = _outcome(link)
        template = "connect/waiting.html" if context["waits"] else template
    with translation.override(language):
        context |= {
            "tenant": link.tenant,
            "link": link,
            "client_id": settings.PROCOUNTOR[link.tenant.environment]["client_id"],
            "is_late": link.asked_at is not None and timezone.now() - link.asked_at > _PATIENCE,
            "problem": _words(link, problem),
            "field": problem.get("field", ""),
            "tries_left": intake_links.MOST_WRONG_TRIES - link.wrong_tries,
            "account": request.POST.get("account", "") or accounts.formatted(link.account),
            "holds_key": link.state == State.HELD,
            "offers_login": keylogin.is_offered(link.tenant.environment),
        }
        if context.get("check"):
            context["findings"] = _findings(context["check"], language)
    return page(request, template, context, language=language)


def _words(link: IntakeLink, problem: dict[str, str]) -> str:
    """What is wrong: with what was sent just now, else with the key asked about last."""
    found = problem or (link.finding if link.state != State.ASKING else {})
    if not found:
        return ""
    return connect_words.sentence(found["code"], link.tenant, found.get("value", ""))


def _outcome(link: IntakeLink) -> dict[str, Any]:
    """The newest check of the key that came by the link, and whether a newer one is awaited."""
    check = link.credential.newest_check if link.credential else None
    since = link.asked_at or link.filed_at
    asked_lately = since is not None and timezone.now() - since < _PATIENCE
    is_old = check is None or (since is not None and check.started_at < since)
    running = check is None or (
        check.outcome == CheckOutcome.RUNNING and timezone.now() - check.started_at < LONGEST_CHECK
    )
    return {
        "check": check,
        "waits": running or (is_old and asked_lately),
        "passed": check is not None and check.outcome == CheckOutcome.PASSED,
    }


def _findings(check: ConnectionCheck, language: str) -> dict[str, Any]:
    """The red steps as sentences, each once, and whether the account is one of them."""
    red = [step for step in check.steps if step["code"]]
    sentences = [advice.customer_sentence(step, language) or str(advice.OUR_TURN) for step in red]
    codes = {step["code"] for step in red}
    return {
        "sentences": list(dict.fromkeys(sentences)),
        "asks_account": any("account" in code for code in codes),
    }
