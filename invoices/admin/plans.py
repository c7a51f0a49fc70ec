"""Bulk re-sends: choosing from the exports' list, the plan's page with its progress and result."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin, ReasonLine, needs
from invoices import plans, problems, tasks
from invoices.admin import privacy
from invoices.admin.words import money
from invoices.document import Problem
from invoices.models import InvoiceExport
from invoices.plan_models import BulkPlan, BulkPlanItem, ItemState, PlanPart, PlanState
from invoices.plans.making import EXECUTED

RESEND = "invoices.requeue_invoiceexport"
_STATE_COLOURS = {
    "making": "info",
    "frozen": "info",
    "running": "info",
    "stopped": "warning",
    "finished": "success",
}
_ITEM_COLOURS = {
    "landed": "success",
    "failed": "danger",
    "changed": "warning",
    "queued": "info",
    "skipped": "warning",
}
_PER_PAGE = 100


def page_of(plan: BulkPlan) -> str:
    return reverse("admin:invoices_bulkplan_plan", args=[plan.pk])


def make_and_show(
    request: HttpRequest, chosen: QuerySet[InvoiceExport], words: str, address: str
) -> HttpResponse:
    """Plan what was chosen and go to the plan; nothing is queued yet. A large one is made in the
    background, and its page tells how far it is."""
    plan = plans.make(chosen, by=request.user, filter_words=words, filter_url=address)
    if plan.state == PlanState.MAKING:
        tasks.advance_plan_soon(plan.pk)
    return HttpResponseRedirect(page_of(plan))


class ResendChoice:
    """Mixed into the exports' admin: three ways to choose what a plan is of."""

    def get_urls(self) -> list[Any]:
        page = path(
            "resend/",
            self.admin_site.admin_view(require_POST(self.resend_chosen)),
            name="invoices_invoiceexport_resend",
        )
        return [page, *super().get_urls()]

    def resend_chosen(self, request: HttpRequest) -> HttpResponse:
        """`choose`: "rows" (ticked), "page" (its keys as it was shown) or "all" (the filter in
        the query)."""
        needs(request, RESEND)
        choose = request.POST.get("choose", "")
        changes = self.get_changelist_instance(request)
        address = reverse("admin:invoices_invoiceexport_changelist")
        if query := request.GET.urlencode():
            address += f"?{query}"
        if choose == "all":
            chosen, which = changes.get_queryset(request), _t("Everything the filter matches")
        elif choose in ("rows", "page"):
            keys = (
                request.POST.getlist("_selected_action")
                if choose == "rows"
                else request.POST.get("page_keys", "").split(",")
            )
            fit = [int(key) for key in keys if key.isascii() and key.isdecimal() and len(key) < 19]
            chosen = InvoiceExport.objects.filter(pk__in=fit[:1000])
            which = _t("Chosen rows") if choose == "rows" else _t("One page")
        else:
            chosen, which = InvoiceExport.objects.none(), ""
        if not chosen.exists():
            messages.warning(request, _t("Nothing was chosen."))
            return HttpResponseRedirect(address)
        narrowed = filter_words(changes)
        if choose == "all" and not narrowed:
            which = _t("All exports")
        words = " · ".join([which, *narrowed])
        return make_and_show(request, chosen, words, address)


def filter_words(changes: Any) -> list[str]:
    """The list's filters and search, as its reader sees them."""
    found, named = [], set()
    for spec in changes.filter_specs:
        chosen = []
        named |= set(spec.expected_parameters())
        for number, choice in enumerate(spec.choices(changes)):
            if number and choice.get("selected") and choice.get("display"):
                chosen.append(str(choice["display"]))
        if not chosen:
            used = getattr(spec, "used_parameters", {}).items()
            chosen = [
                f"{name.rpartition('_')[2]} {value}"
                for name, value in used
                if name.endswith(("_from", "_to")) and value
            ]
        if chosen:
            found.append(f"{str(spec.title).capitalize()}: {', '.join(chosen)}")
    # A filter with only one choice is not offered and holds all the same.
    given = changes.get_filters_params().items()
    found += [f"{name}: {', '.join(values)}" for name, values in given if name not in named]
    if changes.query:
        found.append(_t("search: %(words)s") % {"words": changes.query})
    return found


@admin.register(BulkPlan)
class BulkPlanAdmin(ReadOnlyAdmin):
    list_display = ["made_at", "state_badge", "filter_words", "count", "made_by", "reason"]
    list_filter = ["state", "made_at"]
    list_select_related = ["made_by"]

    @display(description=_("state"), label=_STATE_COLOURS)
    def state_badge(self, plan: BulkPlan) -> tuple[str, Any]:
        return plan.state, _("Frozen too long ago") if plan.is_expired else plan.get_state_display()

    @display(description=_("invoices"))
    def count(self, plan: BulkPlan) -> int:
        if plan.state == PlanState.MAKING:
            return plan.chosen
        return _looked_at(plan)

    def get_urls(self) -> list[Any]:
        page = path(
            "<int:pk>/plan/",
            self.admin_site.admin_view(self.plan_page),
            name="invoices_bulkplan_plan",
        )
        return [page, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        plan = self.get_object(request, object_id) if object_id.isdecimal() else None
        if plan is None:
            return super().change_view(request, object_id, *args, **kw)
        return HttpResponseRedirect(page_of(plan))

    def plan_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the plan says, its progress, its result; by a POST started, stopped, resumed."""
        needs(request, "invoices.view_bulkplan")
        plan = get_object_or_404(BulkPlan.objects.select_related("made_by", "started_by"), pk=pk)
        form = ReasonLine(request.POST if "start" in request.POST else None)
        if request.method == "POST":
            needs(request, RESEND)
            if answer := _act(request, plan, form):
                return answer
        context = self.admin_site.each_context(request) | plan_context(request, plan)
        context |= {"form": form, "opts": self.opts}
        return render(request, "desk/plan.html", context)


def _act(request: HttpRequest, plan: BulkPlan, form: forms.Form) -> HttpResponse | None:
    """None when the page is to be shown again, with an error at the reason."""
    try:
        if "start" in request.POST:
            if not form.is_valid():
                return None
            plans.start(plan, by=request.user, reason=form.cleaned_data["reason"])
            tasks.advance_plan_soon(plan.pk)
            messages.success(request, _t("The re-send has begun, with one invoice."))
        elif "stop" in request.POST:
            plans.stop(plan, by=request.user)
            messages.success(request, _t("Stopped: what nobody had taken up was taken back."))
        elif "resume" in request.POST:
            plans.resume(plan, by=request.user)
            tasks.advance_plan_soon(plan.pk)
            messages.success(request, _t("The re-send goes on."))
    except plans.NotPossible as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(page_of(plan))


def _looked_at(plan: BulkPlan) -> int:
    """Of how many exports the plan says what will become of them."""
    return sum(part["count"] for part in plan.summary.values())


def plan_context(request: HttpRequest, plan: BulkPlan) -> dict[str, Any]:
    """Everything the page shows."""
    parts = [_part(plan, part) for part in PlanPart if part in plan.summary]
    states = _states(plan)
    executed = sum(part["count"] for part in parts if part["executed"])
    left = states.get("pending", {}).get("count", 0) + states.get("queued", {}).get("count", 0)
    frozen, making = plan.state == PlanState.FROZEN, plan.state == PlanState.MAKING
    may = request.user.has_perm(RESEND)
    changed = _changed(plan) if frozen and not plan.is_expired else 0
    total = sum((Decimal(part["sum"]) for part in parts if part["executed"]), Decimal(0))
    return {
        "title": _t("Re-send with a plan")
        if frozen or making
        else _t("Bulk re-send %(plan)s") % {"plan": plan},
        "plan": plan,
        "badge": {"text": plan.get_state_display(), "type": _STATE_COLOURS[plan.state]},
        "parts": parts,
        "changed": changed,
        "looked_at": _looked_at(plan),
        "executed": executed,
        "executed_euros": money(total, "EUR"),
        "button": ngettext("Re-send %(count)d invoice", "Re-send %(count)d invoices", executed)
        % {"count": executed},
        "states": [states[state.value] for state in ItemState if state.value in states],
        "done": executed - left,
        "stage": _stage(plan),
        "stopped_for": _words(plan.stopped_for) if plan.stopped_for else None,
        "failures": _failures(plan) if plan.stage else [],
        "may_start": may and frozen and not plan.is_expired and executed > 0,
        "may_stop": may and plan.state == PlanState.RUNNING,
        "may_resume": may and plan.state == PlanState.STOPPED,
        "reloads": making or plan.state == PlanState.RUNNING,
        "back": plan.filter_url or reverse("admin:invoices_invoiceexport_changelist"),
        **_items(request, plan),
    }


def _part(plan: BulkPlan, part: PlanPart) -> dict[str, Any]:
    counted = plan.summary[part]
    return {
        "value": part.value,
        "label": part.label,
        "count": counted["count"],
        "sum": counted["euros"],
        "euros": money(Decimal(counted["euros"]), "EUR"),
        "executed": part in EXECUTED,
    }


def _changed(plan: BulkPlan) -> int:
    """How many of those to be executed have moved on since."""
    moved = ~Q(export__status=F("status")) | ~Q(export__changed_at=F("changed_at"))
    return plan.items.filter(moved, state=ItemState.PENDING).count()


def _states(plan: BulkPlan) -> dict[str, dict[str, Any]]:
    counted = plan.items.order_by().values("state").annotate(count=Count("pk"), sum=Sum("euros"))
    return {
        row["state"]: {
            "value": row["state"],
            "label": ItemState(row["state"]).label,
            "count": row["count"],
            "euros": money(row["sum"] or Decimal(0), "EUR"),
            "colour": _ITEM_COLOURS.get(row["state"], ""),
        }
        for row in counted
    }


def _stage(plan: BulkPlan) -> str:
    return {
        1: _t("Stage 1 of 3: one invoice, to see that it works."),
        2: _t("Stage 2 of 3: five invoices."),
        3: _t("Stage 3 of 3: all the rest."),
    }.get(plan.stage, "")


def _words(error: dict[str, Any]) -> dict[str, Any]:
    problem = Problem(error["code"], place=error["field"], value=error["value"])
    words = problems.words_for(privacy.problem(problem))
    return error | {"cause": words.cause, "remedy": words.remedy}


def _failures(plan: BulkPlan) -> list[dict[str, Any]]:
    counted = (
        plan.items.filter(state=ItemState.FAILED)
        .order_by()
        .values("code", "field", "value")
        .annotate(count=Count("pk"))
        .order_by("-count", "code", "value")[:20]
    )
    return [_words(dict(row)) for row in counted]


def _items(request: HttpRequest, plan: BulkPlan) -> dict[str, Any]:
    state, part = request.GET.get("state", ""), request.GET.get("part", "")
    items = plan.items.select_related("export__invoice", "export__tenant").order_by("pk")
    if state in ItemState.values:
        items = items.filter(state=state)
    if part in PlanPart.values:
        items = items.filter(part=part)
    page = Paginator(items, _PER_PAGE).get_page(request.GET.get("page"))
    return {"page": page, "items": [_item(item) for item in page], "state": state, "part": part}


def _item(item: BulkPlanItem) -> dict[str, Any]:
    invoice = item.export.invoice
    return {
        "number": invoice.number,
        "url": reverse("admin:invoices_invoiceexport_change", args=[item.export_id]),
        "tenant": item.export.tenant,
        "total": money(invoice.gross_total, invoice.currency),
        "planned": item.get_part_display(),
        "state": item.get_state_display(),
        "colour": _ITEM_COLOURS.get(item.state, ""),
        "cause": _words({"code": item.code, "field": item.field, "value": item.value})["cause"]
        if item.code
        else "",
    }
