"""The activation desk: who asks for the integration, in which companies, and our decision."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from integrations.activation import activation_decisions, activation_words, activations
from integrations.activation.activation_decisions import DecisionUnfit
from integrations.activation.models import (
    UNDECIDED,
    ActivationCompany,
    ActivationRequest,
    ActivationState,
)
from integrations.admin.activation_forms import DecisionForm, NumberForm, proposal_for
from integrations.admin.desk import Question, ReadOnlyAdmin, ask
from integrations.enums import Environment
from integrations.tasks import fetch_activation_soon, submit_activation_soon

#: After this the page does not look again by itself.
_PATIENCE_SECONDS = 60
_COLOURS = {
    "received": "info",
    "known": "warning",
    "deciding": "info",
    "lost": "danger",
    "decided": "success",
}


@admin.register(ActivationRequest)
class ActivationRequestAdmin(ReadOnlyAdmin):
    list_display = ["number", "where", "state_badge", "named", "initiator_name", "received_at"]
    list_filter = ["state", "environment"]
    search_fields = ["number", "companies__name", "companies__business_id", "initiator_name"]
    actions_list = ["enter_number"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ActivationRequest]:
        return super().get_queryset(request).prefetch_related("companies")

    def get_urls(self) -> list[Any]:
        page = path(
            "<int:object_id>/set-aside/",
            self.admin_site.admin_view(self.set_aside),
            name="integrations_activationrequest_set_aside",
        )
        return [page, *super().get_urls()]

    @display(description=_("environment"), label={"test": "info", "production": "primary"})
    def where(self, asked: ActivationRequest) -> tuple[str, str]:
        return asked.environment, str(Environment(asked.environment).label)

    @display(description=_("state"), label=_COLOURS)
    def state_badge(self, asked: ActivationRequest) -> tuple[str, str]:
        return asked.state, str(ActivationState(asked.state).label)

    @display(description=_("companies"))
    def named(self, asked: ActivationRequest) -> str:
        return ", ".join(str(company) for company in asked.companies.all()) or "–"

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("integrations.decide_activationrequest")

    @action(
        description=_("Enter a request's number"),
        url_path="enter",
        permissions=["decide"],
        icon="dialpad",
    )
    def enter_number(self, request: HttpRequest) -> HttpResponse:
        form = NumberForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            entered, _is_new = activations.record(
                form.cleaned_data["environment"], form.cleaned_data["number"], by=request.user
            )
            if entered is None:
                raise PermissionDenied  # only a stranger's number can be turned away
            if entered.state == ActivationState.RECEIVED:
                fetch_activation_soon(entered, for_staff=True)
            return HttpResponseRedirect(_page_of(entered))
        context = self.admin_site.each_context(request) | {
            "title": _t("Enter a request's number"),
            "form": form,
            "back": reverse("admin:integrations_activationrequest_changelist"),
            "button": _t("Ask Procountor about it"),
            "opts": self.opts,
        }
        return render(request, "desk/form.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What is requested, what is proposed, and what became of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        known = object_id.isascii() and object_id.isdecimal()
        asked = get_object_or_404(ActivationRequest, pk=object_id if known else None)
        companies = list(asked.companies.select_related("request", "tenant", "credential"))
        decides = asked.state == ActivationState.KNOWN and self.has_decide_permission(request)
        is_decision = "decide" in request.POST
        form = DecisionForm(companies, request.POST if is_decision else None) if decides else None
        if request.method == "POST":
            if not self.has_decide_permission(request):
                raise PermissionDenied
            done = _act(request, asked, form)
            if done is not None:
                return done
        context = self.admin_site.each_context(request) | {
            "title": _t("Activation request %(number)s") % {"number": asked.number},
            "asked": asked,
            "form": form,
            "rows": form.rows() if form else [_shown(company) for company in companies],
            "decides": self.has_decide_permission(request),
            "opts": self.opts,
            "back": reverse("admin:integrations_activationrequest_changelist"),
        }
        return render(request, "desk/activation.html", context | _words(asked, companies))

    def set_aside(self, request: HttpRequest, object_id: int) -> HttpResponse:
        if not self.has_decide_permission(request):
            raise PermissionDenied
        asked = get_object_or_404(ActivationRequest, pk=object_id)

        def act(reason: str) -> tuple[int, str]:
            if activations.set_aside(asked, reason, by=request.user):
                return messages.SUCCESS, _t("Set aside.")
            return messages.WARNING, _t("Nothing changed: it is decided or being decided.")

        question = Question(
            title=_t("Set the request %(number)s aside?") % {"number": asked.number},
            button=_t("Set aside"),
            act=act,
            facts=[
                _t("Procountor is told nothing: for the customer the request stays open there."),
                _t("To take it up again, enter its number."),
            ],
            reason="required",
        )
        return ask(self, request, question, _page_of(asked))


def _act(
    request: HttpRequest, asked: ActivationRequest, form: DecisionForm | None
) -> HttpResponse | None:
    """Do what a button asks for; None shows the form again with its errors."""
    if "decide" in request.POST:
        if form is not None and not form.is_valid():
            return None
        _decide(request, asked, form)
    elif "again" in request.POST:
        _ask_again(request, asked)
    elif "file" in request.POST:
        submit_activation_soon(asked)
        messages.info(request, _t("The keys are being filed."))
    return HttpResponseRedirect(_page_of(asked))


def _decide(request: HttpRequest, asked: ActivationRequest, form: DecisionForm | None) -> None:
    try:
        decided = form is not None and activation_decisions.decide(
            asked, form.decisions(), by=request.user
        )
    except DecisionUnfit:
        messages.warning(request, _t("The companies have changed: look at them and decide anew."))
        return
    if not decided:
        messages.warning(request, _t("Nothing changed: another person has decided meanwhile."))
        return
    submit_activation_soon(asked)
    messages.success(request, _t("Decided: Procountor is being told."))


def _ask_again(request: HttpRequest, asked: ActivationRequest) -> None:
    if asked.state in UNDECIDED:
        fetch_activation_soon(asked, for_staff=True)
        messages.info(request, _t("Procountor is being asked."))
    elif activation_decisions.ask_again(asked, by=request.user):
        submit_activation_soon(asked)
        messages.info(request, _t("Procountor is being told the same decision again."))
    else:
        messages.warning(request, _t("Nothing changed: there is nothing to ask for."))


def _shown(company: ActivationCompany) -> dict[str, Any]:
    """A company whose decision is not open here."""
    return {
        "company": company,
        "proposal": proposal_for(company) if not company.decision else None,
        "problem": activation_words.problem(company.problem),
    }


def _words(asked: ActivationRequest, companies: list[ActivationCompany]) -> dict[str, Any]:
    """What the state means, and which buttons fit it."""
    is_under_way = asked.state in (ActivationState.RECEIVED, ActivationState.DECIDING)
    since = asked.asked_at or asked.received_at
    if asked.state == ActivationState.DECIDING:
        since = asked.put_at or asked.answer_lost_at or asked.decided_at or since
    is_late = (timezone.now() - since).total_seconds() > _PATIENCE_SECONDS
    unfiled = [c for c in companies if c.decision == "approve" and c.credential is None]
    is_decided = asked.state == ActivationState.DECIDED
    says_itself = asked.state in activations.FORGET_AFTER
    missing = [c for c in unfiled if c.problem in activation_decisions.ASKED_FOR_AGAIN]
    return {
        "colour": _COLOURS.get(asked.state, ""),
        "expires": _moment(asked.expires),
        "meaning": activation_words.STATES[asked.state],
        "trouble": activation_words.trouble(asked.trouble) if not says_itself else "",
        "sentences": activation_words.for_customer(asked.state, asked.environment),
        "looks_again": is_under_way and not is_late and not asked.trouble,
        "is_late": is_under_way and is_late,
        "can_ask": asked.state in (*UNDECIDED, ActivationState.LOST) or (is_decided and missing),
        "can_file": is_decided and any(company.api_key for company in unfiled),
        "can_set_aside": asked.state in (*UNDECIDED, ActivationState.LOST),
    }


def _moment(text: str) -> str:
    """A time of Procountor's, whose form is not documented, in the reader's own notation."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    local = moment if timezone.is_naive(moment) else timezone.localtime(moment)
    return date_format(local, "SHORT_DATETIME_FORMAT")


def _page_of(asked: ActivationRequest) -> str:
    return reverse("admin:integrations_activationrequest_change", args=[asked.pk])
