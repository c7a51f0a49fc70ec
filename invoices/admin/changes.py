"""Invoices that came again with other content: the list, and the page on which a person decides."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin, ReasonLine, needs
from invoices import changes, corrections
from invoices.admin.corrections import CORRECT
from invoices.admin.document_words import place_words, value_words
from invoices.admin.words import STATUS_COLOURS, money, status_words
from invoices.change_models import HeldChange
from invoices.enums import ChangeState

VIEW = "invoices.view_heldchange"
COLOURS = {
    ChangeState.OPEN: "warning",
    ChangeState.KEPT: "info",
    ChangeState.CORRECTED: "success",
}
#: Of a long difference the list shows so many fields.
_SHOWN = 3


class StateFilter(admin.SimpleListFilter):
    """What waits, unless something else is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("decided", _("Decided")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        for index, choice in enumerate(super().choices(changelist)):
            yield choice | {"display": ChangeState.OPEN.label} if index == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "all":
            return queryset
        if self.value() == "decided":
            return queryset.exclude(state=ChangeState.OPEN)
        return queryset.filter(state=ChangeState.OPEN)


@admin.register(HeldChange)
class HeldChangeAdmin(ReadOnlyAdmin):
    list_display = ["number", "tenant", "differs", "total", "where", "held_at", "decision"]
    list_display_links = ["number"]
    list_filter = [StateFilter, ("export__tenant", admin.RelatedOnlyFieldListFilter)]
    list_filter_submit = True
    list_select_related = ["export__invoice", "export__tenant", "decided_by", "item"]
    search_fields = ["export__invoice__number__istartswith"]
    search_help_text = _("Invoice number")

    def get_urls(self) -> list[Any]:
        own = path(
            "<int:pk>/decide/",
            self.admin_site.admin_view(self.decide),
            name="invoices_heldchange_decide",
        )
        return [own, *super().get_urls()]

    @display(description=_("invoice"))
    def number(self, change: HeldChange) -> str:
        return str(change.export.invoice.number)

    @display(description=_("tenant"))
    def tenant(self, change: HeldChange) -> str:
        return str(change.export.tenant)

    @display(description=_("what differs"))
    def differs(self, change: HeldChange) -> str:
        fields = [place_words(each["field"]) for each in change.differences]
        more = len(fields) - _SHOWN
        shown = ", ".join(fields[:_SHOWN])
        return (
            shown
            if more <= 0
            else _t("%(some)s and %(more)d more")
            % {
                "some": shown,
                "more": more,
            }
        )

    @display(description=_("total with VAT"))
    def total(self, change: HeldChange) -> str:
        return money(change.export.invoice.gross_total, change.export.invoice.currency)

    @display(description=_("export"))
    def where(self, change: HeldChange) -> str:
        return status_words(change.export)

    @display(description=_("state"), ordering="state")
    def decision(self, change: HeldChange) -> str:
        return str(change.get_state_display())

    def change_view(self, request: HttpRequest, object_id: str, *a: Any, **kw: Any) -> Any:
        if object_id.isascii() and object_id.isdecimal():
            page = reverse("admin:invoices_heldchange_decide", args=[object_id])
            return HttpResponseRedirect(page)
        return super().change_view(request, object_id, *a, **kw)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What differs, where the invoice is, and what can be done about it."""
        needs(request, VIEW)
        found = HeldChange.objects.select_related(
            "export__invoice", "export__tenant", "item__file", "decided_by"
        )
        change = get_object_or_404(found, pk=pk)
        form = ReasonLine(request.POST if request.method == "POST" else None)
        if request.method == "POST":
            needs(request, CORRECT)
            if form.is_valid() and self._kept(request, change, form.cleaned_data["reason"]):
                return HttpResponseRedirect(reverse("admin:invoices_heldchange_changelist"))
        context = self.admin_site.each_context(request) | {
            "title": _t("Invoice %(number)s came with other content")
            % {"number": change.export.invoice.number},
            "form": form,
            "back": reverse("admin:invoices_heldchange_changelist"),
            "opts": self.opts,
            **_context(request, change),
        }
        return render(request, "desk/change.html", context)

    def _kept(self, request: HttpRequest, change: HeldChange, reason: str) -> bool:
        try:
            changes.keep(change, by=request.user, reason=reason)
        except changes.AlreadyDecided:
            change.refresh_from_db()
            messages.warning(
                request, _t("Somebody else has decided it meanwhile. Nothing of yours is saved.")
            )
            return False
        messages.success(request, _t("The invoice stays as it was. Nothing is exported anew."))
        return True


def _context(request: HttpRequest, change: HeldChange) -> dict[str, Any]:
    export = change.export
    fixed = changes.fixed(change)
    may_decide = change.state == ChangeState.OPEN and request.user.has_perm(CORRECT)
    why_not = ""
    if export.status not in corrections.CORRECTABLE:
        why_not = _t(
            "The export is on its way or in Procountor: it is not corrected any more. Correct it "
            "there if it has to be."
        )
    elif len(fixed) == len(change.differences):
        why_not = _t("Nothing of what differs can be taken over.")
    return {
        "change": change,
        "badge": {"type": COLOURS[ChangeState(change.state)], "text": change.get_state_display()},
        "status": {"type": STATUS_COLOURS.get(export.status, ""), "text": status_words(export)},
        "total": money(export.invoice.gross_total, export.invoice.currency),
        "rows": [
            {
                "field": place_words(each["field"]),
                "old": value_words(each["field"], each["old"]),
                "new": value_words(each["field"], each["new"]),
                "is_fixed": each["field"] in fixed,
            }
            for each in change.differences
        ],
        "has_fixed": bool(fixed),
        "may_decide": may_decide,
        "why_not": why_not,
        "correct_url": reverse("admin:invoices_export_correct", args=[export.pk])
        + f"?change={change.pk}"
        if may_decide and not why_not
        else "",
        "export_url": reverse("admin:invoices_invoiceexport_change", args=[export.pk]),
        "file_url": reverse("admin:invoices_receivedfile_change", args=[change.item.file_id]),
    }


def waiting(request: HttpRequest) -> int:
    """How many wait for a decision of this reader; 0 for whoever may not see them."""
    if not request.user.has_perm(VIEW):
        return 0
    return int(HeldChange.objects.filter(state=ChangeState.OPEN).count())


def of_export(request: HttpRequest, export_pk: int) -> list[dict[str, Any]]:
    """The changed versions that came of one export, newest first."""
    if not request.user.has_perm(VIEW):
        return []
    return [
        {
            "object": change,
            "url": reverse("admin:invoices_heldchange_decide", args=[change.pk]),
            "state": change.get_state_display(),
            "colour": COLOURS[ChangeState(change.state)],
        }
        for change in HeldChange.objects.filter(export=export_pk).select_related("decided_by")
    ]
