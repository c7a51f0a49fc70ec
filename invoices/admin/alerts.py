"""Alerts, to read: what was wrong since when, whom it told, and what to do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin
from invoices.watch.causes import CAUSES, explain
from invoices.watch_models import Alert


class OpenFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Open")), ("no", _("Over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() in ("yes", "no"):
            return queryset.filter(recovered_at__isnull=self.value() == "yes")
        return queryset


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ["first_seen_at", "title", "tenant", "state", "last_seen_at", "notified_at"]
    list_display_links = ["first_seen_at", "title"]
    list_filter = [OpenFilter, "first_seen_at", ("tenant", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["tenant"]
    fields = [
        "title", "tenant", "meaning", "remedy", "first_seen_at", "last_seen_at",
        "notified_at", "recovered_at", "recovery_notified_at", "mail_error",
    ]  # fmt: skip

    @display(description=_("alert"), ordering="cause")
    def title(self, alert: Alert) -> str:
        return self._words(alert)["title"]

    @display(description=_("state"), label={"open": "danger", "over": "success"})
    def state(self, alert: Alert) -> tuple[str, Any]:
        return ("over", _("Over")) if alert.recovered_at else ("open", _("Open"))

    @display(description=_("meaning"))
    def meaning(self, alert: Alert) -> str:
        return self._words(alert)["meaning"]

    @display(description=_("what to do"))
    def remedy(self, alert: Alert) -> str:
        return self._words(alert)["remedy"]

    def _words(self, alert: Alert) -> dict[str, str]:
        # A cause of an older version has no words any more.
        if alert.cause not in CAUSES:
            return {"title": alert.cause, "meaning": "", "remedy": ""}
        return explain(alert.cause, alert.facts)
