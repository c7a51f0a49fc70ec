"""Codes of Procountor's that nobody has words for: the to-do list of the catalogue."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin
from invoices.admin.explain import EDIT, words_url
from invoices.wording_models import UnknownCode


class OpenFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Wait for words")), ("no", _("Words written"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() in ("yes", "no"):
            return queryset.filter(closed_at__isnull=self.value() == "yes")
        return queryset


@admin.register(UnknownCode)
class UnknownCodeAdmin(ReadOnlyAdmin):
    list_display = ["code", "field", "count", "first_seen_at", "last_seen_at", "export", "words"]
    list_display_links = None
    list_filter = [OpenFilter]
    list_select_related = ["example__invoice", "closed_by"]
    search_fields = ["code", "field"]
    fields = ["code", "field", "count", "first_seen_at", "last_seen_at", "closed_at", "closed_by"]

    @display(description=_("example"))
    def export(self, unknown: UnknownCode) -> str:
        if unknown.example is None:
            return "–"
        address = reverse("admin:invoices_invoiceexport_change", args=[unknown.example_id])
        number = unknown.example.invoice.number
        return format_html('<a class="desk-link" href="{}">{}</a>', address, number)

    @display(description=_("words"))
    def words(self, unknown: UnknownCode) -> str:
        text = (
            _("Written by %(by)s") % {"by": unknown.closed_by}
            if unknown.closed_at
            else _("Write words")
        )
        return format_html('<a class="desk-link" href="{}">{}</a>', words_url(unknown.code), text)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and request.user.has_perm(EDIT)
