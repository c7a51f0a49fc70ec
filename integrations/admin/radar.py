"""Condition, rights radar and the last days' checks on a tenant's page and in the list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from integrations import advice, condition, radar, radar_words, strip
from integrations.admin.desk import RecordAdmin
from integrations.condition import Condition
from integrations.enums import PauseReason
from integrations.models import ConnectionCheck, Tenant


def condition_label(tenant: Any) -> str:
    """The condition's word, and why it is paused."""
    label = str(Condition(tenant.condition).label)
    if tenant.condition == Condition.PAUSED and tenant.pause_reason:
        label += f" · {PauseReason(tenant.pause_reason).label}"
    return label


def radar_context(check: ConnectionCheck | None) -> dict[str, Any]:
    """What a check warns of, and what had changed since the last one of an earlier day."""
    if check is None:
        return {"warnings": [], "changes": [], "since": None}
    before = _last_of_an_earlier_day(check)
    found = radar.changes(before.reference_data, check.reference_data) if before else []
    return {
        "warnings": [
            {
                "cause": advice.cause_of(each),
                "mover": advice.ADVICE[each["code"]].mover.label,
                "customer": advice.sentences(each),
            }
            for each in check.warnings
            if each["code"] in advice.ADVICE
        ],
        "changes": [radar_words.sentence(change) for change in found],
        "since": before,
    }


def _last_of_an_earlier_day(check: ConnectionCheck) -> ConnectionCheck | None:
    day = localtime(check.started_at).replace(hour=0, minute=0, second=0, microsecond=0)
    earlier = ConnectionCheck.objects.filter(
        tenant=check.tenant_id,
        of_candidate=False,
        finished_at__isnull=False,
        started_at__lt=day,
    )
    return earlier.exclude(reference_data={}).order_by("-started_at").first()


class ConditionFilter(admin.SimpleListFilter):
    title = _("condition")
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("not_in_order", _("Not in order")), *Condition.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> QuerySet[Tenant]:
        if self.value() == "not_in_order":
            return condition.not_in_order(queryset)
        return queryset.filter(condition=self.value()) if self.value() else queryset


class RadarDesk(RecordAdmin):
    """Mixed into the tenants' admin."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return condition.annotated(super().get_queryset(request))

    @display(description=_("condition"), label=condition.COLOURS)
    def condition_badge(self, tenant: Any) -> tuple[str, str]:
        return tenant.condition, condition_label(tenant)

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        tenant = Tenant.objects.filter(pk=object_id).first()
        extra = _context(tenant) if tenant else {}
        return super().context_of(request, object_id) | extra


def _context(tenant: Tenant) -> dict[str, Any]:
    described = condition.of(tenant)
    newest = tenant.checks.filter(of_candidate=False, finished_at__isnull=False).first()
    return {
        "condition": {
            "label": condition_label(described),
            "colour": condition.COLOURS.get(described.condition, ""),
            "sentence": condition.sentence(described),
        },
        "radar": radar_context(newest),
        "holds_secrets": tenant.credentials.filter(api_key__isnull=False).exists(),
        "strip": [_cell(cell) for cell in strip.cells(tenant, timezone.localdate())],
    }


def _cell(cell: strip.Cell) -> dict[str, Any]:
    page = "admin:integrations_connectioncheck_change"
    return {
        "kind": cell.kind,
        "sign": cell.sign,
        "text": f"{date_format(cell.day, 'SHORT_DATE_FORMAT')}: {cell.words}",
        "url": reverse(page, args=[cell.check_pk]) if cell.check_pk else "",
    }


def warned(tenant: Any) -> str:
    """How many warnings the last finished check of an annotated tenant has; "" for none."""
    count = len(tenant.finished_warnings or [])
    if not count:
        return ""
    return ngettext("%(count)d warning", "%(count)d warnings", count) % {"count": count}
