"""Reconciliation by day: a calendar for each tenant and month, and a day with its three lists."""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _t

from integrations.admin.desk import ReadOnlyAdmin, needs
from integrations.enums import TenantState
from integrations.models import Tenant
from invoices import corrections, ledger, tasks
from invoices.admin import ledger_words as words
from invoices.admin.ledger_differences import ACT, MOST, day_url, described
from invoices.admin.words import money, status_words
from invoices.ledger import books
from invoices.ledger_models import (
    DayVerdict,
    LedgerDay,
    LedgerDifference,
    LedgerRead,
)

VIEW = "invoices.view_ledgerday"
_PARTS = ("received", "exported", "remote")
#: From a Monday, for the names of the weekdays.
_A_WEEK = books.days_between(dt.date(2024, 1, 1), dt.date(2024, 1, 7))


@admin.register(LedgerDay)
class LedgerDayAdmin(ReadOnlyAdmin):
    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("months/", wrap(self.months), name="invoices_ledgerday_months"),
            path(
                "<int:pk>/<int:year>-<int:month>/", wrap(self.month), name="invoices_ledger_month"
            ),
            path(
                "<int:pk>/<int:year>-<int:month>-<int:day>/",
                wrap(self.day),
                name="invoices_ledger_day",
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:invoices_ledgerday_months"))

    def months(self, request: HttpRequest) -> HttpResponse:
        """Every tenant's days of one month."""
        needs(request, VIEW)
        first = _month_of(request.GET.get("month", ""))
        context = self.admin_site.each_context(request) | {
            "title": _t("Reconciliation by day: %(month)s") % {"month": date_format(first, "F Y")},
            "rows": _rows_of_month(first),
            **_neighbours(first, lambda day: f"?month={day:%Y-%m}"),
            "opts": self.opts,
        }
        return render(request, "desk/ledger_months.html", context)

    def month(self, request: HttpRequest, pk: int, year: int, month: int) -> HttpResponse:
        """One tenant's calendar; by a POST, the month is read anew."""
        needs(request, VIEW)
        tenant, first = get_object_or_404(Tenant, pk=pk), _date(year, month, 1)
        last = _last_of(first)
        if request.method == "POST":
            return _ask(request, tenant, first, last)
        context = self.admin_site.each_context(request) | {
            "title": f"{tenant}: {date_format(first, 'F Y')}",
            "tenant": tenant,
            "may_act": request.user.has_perm(ACT),
            "all_url": f"{reverse('admin:invoices_ledgerday_months')}?month={first:%Y-%m}",
            **_calendar(tenant, first, last),
            **_neighbours(first, lambda day: month_url(tenant.pk, day)),
            "opts": self.opts,
        }
        return render(request, "desk/ledger_month.html", context)

    def day(self, request: HttpRequest, pk: int, year: int, month: int, day: int) -> HttpResponse:
        """One day's three lists and its differences; by a POST, the day is read anew."""
        needs(request, VIEW)
        tenant, date = get_object_or_404(Tenant, pk=pk), _date(year, month, day)
        if request.method == "POST":
            return _ask(request, tenant, date, date)
        context = self.admin_site.each_context(request) | {
            "title": f"{tenant}: {date_format(date, 'SHORT_DATE_FORMAT')}",
            "tenant": tenant,
            "may_act": request.user.has_perm(ACT),
            "back": month_url(tenant.pk, date),
            **_day(tenant, date),
            "opts": self.opts,
        }
        return render(request, "desk/ledger_day.html", context)


def month_url(tenant_pk: int, day: dt.date) -> str:
    return reverse("admin:invoices_ledger_month", args=[tenant_pk, day.year, f"{day.month:02d}"])


def _date(year: int, month: int, day: int) -> dt.date:
    if not 2000 <= year <= 2100:
        raise Http404
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise Http404 from None


def _month_of(text: str) -> dt.date:
    """The month of "2026-09"; this one for anything else."""
    try:
        month = dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        return timezone.localdate().replace(day=1)
    return month if 2000 <= month.year <= 2100 else timezone.localdate().replace(day=1)


def _last_of(first: dt.date) -> dt.date:
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _neighbours(first: dt.date, url: Any) -> dict[str, Any]:
    before = (first - dt.timedelta(days=1)).replace(day=1)
    after = _last_of(first) + dt.timedelta(days=1)
    return {
        "before": {"title": date_format(before, "F Y"), "url": url(before)},
        "after": {"title": date_format(after, "F Y"), "url": url(after)},
    }


def _ask(request: HttpRequest, tenant: Tenant, first: dt.date, last: dt.date) -> HttpResponse:
    needs(request, ACT)
    ledger.read_days(tenant, first, last, by=request.user)
    tasks.read_ledgers_soon()
    messages.success(
        request, _t("Procountor is being read in the background: load the page again in a moment.")
    )
    return HttpResponseRedirect(request.path)


def _rows_of_month(first: dt.date) -> list[dict[str, Any]]:
    """A row for each tenant, those with something different first; three queries."""
    last = _last_of(first)
    verdicts: dict[int, dict[dt.date, str]] = defaultdict(dict)
    found = LedgerDay.objects.filter(day__range=(first, last)).order_by()
    for pk, day, verdict in found.values_list("tenant", "day", "verdict"):
        verdicts[pk][day] = verdict
    tenants = Tenant.objects.filter(
        ~Q(state=TenantState.CLOSED) & Q(went_live_at__isnull=False) | Q(pk__in=verdicts)
    )
    rows = [_row(tenant, verdicts[tenant.pk], first, last) for tenant in tenants]
    return sorted(rows, key=lambda row: (-row["different"], str(row["tenant"]).casefold()))


def _row(
    tenant: Tenant, verdicts: dict[dt.date, str], first: dt.date, last: dt.date
) -> dict[str, Any]:
    counts = Counter(verdicts.values())
    told = [f"{verdict.label}: {counts[verdict]}" for verdict in DayVerdict if counts.get(verdict)]
    return {
        "tenant": tenant,
        "url": month_url(tenant.pk, first),
        "different": counts.get(DayVerdict.DIFFERENT, 0),
        "summary": " · ".join(told) or words.cell(None)["words"],
        "cells": [
            words.cell(verdicts.get(day)) | {"day": day, "url": day_url(tenant.pk, day)}
            for day in books.days_between(first, last)
        ],
    }


def _calendar(tenant: Tenant, first: dt.date, last: dt.date) -> dict[str, Any]:
    known = {
        row.day: row
        for row in LedgerDay.objects.filter(tenant=tenant, day__range=(first, last)).defer(
            "entries"
        )
    }
    today = timezone.localdate()
    weeks = [
        [
            _cell(tenant, day, known.get(day), today) if day.month == first.month else None
            for day in week
        ]
        for week in calendar.Calendar().monthdatescalendar(first.year, first.month)
    ]
    counts = Counter(row.verdict for row in known.values())
    return {
        "weeks": weeks,
        "weekdays": [date_format(day, "D") for day in _A_WEEK],
        "sums": words.sums_of(_added(row.sums for row in known.values())),
        "counts": [
            words.cell(verdict) | {"count": counts[verdict]}
            for verdict in DayVerdict
            if counts.get(verdict)
        ],
        "broken": sum(bool(row.breaks) for row in known.values()),
        "reading": words.reading_words(_newest_reading(tenant, first, last)),
        "gaps": [
            _gap(gap, known_numbers) for gap, known_numbers in books.gaps_of(tenant, first, last)
        ],
        "differences": described(
            LedgerDifference.objects.filter(tenant=tenant, day__range=(first, last), ended_at=None)
        ),
    }


def _cell(tenant: Tenant, day: dt.date, row: LedgerDay | None, today: dt.date) -> dict[str, Any]:
    is_ahead = day > today and not (row and (row.sums or row.verdict != DayVerdict.EQUAL))
    shown = words.cell(None if row is None or is_ahead else row.verdict)
    if is_ahead:
        shown["words"] = ""
    count = sum(each["received"][0] for each in row.sums) if row else 0
    return shown | {
        "day": day,
        "url": day_url(tenant.pk, day),
        "count": count,
        "sealed": bool(row and row.seal_id and not row.breaks),
        "broken": bool(row and row.breaks),
    }


def _added(parts: Any) -> list[dict[str, Any]]:
    """Several days' sums as one."""
    totals: dict[str, dict[str, list[Any]]] = {}
    for sums in parts:
        for each in sums:
            mine = totals.setdefault(each["currency"], {part: [0, Decimal(0)] for part in _PARTS})
            for part in _PARTS:
                mine[part][0] += each[part][0]
                mine[part][1] += Decimal(each[part][1])
    return [{"currency": currency} | totals[currency] for currency in sorted(totals)]


def _newest_reading(tenant: Tenant, first: dt.date, last: dt.date) -> LedgerRead | None:
    touching = LedgerRead.objects.filter(tenant=tenant, first_day__lte=last, last_day__gte=first)
    return touching.order_by("-pk").first()


def _gap(gap: Any, known: dict[str, str]) -> dict[str, Any]:
    rejected = sorted(number for number, why in known.items() if why == "rejected")
    missing = gap.count - len(known)
    return {
        "title": gap.first if gap.count == 1 else f"{gap.first} – {gap.last}",
        "count": gap.count,
        "before": gap.before,
        "after": gap.after,
        "day": gap.day,
        "rejected": ", ".join(rejected[:20]),
        "missing": missing,
    }


def _day(tenant: Tenant, date: dt.date) -> dict[str, Any]:
    row = LedgerDay.objects.select_related("seal").filter(tenant=tenant, day=date).first()
    exports = corrections.dated(tenant, date, date).select_related("invoice").order_by("pk")
    received = [_export(export) for export in exports[: MOST + 1]]
    entries = [_entry(entry) for entry in (row.entries if row else [])[: MOST + 1]]
    found = LedgerDifference.objects.filter(tenant=tenant, day=date)
    url = reverse("admin:invoices_invoiceexport_changelist")
    return {
        "row": row,
        "cell": words.cell(row.verdict if row else None),
        "meaning": words.meaning(row),
        "reading": words.reading_words(_newest_reading(tenant, date, date)),
        "sums": words.sums_of(row.sums if row else []),
        "breaks": [words.broken(each) for each in (row.breaks if row else [])],
        "received": received[:MOST],
        "exported": [each for each in received[:MOST] if each["is_there"]],
        "entries": entries[:MOST],
        "is_cut": len(received) > MOST or len(entries) > MOST,
        "most": MOST,
        "exports_url": f"{url}?tenant__id__exact={tenant.pk}"
        f"&invoice__date_from={date.isoformat()}&invoice__date_to={date.isoformat()}",
        "differences": described(found.filter(ended_at=None)),
        "explained": described(found.filter(ended_by__isnull=False).order_by("-pk")[:50]),
    }


def _export(export: Any) -> dict[str, Any]:
    return {
        "number": export.invoice.number,
        "url": reverse("admin:invoices_invoiceexport_change", args=[export.pk]),
        "buyer": export.invoice.buyer_name,
        "total": money(export.invoice.gross_total, export.invoice.currency),
        "status": status_words(export),
        "is_there": export.remote_id is not None,
        "remote_number": export.remote_number,
        "remote_status": export.remote_status,
    }


def _entry(entry: list[Any]) -> dict[str, Any]:
    remote_id, number, _day, currency, total, status, remote_number, buyer = entry
    return {
        "id": remote_id,
        "number": number,
        "total": money(Decimal(total) if total else None, currency),
        "status": status,
        "remote_number": remote_number,
        "buyer": buyer,
    }
