"""The accountant's work: what needs attention, is unknown or is parked, and nothing else."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import BigIntegerField, Count, Q, QuerySet, Sum
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext as _t

from integrations.models import Tenant
from invoices import team
from invoices.admin import changes
from invoices.admin.words import STATUS_COLOURS, explained, money, reason_words
from invoices.enums import ExportStatus
from invoices.models import InvoiceExport

_A_PAGE = 50
_FILTERS = ("status", "tenant", "who", "snoozed")


def needs_action_context(request: HttpRequest) -> dict[str, Any]:
    """The list as the filters of the address say, and the filters with their counts.

    `status`: one of the open ones; `tenant`: its number; `who`: me or nobody; `snoozed`: 1.
    What is none of these filters nothing.
    """
    chosen = {name: request.GET.get(name, "") for name in _FILTERS}
    found = _work(request, chosen).select_related("invoice", "tenant", "case__assignee")
    page = Paginator(found, _A_PAGE).get_page(request.GET.get("page"))
    here = f"{reverse('admin:invoices_invoiceexport_needs_action')}?{_query(chosen)}"
    return {
        "tiles": _tiles(request, chosen),
        "filters": _filters(request, chosen),
        "rows": [_row(export, here) for export in page],
        "page": page,
        "query": _query(chosen),
        "is_filtered": any(chosen.values()),
        "changed": changes.waiting(request),
        "may_work": request.user.has_perm("invoices.work_on_case"),
    }


def _work(request: HttpRequest, chosen: dict[str, str]) -> QuerySet[InvoiceExport]:
    who: Any = {"me": request.user, "nobody": False}.get(chosen["who"])
    tenant = chosen["tenant"]
    return team.work(
        status=chosen["status"],
        tenant=int(tenant) if tenant.isascii() and tenant.isdecimal() else None,
        assignee=who,
        snoozed=chosen["snoozed"] == "1",
    )


def _query(chosen: dict[str, str], **changed: str) -> str:
    return urlencode({name: value for name, value in (chosen | changed).items() if value})


def _tiles(request: HttpRequest, chosen: dict[str, str]) -> list[dict[str, Any]]:
    """The three statuses with their figures, under the other filters."""
    counted = {
        status: (count, euros)
        for status, count, euros in _work(request, chosen | {"status": ""})
        .order_by()
        .values_list("status")
        .annotate(
            count=Count("pk"),
            euros=Sum("invoice__gross_total", filter=Q(invoice__currency="EUR")),
        )
    }
    tiles = []
    for status in team.OPEN:
        count, euros = counted.get(status, (0, None))
        is_chosen = chosen["status"] == status
        tiles.append(
            {
                "figure": count,
                "title": ExportStatus(status).label,
                "detail": money(euros, "EUR") if euros else "",
                "colour": STATUS_COLOURS[status] if count else "",
                "query": _query(chosen, status="" if is_chosen else str(status)),
                "chosen": is_chosen,
            }
        )
    return tiles


def _filters(
    request: HttpRequest, chosen: dict[str, str]
) -> list[tuple[str, list[dict[str, Any]]]]:
    work = _work(request, chosen | {"tenant": ""}).order_by()
    # By an expression, or SQLite reads all exports in the order of an index of tenants.
    tenants = work.annotate(of=Cast("tenant", BigIntegerField())).values_list("of")
    counted = dict(tenants.annotate(count=Count("pk")))
    named = Tenant.objects.filter(pk__in=counted).order_by("name").values_list("pk", "name")
    choices = {
        "tenant": [(str(pk), name, counted[pk]) for pk, name in named],
        "who": [("me", _t("Mine"), None), ("nobody", _t("Nobody's"), None)],
        "snoozed": [("1", _t("Snoozed"), None)],
    }
    titles = {"tenant": _t("Tenant"), "who": _t("Looked after by"), "snoozed": _t("Waiting")}
    return [
        (
            titles[name],
            [
                {
                    "label": label,
                    "count": count,
                    "chosen": chosen[name] == value,
                    "query": _query(chosen, **{name: "" if chosen[name] == value else value}),
                }
                for value, label, count in found
            ],
        )
        for name, found in choices.items()
        if found
    ]


def _row(export: InvoiceExport, here: str) -> dict[str, Any]:
    case = getattr(export, "case", None)
    page = reverse("admin:invoices_invoiceexport_change", args=[export.pk])
    return {
        "export": export,
        "url": f"{page}?{urlencode({'back': here})}",
        "colour": STATUS_COLOURS[export.status],
        "status": ExportStatus(export.status).label,
        "total": money(export.invoice.gross_total, export.invoice.currency),
        "age": timesince(export.created_at, depth=1),
        "cause": cause_of(export),
        "assignee": case.assignee if case else None,
        "snoozed_until": case.snoozed_until if case else None,
    }


def cause_of(export: InvoiceExport) -> str:
    """Why an open export stands, in one line."""
    if export.status == ExportStatus.UNKNOWN:
        if export.not_before is None or export.not_before <= timezone.now():
            return _t("The answer was lost; Procountor is being asked.")
        when = date_format(localtime(export.not_before), "SHORT_DATETIME_FORMAT")
        return _t("The answer was lost; Procountor is asked again at %(when)s.") % {"when": when}
    causes = [problem["cause"] for problem in explained(export.problems)[:1]]
    further = len(export.problems) - 1
    if causes and further > 0:
        causes.append(_t("and %(count)d more") % {"count": further})
    return " ".join(causes) or reason_words(export)
