"""The audit trail, to read."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin
from invoices.admin.words import ACTIONS, described
from invoices.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "what", "tenant", "export", "by", "details"]
    list_display_links = ["at"]
    list_filter = ["at", "action", ("tenant", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["export__invoice__number__istartswith"]
    list_select_related = ["tenant", "export__invoice", "by"]
    fields = ["at", "what", "tenant", "export", "by", "details"]

    @display(description=_("action"), ordering="action")
    def what(self, event: AuditEvent) -> str:
        return str(ACTIONS.get(event.action, event.action))

    @display(description=_("details"))
    def details(self, event: AuditEvent) -> str:
        return described(event.data)
