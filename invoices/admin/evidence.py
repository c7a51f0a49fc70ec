"""The audit trail, to read."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin
from invoices import finding
from invoices.admin import privacy
from invoices.admin.filters import ActionFilter, DaysFilter, EventsTenantFilter
from invoices.admin.words import ACTIONS, described
from invoices.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "what", "tenant", "export", "by", "details"]
    list_display_links = ["at"]
    list_filter = [("at", DaysFilter), ActionFilter, ("tenant", EventsTenantFilter)]
    list_filter_submit = True
    search_fields = ["export__invoice__number"]
    search_help_text = _("Invoice number, Procountor number, buyer or tenant")
    list_select_related = ["tenant", "export__invoice", "by"]
    fields = ["at", "what", "tenant", "export", "by", "details"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        people = privacy.may_see()
        return finding.found_by(search_term, queryset, export="export", people=people), False

    @display(description=_("action"), ordering="action")
    def what(self, event: AuditEvent) -> str:
        return str(ACTIONS.get(event.action, event.action))

    @display(description=_("details"))
    def details(self, event: AuditEvent) -> str:
        hides = event.action == "invoice.corrected" and not privacy.may_see()
        return described(event.data | {"changes": privacy.HIDDEN} if hides else event.data)
