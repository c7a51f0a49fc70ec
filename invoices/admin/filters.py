"""Filters the theme has not, and filters whose price does not grow with the list."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin
from django.db.models import BigIntegerField, DateTimeField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter

from invoices.admin.words import ACTIONS
from invoices.enums import ExportStatus

_OVER = (ExportStatus.RECONCILED, ExportStatus.SKIPPED)
#: Actions that the life of every export has.
_OF_EVERY_EXPORT = (
    *("export.created", "export.queued", "export.submitting", "export.submitted"),
    *("export.reconciled", "export.steps_planned"),
)


class TenantFilter(admin.RelatedFieldListFilter):
    """Tenants that have rows of the list. The theme's own filter reads all rows to name them."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        rows = model_admin.model._default_manager.filter(**{field.name: OuterRef("pk")}).order_by()
        tenants = field.related_model.objects.filter(Exists(rows)).order_by("name")
        return list(tenants.values_list("pk", "name"))


class ExportsTenantFilter(TenantFilter):
    """Of one status, exports that are not over are few whatever the tenant's size: they are found
    by an index of the status, so the tenant is compared by an expression. Of some days, they are
    found by an index of the invoices' tenants and dates."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet | None:
        wanted = _one_number(self.lookup_val)
        if wanted is None:
            return super().queryset(request, queryset)
        if request.GET.get("status__exact") not in (None, "", *_OVER):
            return _of_tenant(queryset, wanted)
        if request.GET.get("invoice__date_from") or request.GET.get("invoice__date_to"):
            return queryset.filter(invoice__tenant=wanted)
        return super().queryset(request, queryset)


class ReasonFilter(admin.ChoicesFieldListFilter):
    """Of a reason that only exports of one status have: those are found by an index."""

    status = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet | None:
        found = super().queryset(request, queryset)
        return found.filter(status=self.status) if self.lookup_val else found


class AttentionFilter(ReasonFilter):
    status = ExportStatus.NEEDS_ATTENTION


class ParkedFilter(ReasonFilter):
    status = ExportStatus.PARKED


class EventsTenantFilter(TenantFilter):
    """With an action that is rare, events are found by an index of the action, so the tenant is
    compared by an expression."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet | None:
        action = request.GET.get("action")
        wanted = _one_number(self.lookup_val)
        if wanted is None or action in (None, "", *_OF_EVERY_EXPORT):
            return super().queryset(request, queryset)
        return _of_tenant(queryset, wanted)


def _one_number(given: list[str] | None) -> int | None:
    """The primary key of a filter that names one; None for anything else."""
    found = given or []
    fits = len(found) == 1 and found[0].isascii() and found[0].isdecimal() and len(found[0]) < 19
    return int(found[0]) if fits else None


def _of_tenant(rows: QuerySet, pk: int) -> QuerySet:
    return rows.annotate(of_tenant=Cast("tenant", BigIntegerField())).filter(of_tenant=pk)


class ActionFilter(admin.SimpleListFilter):
    """What happened, by the actions there are words for."""

    title = _("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return sorted(ACTIONS.items(), key=lambda each: str(each[1]))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(action=self.value()) if self.value() else queryset


class DaysFilter(RangeDateFilter):
    """Days in our time zone, the last one included.

    The theme's own filter compares a moment with midnight UTC, so the last day is left out, and
    reads English dates only, so a Finnish one filters nothing. What is no date is left aside.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        first, last = self._day("from"), self._day("to")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": self._start(first)})
        if last:
            after = self._start(last + dt.timedelta(days=1))
            queryset = queryset.filter(**{f"{self.field_path}__lt": after})
        return queryset

    #: A list that is narrowed by days shows the newest day first: an index has them together.
    orders_by_date = True

    def is_used(self) -> bool:
        return bool(self._day("from") or self._day("to"))

    def _day(self, end: str) -> dt.date | None:
        # The form writes dates by the reader's language, our own links by ISO 8601.
        typed = str(self.used_parameters.get(f"{self.parameter_name}_{end}") or "")
        for form in ("%d.%m.%Y", "%Y-%m-%d"):
            try:
                return dt.datetime.strptime(typed, form).date()
            except ValueError:
                continue
        return None

    def _start(self, day: dt.date) -> dt.date:
        if not isinstance(self.field, DateTimeField):
            return day
        return timezone.make_aware(dt.datetime.combine(day, dt.time.min))
