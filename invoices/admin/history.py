"""The export history: which columns and which rows is in the address, so that it can be kept and
passed on."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _t

from integrations.admin.desk import ReadOnlyAdmin, needs
from integrations.models import Tenant
from invoices.admin import privacy
from invoices.admin.dashboard import VIEW
from invoices.admin.words import money
from invoices.enums import ExportStatus
from invoices.report_models import ExportFact, FactState, FileFormat, SavedView
from invoices.reports import choosing, files, history, rolling
from invoices.reports.choosing import Chosen
from invoices.reports.columns import COLUMNS, USUAL, chosen_columns
from invoices.reports.periods import PRESETS

EXPORT = "invoices.export_history"
BUYER = "buyer"
_A_PAGE = 50


@admin.register(ExportFact)
class HistoryAdmin(ReadOnlyAdmin):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        needs(request, VIEW)
        if request.method == "POST":
            return _act(request)
        context = self.admin_site.each_context(request) | history_context(request)
        return render(request, "desk/history.html", context | {"opts": self.opts})

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        return self.changelist_view(request)


def history_context(request: HttpRequest) -> dict[str, Any]:
    """Everything the list shows: a constant number of queries."""
    chosen, columns, wrong = _read(request)
    after = _place(request.GET.get("after", ""))
    skipped = _number(request.GET.get("shown", "")) if after else 0
    facts = history.chosen_facts(chosen)
    found = history.totals(chosen, facts=facts, most=history.COUNTED)
    # Looking for what is not there would read everything.
    page: list[history.Row] = []
    if found.count:
        page = history.page_of(chosen, columns, _A_PAGE + 1, after, facts=facts)
    more, page = len(page) > _A_PAGE, page[:_A_PAGE]
    count = number_format(found.count, use_l10n=True, force_grouping=True)
    count += "+" if found.stopped else ""
    query = request.GET.copy()
    for name in ("after", "shown"):
        query.pop(name, None)
    base = query.urlencode()
    return {
        "title": _t("Export history"),
        "wrong": wrong,
        "chosen": chosen,
        "columns": [
            {"name": name, "label": column.label, "chosen": name in columns}
            for name, column in COLUMNS.items()
            if name != BUYER or privacy.may_see()
        ],
        "heads": [COLUMNS[name] for name in columns],
        "rows": [_row(row, columns) for row in page],
        "count": count,
        "stopped": found.stopped,
        "sums": [money(total, currency) for currency, total in found.sums.items()],
        "place": _t("%(first)s–%(last)s of %(count)s")
        % {
            "first": number_format(skipped + 1, force_grouping=True),
            "last": number_format(skipped + len(page), force_grouping=True),
            "count": count,
        },
        "start": f"?{base}" if after else "",
        "next": _next(base, chosen, page, skipped) if more else "",
        "base": base,
        "presets": [
            {
                "label": label,
                "url": "?" + _address(replace(chosen, period=name), columns),
                "chosen": name == chosen.period,
            }
            for name, label in (*PRESETS.items(), ("all", _t("All days")))
        ],
        "states": FactState.choices,
        "tenants": list(Tenant.objects.order_by("name").values_list("pk", "name")),
        "may_export": request.user.has_perm(EXPORT),
        "formats": FileFormat.choices,
        "saved": SavedView.objects.filter(owner=request.user),
        "counted_at": rolling.cursor().counted_at,
        "figures_url": f"{reverse('admin:invoices_rollup_changelist')}?"
        f"{replace(chosen, state='', first_try='', currency='', q='', day='exported').query()}",
    }


def _read(request: HttpRequest) -> tuple[Chosen, tuple[str, ...], list[str]]:
    """What is chosen; for readers who may not see people's names without the buyers."""
    chosen, wrong = choosing.read(request.GET)
    columns = chosen_columns(request.GET.getlist("col"))
    if privacy.may_see():
        return replace(chosen, no_people=""), columns, wrong
    without = tuple(name for name in columns if name != BUYER)
    return replace(chosen, no_people="yes"), without or ("number",), wrong


def _act(request: HttpRequest) -> HttpResponse:
    """Have a file made, or keep or drop a saved choice; then back to the list."""
    chosen, columns, _wrong = _read(request)
    if "format" in request.POST:
        needs(request, EXPORT)
        if request.POST["format"] not in FileFormat.values:
            messages.error(request, _t("Format: choose one of the list."))
            return HttpResponseRedirect(request.get_full_path())
        language = get_language() or "en"
        file = files.ask(
            chosen, columns, request.POST["format"], by=request.user, language=language
        )
        return HttpResponseRedirect(reverse("admin:invoices_historyfile_change", args=[file.pk]))
    mine = SavedView.objects.filter(owner=request.user)
    if "drop" in request.POST:
        mine.filter(pk=_number(request.POST["drop"])).delete()
    elif name := request.POST.get("name", "").strip().replace("\x00", "")[:60]:
        mine.update_or_create(
            owner=request.user, name=name, defaults={"query": _address(chosen, columns)[:1000]}
        )
        messages.success(request, _t("Saved as “%(name)s”.") % {"name": name})
    else:
        messages.error(request, _t("Name: write one, to save these filters and columns."))
    return HttpResponseRedirect(request.get_full_path())


def _address(chosen: Chosen, columns: tuple[str, ...]) -> str:
    named = [] if columns == USUAL else [("col", name) for name in columns]
    return urlencode([*chosen.params().items(), *named])


def _next(base: str, chosen: Chosen, page: list[history.Row], skipped: int) -> str:
    day, export = page[-1].place
    return (
        f"?{base}{'&' if base else ''}after={day.isoformat()}.{export}&shown={skipped + len(page)}"
    )


def _place(typed: str) -> history.Place | None:
    """Where the page before ended; None for the first page and for what is no place."""
    day, _dot, export = typed.partition(".")
    try:
        return dt.date.fromisoformat(day), _number(export)
    except ValueError:
        return None


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 16 else 0


def _row(row: history.Row, columns: tuple[str, ...]) -> dict[str, Any]:
    return {
        "url": reverse("admin:invoices_invoiceexport_change", args=[row.export]),
        "cells": [_cell(name, value) for name, value in zip(columns, row.values, strict=True)],
    }


def _cell(name: str, value: Any) -> dict[str, Any]:
    column = COLUMNS[name]
    shown: Any = value
    if value is None or value == "":
        shown = "–"
    elif name == "status":
        shown = ExportStatus(value).label
    elif column.kind == "money":
        shown = money(value)
    elif column.kind == "day":
        shown = date_format(value, "SHORT_DATE_FORMAT")
    elif column.kind == "moment":
        shown = date_format(localtime(value), "SHORT_DATETIME_FORMAT")
    elif column.kind == "yes_no":
        shown = _t("Yes") if value else _t("No")
    return {
        "text": shown,
        "number": column.kind in ("money", "number"),
        "badge": value if name == "status" else "",
        "is_badge": name == "status",
    }
