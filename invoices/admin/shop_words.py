"""What pages say of web shops: states, runs and what became of orders."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from invoices.admin.words import explained, money
from invoices.models import ReceivedItem
from invoices.shop_models import OrderState, RunKind, RunState, ShopOrder, ShopRun
from invoices.shops.causes import words_of
from invoices.shops.reading import LeftOut

STATE_COLOURS = {"active": "success", "failing": "danger", "paused": "warning", "ended": ""}
RUN_COLOURS = {
    "running": "info",
    "counted": "warning",
    "done": "success",
    "failed": "danger",
    "cancelled": "",
}
ORDER_COLOURS = {"accepted": "success", "rejected": "danger", "left_out": ""}

LEFT_OUT: dict[str, Any] = {
    LeftOut.TEST: _("Test order"),
    LeftOut.CANCELLED: _("Cancelled in the shop"),
    LeftOut.STATUS: _("Its status is none that becomes an invoice"),
    LeftOut.EARLIER: _("Earlier than the connection's first day"),
    LeftOut.PAID: _("Paid, and only unpaid orders become invoices"),
    LeftOut.UNPAID: _("Unpaid, and only paid orders become invoices"),
    LeftOut.FREE: _("Order of 0"),
    LeftOut.NOT_SETTLED: _("The refund has not been paid out yet"),
    LeftOut.NOTHING: _("Nothing was refunded"),
    LeftOut.ORDER: _("Its order is not invoiced here"),
}


def shown_run(run: ShopRun) -> dict[str, Any]:
    """A run as a row of the page."""
    counts = run.counts or {}
    seen = counts.get("orders", 0)
    return {
        "object": run,
        "colour": RUN_COLOURS[run.state],
        "days": _days(run),
        "words": words_of(run.cause, run.cause_detail),
        "seen": number_format(seen, force_grouping=True),
        "expected": run.expected or 0,
        "percent_of": seen,
        "is_open": run.state == RunState.RUNNING,
        "is_counted": run.state == RunState.COUNTED,
        "may_stop": run.kind in (RunKind.COUNT, RunKind.BACKFILL)
        and run.state in (RunState.RUNNING, RunState.COUNTED),
        "parts": _parts(run, counts),
        "sums": _sums(counts),
    }


def _days(run: ShopRun) -> str:
    if not (run.first_day and run.last_day):
        return ""
    first, last = (date_format(day, "SHORT_DATE_FORMAT") for day in (run.first_day, run.last_day))
    return f"{first} – {last}"


def _parts(run: ShopRun, counts: dict[str, Any]) -> list[str]:
    """What became of the orders; of a counting, what would."""
    words = {
        "accepted": _t("to be taken in: %(count)s")
        if run.kind == RunKind.COUNT
        else _t("taken in: %(count)s"),
        "here": _t("already here: %(count)s"),
        "old": _t("already here: %(count)s"),
        "rejected": _t("with problems: %(count)s"),
    }
    parts = [words[name] % {"count": counts[name]} for name in words if counts.get(name)]
    left_out = _t("left out: %(count)s (%(reason)s)")
    for reason, count in (counts.get("left_out") or {}).items():
        parts.append(left_out % {"count": count, "reason": LEFT_OUT.get(reason, reason)})
    return parts


def _sums(counts: dict[str, Any]) -> str:
    sums = counts.get("sums") or {}
    return " · ".join(money(Decimal(total), currency) for currency, total in sums.items())


def shown_orders(orders: Iterable[ShopOrder]) -> list[dict[str, Any]]:
    """Orders with the cause of what was rejected, and the page of the received file."""
    rows = list(orders)
    files = [row.file for row in rows if row.file]
    items = {
        item.file_id: item
        for item in ReceivedItem.objects.filter(file__in=files).select_related("invoice__export")
    }
    return [_shown_order(row, items.get(row.file or 0)) for row in rows]


def _shown_order(row: ShopOrder, item: ReceivedItem | None) -> dict[str, Any]:
    problems = explained(item.problems) if item and row.is_told else []
    export = getattr(item.invoice, "export", None) if item and item.invoice else None
    return {
        "number": row.number or row.remote_id,
        "colour": ORDER_COLOURS[row.state],
        "state": OrderState(row.state).label,
        "reason": LEFT_OUT.get(row.reason, "") if row.state == OrderState.LEFT_OUT else "",
        "problems": problems,
        "file": reverse("admin:invoices_receivedfile_change", args=[item.file_id]) if item else "",
        "export": reverse("admin:invoices_invoiceexport_change", args=[export.pk])
        if export
        else "",
        "changed_at": row.changed_at,
    }
