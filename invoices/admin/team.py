"""Pages of team work: the list of work, and who looks after one export."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from integrations.admin.desk import RecordAdmin, needs
from invoices import team
from invoices.admin.needs_action import needs_action_context
from invoices.models import InvoiceExport

WORK = "invoices.work_on_case"
#: The longest an export can be snoozed: longer is forgotten, not waiting.
LONGEST_SNOOZE_DAYS = 365


class TeamForm(forms.Form):
    """Any of the three; what is left as it is changes nothing."""

    assignee = forms.ModelChoiceField(
        label=_("Looked after by"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("Nobody"),
        widget=UnfoldAdminSelectWidget,
    )
    snoozed_until = forms.DateField(
        label=_("Snooze until"),
        required=False,
        input_formats=["%d.%m.%Y", "%Y-%m-%d"],
        help_text=_("Until that morning it is not in the list of work. Empty: it is."),
        widget=UnfoldAdminDateWidget,
    )
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = team.assignable()

    def clean_snoozed_until(self) -> dt.datetime | None:
        day = self.cleaned_data["snoozed_until"]
        if day is None:
            return None
        today = timezone.localdate()
        if not today < day <= today + dt.timedelta(days=LONGEST_SNOOZE_DAYS):
            raise forms.ValidationError(
                _t("Choose a day after today, within %(days)d days."),
                params={"days": LONGEST_SNOOZE_DAYS},
            )
        return timezone.make_aware(dt.datetime.combine(day, dt.time.min))


class TeamPages(RecordAdmin):
    """Mixed into the exports' admin: the list of work, and the team's part of an export's page."""

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path(
                "needs-action/", wrap(self.needs_action), name="invoices_invoiceexport_needs_action"
            ),
            path("<int:pk>/team/", wrap(self.team), name="invoices_invoiceexport_team"),
        ]
        return own + list(super().get_urls())

    def needs_action(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return _acted_on_chosen(request)
        context = self.admin_site.each_context(request) | {
            "title": _t("What needs action"),
            "work": needs_action_context(request),
            "opts": self.opts,
        }
        return render(request, "desk/needs_action.html", context)

    def team(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Assign, snooze, comment: a POST from the export's page."""
        needs(request, WORK)
        export = get_object_or_404(InvoiceExport, pk=pk)
        back = reverse("admin:invoices_invoiceexport_change", args=[pk])
        if request.method == "POST":
            form = TeamForm(request.POST)
            if form.is_valid():
                _apply(export, form.cleaned_data, request.user)
                messages.success(request, _t("Noted."))
            else:
                for errors in form.errors.values():
                    messages.error(request, " ".join(errors))
        return HttpResponseRedirect(_with_back(back, request))

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        export = InvoiceExport.objects.filter(pk=object_id).first()
        extra = team_context(request, export) if export else {}
        return super().context_of(request, object_id) | extra


def team_context(request: HttpRequest, export: InvoiceExport) -> dict[str, Any]:
    """What the export's page shows of team work."""
    case = getattr(export, "case", None)
    snoozed = case.snoozed_until if case else None
    initial = {
        "assignee": case.assignee if case else None,
        "snoozed_until": timezone.localdate(snoozed) if snoozed else None,
    }
    return {
        "team": {
            "case": case,
            "form": TeamForm(initial=initial),
            "comments": export.comments.select_related("by"),
            "resolution": team.resolution(export),
            "may_work": request.user.has_perm(WORK),
            "is_snoozed": bool(snoozed and snoozed > timezone.now()),
        },
        "back_to_list": _safe_back(request),
    }


def _apply(export: InvoiceExport, given: dict[str, Any], by: Any) -> None:
    team.assign([export], given["assignee"], by=by)
    team.snooze([export], given["snoozed_until"], by=by)
    if given["comment"].strip():
        team.comment(export, given["comment"], by=by)


def _acted_on_chosen(request: HttpRequest) -> HttpResponse:
    """Take or give back the chosen rows of the list."""
    needs(request, WORK)
    numbers = [number for number in request.POST.getlist("export") if number.isdecimal()]
    chosen = InvoiceExport.objects.filter(pk__in=numbers[:500], status__in=team.OPEN)
    if request.POST.get("act") == "mine":
        count = team.assign(chosen, request.user, by=request.user)
    else:
        count = team.assign(chosen, None, by=request.user)
    messages.info(request, _t("Changed: %(count)d.") % {"count": count})
    return HttpResponseRedirect(request.get_full_path())


def _safe_back(request: HttpRequest) -> str:
    """The list the person came from, with its filters; "" when the address is not one of ours."""
    back = request.GET.get("back", "")
    mine = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return back if mine and back.startswith(reverse("admin:index")) else ""


def _with_back(page: str, request: HttpRequest) -> str:
    back = _safe_back(request)
    return f"{page}?{urlencode({'back': back})}" if back else page
