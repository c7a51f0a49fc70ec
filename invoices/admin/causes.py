"""Failed exports by cause: how many, since when, whose move, the form that puts it right, and
what healed such before."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin, needs
from integrations.enums import TenantState
from integrations.models import Tenant
from invoices import causes, corrections, problems
from invoices.admin import privacy
from invoices.admin.plans import RESEND, make_and_show
from invoices.admin.words import money
from invoices.cause_models import ExportCause, Fix, Recheck
from invoices.document import Problem
from invoices.models import InvoiceExport

RECHECK = "invoices.recheck_exportcause"
_MOVER_COLOURS = {"customer": "warning", "us": "info"}
_PER_PAGE = 50
_NAMED = 20


class CauseFilter(admin.SimpleListFilter):
    """Exports of one cause; there only where a page of causes leads to it."""

    title = _("cause")
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        key = request.GET.get(self.parameter_name, "")
        found = causes.open_causes().filter(key=key[:32]).first() if key else None
        if not key:
            return []
        words = cause_words(found.code, found.field, found.value, found.expected) if found else {}
        return [(key, words.get("cause", _t("No export fails for this any more")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        open_ones = causes.open_causes().filter(key=str(self.value())[:32])
        return queryset.filter(pk__in=open_ones.values("export"))


@admin.register(ExportCause)
class CauseAdmin(ReadOnlyAdmin):
    def get_urls(self) -> list[Any]:
        page = path(
            "group/<str:key>/",
            self.admin_site.admin_view(self.group_page),
            name="invoices_exportcause_group",
        )
        return [page, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        needs(request, "invoices.view_exportcause")
        chosen = causes.open_causes()
        tenant = request.GET.get("tenant", "")
        if tenant.isascii() and tenant.isdecimal() and len(tenant) < 19:
            chosen = chosen.filter(tenant=tenant)
        page = Paginator(causes.folded(chosen), _PER_PAGE).get_page(request.GET.get("page"))
        context = self.admin_site.each_context(request) | {
            "title": _t("Failed invoices by cause"),
            "page": page,
            "groups": [_group(row) for row in page],
            "opts": self.opts,
        }
        return render(request, "desk/causes.html", context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        needs(request, "invoices.view_exportcause")
        found = self.get_object(request, object_id) if object_id.isdecimal() else None
        if found is None:
            raise Http404
        return HttpResponseRedirect(page_of(found.key))

    def group_page(self, request: HttpRequest, key: str) -> HttpResponse:
        """One cause; by a POST checked again without sending, or made a plan of."""
        needs(request, "invoices.view_exportcause")
        known = ExportCause.objects.filter(key=key).select_related("tenant").order_by("-pk").first()
        if known is None:
            raise Http404
        if "recheck" in request.POST:
            needs(request, RECHECK)
            causes.ask_for_recheck(known.tenant, key, by=request.user)
            return HttpResponseRedirect(page_of(key))
        if "plan" in request.POST:
            return _plan(request, known)
        context = self.admin_site.each_context(request) | group_context(request, known)
        return render(request, "desk/cause.html", context | {"opts": self.opts})


def page_of(key: str) -> str:
    return reverse("admin:invoices_exportcause_group", args=[key])


def _plan(request: HttpRequest, known: ExportCause) -> HttpResponse:
    """A plan of those that passed the newest check ("passing") or of the whole group ("all")."""
    needs(request, RESEND)
    words = cause_words(known.code, known.field, known.value, known.expected)["cause"]
    recheck = _newest(known.key)
    if request.POST["plan"] == "passing" and recheck is not None:
        chosen, which = causes.passing(recheck), _t("Would pass now")
    else:
        open_ones = causes.open_causes().filter(key=known.key)
        chosen, which = InvoiceExport.objects.filter(pk__in=open_ones.values("export")), _t("All")
    if not chosen.exists():
        messages.warning(request, _t("No export fails for this any more"))
        return HttpResponseRedirect(page_of(known.key))
    return make_and_show(request, chosen, f"{known.tenant}: {words} · {which}", page_of(known.key))


def _newest(key: str) -> Recheck | None:
    return Recheck.objects.filter(key=key).select_related("requested_by").order_by("-pk").first()


def cause_words(code: str, field: str, value: str, expected: str) -> dict[str, str]:
    found = Problem(code, place=field, value=value, expected=expected)
    words = problems.words_for(privacy.problem(found))
    return {"cause": str(words.cause), "remedy": str(words.remedy)}


def _group(row: dict[str, Any]) -> dict[str, Any]:
    mover = causes.mover_of(row["code"])
    return {
        "url": page_of(row["key"]),
        "tenant": row["tenant__name"],
        "count": row["count"],
        "euros": money(row["euros"] or Decimal(0), "EUR"),
        "oldest": row["oldest"],
        "code": row["code"],
        "field": row["field"],
        "value": problems.shown_value(row["code"], _value(row)),
        "mover": mover.label,
        "colour": _MOVER_COLOURS.get(mover, ""),
        **cause_words(row["code"], row["field"], row["value"], row["expected"]),
    }


def _value(row: dict[str, Any]) -> str:
    return privacy.problem(Problem(row["code"], place=row["field"], value=row["value"])).value


def group_context(request: HttpRequest, known: ExportCause) -> dict[str, Any]:
    """Everything the page of one cause shows."""
    open_ones = causes.open_causes().filter(key=known.key)
    row = causes.folded(open_ones).first() or {
        "key": known.key,
        "tenant__name": known.tenant.name,
        "code": known.code,
        "field": known.field,
        "value": known.value,
        "expected": known.expected,
        "count": 0,
        "euros": None,
        "oldest": None,
    }
    exports = (
        InvoiceExport.objects.filter(pk__in=open_ones.values("export"))
        .select_related("invoice")
        .order_by("pk")[:_NAMED]
    )
    counting = corrections.shown_of(exports)
    recheck = _newest(known.key)
    user = request.user
    may_correct = user.has_perm("invoices.correct_invoiceexport") and (
        causes.fix_for(known.code) == "invoice"
    )
    return {
        "title": _t("One cause: %(tenant)s") % {"tenant": known.tenant},
        "group": _group(row),
        "tenant": known.tenant,
        "exports": [
            {
                "number": export.invoice.number,
                "buyer": privacy.name_of(export.invoice, counting[export.pk].buyer_name),
                "total": money(export.invoice.gross_total, export.invoice.currency),
                "url": reverse("admin:invoices_invoiceexport_change", args=[export.pk]),
                "correct": reverse("admin:invoices_export_correct", args=[export.pk])
                if may_correct
                else "",
            }
            for export in exports
        ],
        "list_url": f"{reverse('admin:invoices_invoiceexport_changelist')}?cause={known.key}",
        "form": _form_for(request, known.tenant, known.code),
        "recheck": recheck,
        "recheck_state": _recheck_state(recheck),
        "would_pass": causes.passing(recheck).count() if recheck and recheck.finished_at else 0,
        "refused_there": known.code not in problems.OURS,
        "may_recheck": user.has_perm(RECHECK) and row["count"],
        "may_plan": user.has_perm(RESEND) and row["count"],
        "fixes": [_fix(fix) for fix in _fixes_of(known.key)],
        "back": reverse("admin:invoices_exportcause_changelist"),
    }


def _recheck_state(recheck: Recheck | None) -> str:
    """none, running, lost or done."""
    if recheck is None:
        return "none"
    if recheck.finished_at is not None:
        return "done"
    return "lost" if causes.is_lost(recheck) else "running"


def _form_for(request: HttpRequest, tenant: Tenant, code: str) -> dict[str, str]:
    """Where this cause is put right, with the sentence that says so."""
    where = causes.fix_for(code)
    page = reverse("admin:integrations_tenant_change", args=[tenant.pk])
    if where == "settings" and tenant.went_live_at and tenant.state != TenantState.CLOSED:
        if request.user.has_perm("integrations.rehearse"):
            page = reverse("admin:integrations_rehearsal_settings", args=[tenant.pk])
        return {"url": page, "label": _t("Rehearse a change of settings")}
    if where == "tables":
        page = reverse("admin:integrations_mapping_of_tenant", args=[tenant.pk])
    if where == "period":
        page = reverse("admin:invoices_periods_waiting")
    labels = {
        "tables": _t("The tenant's mapping tables"),
        "settings": _t("The tenant's settings"),
        "account": _t("The tenant's bank accounts"),
        "period": _t("Closed periods: open it in Procountor, or move the invoices out of it"),
        "connection": _t("The tenant's connection"),
    }
    if where in labels:
        return {"url": page, "label": labels[where]}
    if where == "plan":
        page = reverse("admin:invoices_bulkplan_changelist")
        return {"url": page, "label": _t("Bulk re-sends")}
    return {"url": "", "label": _t("Each invoice's own page, below")}


def _fixes_of(key: str) -> QuerySet[Fix]:
    healed = Fix.objects.filter(key=key).select_related("made_by", "event")
    return healed.annotate(healed=Count("causes"))[:10]


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "object": fix,
        "healed": fix.healed,
        "kind": fix.get_kind_display(),
        "url": reverse("admin:invoices_fix_change", args=[fix.pk]),
    }


@admin.register(Fix)
class FixAdmin(ReadOnlyAdmin):
    """Which change healed which invoices."""

    list_display = ["name", "cause", "kind", "made_at", "made_by", "healed"]
    list_display_links = ["name"]
    list_filter = ["kind", ("tenant", admin.RelatedOnlyFieldListFilter), "made_at"]
    list_select_related = ["tenant", "made_by"]
    fields = [
        ("tenant", "version"),
        ("cause", "kind"),
        ("made_at", "made_by"),
        ("changed", "healed"),
    ]
    change_form_outer_before_template = "desk/fix.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fix]:
        # Counted for the rows that are shown: a join would count for all before it sorts.
        causes = ExportCause.objects.filter(fix=OuterRef("pk")).order_by().values("fix")
        healed = Subquery(causes.annotate(count=Count("pk")).values("count"))
        return super().get_queryset(request).annotate(healed_count=Coalesce(healed, 0))

    @display(description=_("fix"), ordering="version")
    def name(self, fix: Fix) -> str:
        return f"{fix.tenant} · {fix.version}"

    @display(description=_("cause"))
    def cause(self, fix: Fix) -> str:
        return cause_words(fix.code, fix.field, fix.value, "")["cause"]

    @display(description=_("healed invoices"), ordering="healed_count")
    def healed(self, fix: Fix) -> int:
        return fix.healed_count

    @display(description=_("change"))
    def changed(self, fix: Fix) -> str:
        if fix.event is None:
            return "–"
        data = fix.event.data
        return (
            " · ".join([", ".join(data.get("fields", [])), str(data.get("reason", ""))]).strip(" ·")
            or "–"
        )

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        healed = ExportCause.objects.filter(fix=object_id).select_related("export__invoice")
        page = Paginator(healed.order_by("pk"), 100).get_page(request.GET.get("page"))
        rows = [
            {
                "number": cause.export.invoice.number,
                "healed_at": cause.healed_at,
                "url": reverse("admin:invoices_invoiceexport_change", args=[cause.export_id]),
            }
            for cause in page
        ]
        return super().context_of(request, object_id) | {"healed_page": page, "healed_rows": rows}
