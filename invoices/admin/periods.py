"""What waits for closed periods, and moving it to an open date: proposed by one person, decided by
another."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
)

from integrations.admin.desk import ReadOnlyAdmin, ReasonLine, needs
from integrations.models import Tenant
from invoices import period_moves
from invoices.admin.words import money
from invoices.move_models import MoveState, PeriodMove
from invoices.problems import sentence

VIEW, VIEW_MOVES = "invoices.view_invoiceexport", "invoices.view_periodmove"
PROPOSE, APPROVE = "invoices.propose_periodmove", "invoices.approve_periodmove"
_COLOURS = {"waiting": "warning", "approved": "success"}


class MoveForm(forms.Form):
    """Where to; what it would do is shown before a reason is asked for."""

    date = forms.DateField(
        label=_("New invoice date"),
        widget=UnfoldAdminDateWidget(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    due = forms.ChoiceField(
        label=_("Due dates"),
        choices=[
            ("move", _("Move along: the number of days to pay stays")),
            ("stay", _("Stay as they are")),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    def clean_date(self) -> dt.date:
        date: dt.date = self.cleaned_data["date"]
        if not 2000 <= date.year <= 2100:
            raise forms.ValidationError(_("Give a day of this century."))
        return date


@admin.register(PeriodMove)
class PeriodMoveAdmin(ReadOnlyAdmin):
    list_display = ["proposed_at", "tenant", "month", "new_date", "state", "proposed_by"]
    list_filter = ["state", ("tenant", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["tenant", "proposed_by"]

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("waiting/", wrap(self.waiting), name="invoices_periods_waiting"),
            path(
                "waiting/<int:pk>/<int:year>-<int:month>/",
                wrap(self.of_period),
                name="invoices_period_waiting",
            ),
            path("<int:pk>/decide/", wrap(self.decide), name="invoices_periodmove_decide"),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *a: Any, **kw: Any) -> Any:
        if object_id.isascii() and object_id.isdecimal():
            page = reverse("admin:invoices_periodmove_decide", args=[object_id])
            return HttpResponseRedirect(page)
        return super().change_view(request, object_id, *a, **kw)

    def waiting(self, request: HttpRequest) -> HttpResponse:
        """Every closed month that invoices wait for, and the proposals that wait for somebody."""
        needs(request, VIEW)
        open_moves = PeriodMove.objects.filter(state=MoveState.WAITING)
        shown = request.user.has_perm(VIEW_MOVES)
        context = self.admin_site.each_context(request) | {
            "title": _t("Closed periods"),
            "periods": [_period(found) for found in period_moves.waiting_periods()],
            "moves": [_move(m) for m in _with_people(open_moves)] if shown else [],
            "opts": self.opts,
        }
        return render(request, "desk/periods.html", context)

    def of_period(self, request: HttpRequest, pk: int, year: int, month: int) -> HttpResponse:
        """What waits for one month, what a move would do, and by a POST proposing it."""
        needs(request, VIEW)
        tenant = get_object_or_404(Tenant, pk=pk)
        if not (2000 <= year <= 2100 and 1 <= month <= 12):
            raise Http404
        desk = _Desk(request, tenant, dt.date(year, month, 1))
        if request.method == "POST":
            needs(request, PROPOSE)
            answer = desk.propose()
            if answer is not None:
                return answer
        context = self.admin_site.each_context(request) | desk.context() | {"opts": self.opts}
        return render(request, "desk/period.html", context)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A proposal with its effect; by a POST approving or declining it."""
        needs(request, VIEW_MOVES)
        move = get_object_or_404(_with_people(PeriodMove.objects.all()), pk=pk)
        form = ReasonLine(request.POST if "decline" in request.POST else None)
        if "approve" in request.POST:
            return _approve(request, move)
        if "decline" in request.POST:
            own = move.proposed_by_id == request.user.pk
            needs(request, PROPOSE if own else APPROVE)
            if form.is_valid():
                return _decline(request, move, form.cleaned_data["reason"])
        is_open = move.state == MoveState.WAITING
        own = move.proposed_by_id == request.user.pk
        may_approve = request.user.has_perm(APPROVE) and not own
        context = self.admin_site.each_context(request) | {
            "title": _title(move.tenant, move.month),
            "move": move,
            "badge": {"text": move.get_state_display(), "type": _COLOURS.get(move.state, "")},
            "form": form,
            "own": own,
            "is_open": is_open,
            "may_approve": is_open and may_approve,
            "may_decline": is_open and (may_approve or (own and request.user.has_perm(PROPOSE))),
            **_shown(move.lines),
            "back": reverse("admin:invoices_periods_waiting"),
            "opts": self.opts,
        }
        return render(request, "desk/period_move.html", context)


class _Desk:
    """One request for a month's page."""

    def __init__(self, request: HttpRequest, tenant: Tenant, month: dt.date) -> None:
        self.request, self.tenant, self.month = request, tenant, month
        self.exports = list(period_moves.of_month(tenant, month)[: period_moves.MOST + 1])
        first = period_moves.proposed_date(tenant, month)
        self.first_open = first
        given = request.POST if request.method == "POST" else request.GET
        wanted = {"date": first.isoformat() if first else "", "due": "move"}
        wanted |= {name: given[name] for name in wanted if given.get(name)}
        self.form = MoveForm(wanted if wanted["date"] else None, initial=wanted)
        self.reason = ReasonLine(request.POST if request.method == "POST" else None)
        self.plan: period_moves.Plan | None = None
        if self.exports and self.form.is_valid():
            chosen = self.form.cleaned_data
            self.plan = period_moves.plan(
                tenant,
                self.exports[: period_moves.MOST],
                chosen["date"],
                keep_days=chosen["due"] == "move",
            )

    def propose(self) -> HttpResponse | None:
        """None when the page is to be shown again."""
        plan = self.plan
        if plan is None or not plan.planned or not self.reason.is_valid():
            return None
        if self.request.POST.get("seen") != seen_of(plan):
            text = _t("Something has changed since you looked: look again, then propose.")
            self.reason.add_error(None, text)
            return None
        made = period_moves.propose(
            self.tenant,
            self.month,
            self.form.cleaned_data["date"],
            keep_days=self.form.cleaned_data["due"] == "move",
            lines=plan.lines,
            by=self.request.user,
            reason=self.reason.cleaned_data["reason"],
        )
        if made is None:
            text = _t("Nothing proposed: a proposal for this month waits already.")
            messages.warning(self.request, text)
            return HttpResponseRedirect(self.request.path)
        messages.success(
            self.request, _t("Proposed. Nothing moves before a second person approves.")
        )
        return HttpResponseRedirect(reverse("admin:invoices_periodmove_decide", args=[made.pk]))

    def context(self) -> dict[str, Any]:
        user = self.request.user
        open_moves = self.tenant.period_moves.filter(month=self.month, state=MoveState.WAITING)
        moves = [_move(move) for move in _with_people(open_moves)]
        plan = self.plan
        return {
            "title": _title(self.tenant, self.month),
            "tenant": self.tenant,
            "sentence": _waits(self.tenant, self.month),
            "first_open": self.first_open,
            "form": self.form,
            "reason": self.reason,
            "plan": plan,
            "seen": seen_of(plan) if plan else "",
            "left_out": [
                {"export": export, "url": _url(export.pk), "why": [sentence(p) for p in problems]}
                for export, problems in (plan.left_out if plan else [])
            ],
            "cut": len(self.exports) > period_moves.MOST,
            "most": period_moves.MOST,
            "moves": moves if user.has_perm(VIEW_MOVES) else [],
            "may_propose": user.has_perm(PROPOSE) and not moves,
            **_shown(plan.lines if plan else []),
            "back": reverse("admin:invoices_periods_waiting"),
        }


def seen_of(plan: period_moves.Plan) -> str:
    """A digest of what the page showed, so that only that is proposed."""
    return hashlib.sha256(json.dumps(plan.lines, sort_keys=True).encode()).hexdigest()


def _approve(request: HttpRequest, move: PeriodMove) -> HttpResponse:
    needs(request, APPROVE)
    try:
        count = period_moves.approve(move, by=request.user)
    except period_moves.OwnProposal:
        messages.error(request, _t("You proposed this: another person has to approve it."))
    except period_moves.Decided:
        messages.warning(request, _t("Nothing changed: somebody has decided already."))
    except period_moves.Overtaken:
        text = _t(
            "Nothing was moved: an invoice, the settings or the open periods have changed since "
            "the proposal. It is ended; look at what waits now and propose again."
        )
        messages.error(request, text)
    else:
        text = _t("Approved: %(count)d invoices have a new date and are queued.")
        messages.success(request, text % {"count": count})
    return HttpResponseRedirect(reverse("admin:invoices_periodmove_decide", args=[move.pk]))


def _decline(request: HttpRequest, move: PeriodMove, reason: str) -> HttpResponse:
    try:
        period_moves.decline(move, by=request.user, reason=reason)
    except period_moves.Decided:
        messages.warning(request, _t("Nothing changed: somebody has decided already."))
    else:
        messages.success(request, _t("The proposal is ended; nothing was moved."))
    return HttpResponseRedirect(reverse("admin:invoices_periods_waiting"))


def _with_people(moves: Any) -> Any:
    return moves.select_related("tenant", "proposed_by", "decided_by")


def _title(tenant: Tenant, month: dt.date) -> str:
    return _t("%(month)s is closed: %(tenant)s") % {"month": _month(month), "tenant": tenant}


def _month(month: dt.date) -> str:
    return date_format(month, "F Y").capitalize()


def _waits(tenant: Tenant, month: dt.date) -> str:
    count, total = period_moves.sums_of(period_moves.of_month(tenant, month))
    return words_of(count, total, month, str(tenant))


def words_of(count: int, total: Decimal, month: dt.date, tenant: str) -> str:
    """14 invoices, 9 212,40 EUR, wait for March 2026 of Beta Oy."""
    text = (
        _t("1 invoice, %(sum)s, waits for %(month)s of %(tenant)s")
        if count == 1
        else _t("%(count)d invoices, %(sum)s, wait for %(month)s of %(tenant)s")
    )
    return text % {
        "count": count,
        "sum": money(total, "EUR"),
        "month": date_format(month, "F Y"),
        "tenant": tenant,
    }


def _period(found: dict[str, Any]) -> dict[str, Any]:
    month = found["month"]
    args = [found["tenant"], month.year, month.month]
    return {
        "sentence": words_of(found["count"], found["total"], month, found["name"]),
        "oldest": found["oldest"],
        "url": reverse("admin:invoices_period_waiting", args=args),
        "exports": f"{reverse('admin:invoices_invoiceexport_changelist')}"
        f"?status__exact=parked&parked_reason__exact=closed_period"
        f"&tenant__id__exact={found['tenant']}",
    }


def _move(move: PeriodMove) -> dict[str, Any]:
    return {
        "object": move,
        "title": _title(move.tenant, move.month),
        "count": len(move.lines),
        "url": reverse("admin:invoices_periodmove_decide", args=[move.pk]),
    }


def _url(export: int) -> str:
    return reverse("admin:invoices_invoiceexport_change", args=[export])


def _shown(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Lines and their effect, for a template."""
    parse = dt.date.fromisoformat
    return {
        "effect": [
            {
                "from": _month(parse(f"{each['from']}-01")),
                "to": _month(parse(f"{each['to']}-01")),
                "count": each["count"],
                "net": money(each["net"], each["currency"]),
                "vat": money(each["vat"], each["currency"]),
            }
            for each in period_moves.effect(lines)
        ],
        "no_delivery": sum(line["delivery_missing"] for line in lines),
        "lines": [
            {
                "number": line["number"],
                "url": _url(line["export"]),
                "old_date": parse(line["old_date"]),
                "new_date": parse(line["new_date"]),
                "old_due": parse(line["old_due"]) if line["old_due"] else None,
                "new_due": parse(line["new_due"]) if line["new_due"] else None,
                "vat": money(Decimal(line["vat"]), line["currency"]),
            }
            for line in lines
        ],
    }
