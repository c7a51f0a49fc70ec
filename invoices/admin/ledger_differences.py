"""What differs between us and Procountor: the list of it, and one difference with who looks after
it and a person's word that it is settled."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from integrations.admin.desk import ReadOnlyAdmin, ReasonLine, needs
from invoices import ledger, team
from invoices.admin import ledger_words as words
from invoices.admin.words import money
from invoices.ledger_models import DifferenceKind, LedgerDifference

VIEW, ACT = "invoices.view_ledgerdifference", "invoices.reconcile_ledgerday"
#: Of a list on a page, so many rows.
MOST = 500


def day_url(tenant_pk: int, day: dt.date) -> str:
    args = [tenant_pk, day.year, f"{day.month:02d}", f"{day.day:02d}"]
    return reverse("admin:invoices_ledger_day", args=args)


def described(rows: QuerySet[LedgerDifference]) -> list[dict[str, Any]]:
    return [_described(row) for row in rows.select_related("assignee", "ended_by")[:MOST]]


def _described(row: LedgerDifference) -> dict[str, Any]:
    return {
        "object": row,
        "what": row.get_kind_display(),
        "compared": words.compared(row),
        "remedy": words.REMEDIES[DifferenceKind(row.kind)],
        "total": money(row.total, row.currency),
        "url": reverse("admin:invoices_ledgerdifference_settle", args=[row.pk]),
    }


class OpenFilter(admin.SimpleListFilter):
    """What is open, unless something else is asked for."""

    title = _("state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("Done")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        for index, choice in enumerate(super().choices(changelist)):
            yield choice | {"display": _("Open")} if index == 0 else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "all":
            return queryset
        return queryset.filter(ended_at__isnull=self.value() != "no")


class OwnerForm(forms.Form):
    assignee = forms.ModelChoiceField(
        label=_("Looked after by"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("Nobody"),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = team.assignable("reconcile_ledgerday")


@admin.register(LedgerDifference)
class LedgerDifferenceAdmin(ReadOnlyAdmin):
    list_display = ["what", "invoice", "tenant", "amount", "age", "remedy", "assignee"]
    list_display_links = ["what"]
    list_filter = [
        OpenFilter,
        "kind",
        ("tenant", admin.RelatedOnlyFieldListFilter),
        ("assignee", admin.RelatedOnlyFieldListFilter),
    ]
    list_select_related = ["tenant", "assignee"]
    search_fields = ["number__istartswith"]
    search_help_text = _("Invoice number")
    actions = ["take", "give_back"]

    def get_urls(self) -> list[Any]:
        own = path(
            "<int:pk>/settle/",
            self.admin_site.admin_view(self.settle),
            name="invoices_ledgerdifference_settle",
        )
        return [own, *super().get_urls()]

    @display(description=_("what"), ordering="kind")
    def what(self, row: LedgerDifference) -> str:
        return format_html(
            '{}<span class="desk-reason">{}</span>', row.get_kind_display(), words.compared(row)
        )

    @display(description=_("invoice"), ordering="number")
    def invoice(self, row: LedgerDifference) -> str:
        return format_html(
            '{}<span class="desk-reason">{}</span>',
            row.number or "–",
            date_format(row.day, "SHORT_DATE_FORMAT"),
        )

    @display(description=_("total with VAT"), ordering="total")
    def amount(self, row: LedgerDifference) -> str:
        return money(row.total, row.currency)

    @display(description=_("age"), ordering="since")
    def age(self, row: LedgerDifference) -> str:
        return timesince(row.since, row.ended_at, depth=1)

    @display(description=_("what to do"))
    def remedy(self, row: LedgerDifference) -> str:
        return str(words.REMEDIES[DifferenceKind(row.kind)])

    def has_reconcile_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm(ACT))

    @admin.action(description=_("Take to look after"), permissions=["reconcile"])
    def take(self, request: HttpRequest, queryset: QuerySet[LedgerDifference]) -> None:
        _assigned(request, queryset, request.user)

    @admin.action(description=_("Give back"), permissions=["reconcile"])
    def give_back(self, request: HttpRequest, queryset: QuerySet[LedgerDifference]) -> None:
        _assigned(request, queryset, None)

    def change_view(self, request: HttpRequest, object_id: str, *a: Any, **kw: Any) -> Any:
        if object_id.isascii() and object_id.isdecimal():
            page = reverse("admin:invoices_ledgerdifference_settle", args=[object_id])
            return HttpResponseRedirect(page)
        return super().change_view(request, object_id, *a, **kw)

    def settle(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One difference: who looks after it, and a person's word that it is settled."""
        needs(request, VIEW)
        rows = LedgerDifference.objects.select_related("tenant", "assignee", "ended_by", "export")
        row = get_object_or_404(rows, pk=pk)
        reason = ReasonLine(request.POST if "explain" in request.POST else None)
        owner = OwnerForm(
            request.POST if "assign" in request.POST else None, initial={"assignee": row.assignee}
        )
        if request.method == "POST":
            needs(request, ACT)
            if _settled(request, row, owner, reason):
                return HttpResponseRedirect(request.path)
        context = self.admin_site.each_context(request) | {
            "title": f"{row.get_kind_display()}: {row.number or row.remote_id}",
            "difference": _described(row),
            "row": row,
            "owner": owner,
            "form": reason,
            "may_act": request.user.has_perm(ACT) and row.ended_at is None,
            "export_url": reverse("admin:invoices_invoiceexport_change", args=[row.export_id])
            if row.export_id
            else "",
            "day_url": day_url(row.tenant_id, row.day),
            "back": reverse("admin:invoices_ledgerdifference_changelist"),
            "opts": self.opts,
        }
        return render(request, "desk/ledger_difference.html", context)


def _settled(
    request: HttpRequest, row: LedgerDifference, owner: OwnerForm, reason: ReasonLine
) -> bool:
    if "assign" in request.POST and owner.is_valid():
        ledger.assign([row], owner.cleaned_data["assignee"], by=request.user)
        messages.success(request, _t("Noted."))
        return True
    if "explain" in request.POST and reason.is_valid():
        if ledger.explain(row, by=request.user, reason=reason.cleaned_data["reason"]):
            messages.success(request, _t("Noted: this counts as settled."))
        else:
            messages.warning(request, _t("Nothing changed: it had moved on by itself."))
        return True
    return False


def _assigned(request: HttpRequest, rows: QuerySet[LedgerDifference], to: User | None) -> None:
    count = ledger.assign(rows.select_related("tenant", "export")[:MOST], to, by=request.user)
    messages.info(request, _t("Changed: %(count)d.") % {"count": count})
