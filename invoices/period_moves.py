"""Invoices that wait for a closed period: what waits, and moving it to an open date by two people.

A move is a correction of date and due date (`invoices.corrections`); the invoices as received
stay untouched. What was proposed is computed again at the approval, and anything that differs
by then ends the proposal.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit, corrections
from invoices.document import InvoiceDocument, Problem
from invoices.engine.waking import wake
from invoices.enums import ExportStatus, ParkedReason
from invoices.mapping import FiscalPeriod, basis_of, map_invoice, period_problem, to_bytes
from invoices.mapping.totals import totals_of
from invoices.models import InvoiceExport
from invoices.move_models import MoveState, PeriodMove
from invoices.preflight import latest_reference_data, reference_of, settings_of

#: Moved at once, the oldest first: all of it is one transaction.
MOST = 500


class OwnProposal(Exception):
    """Nobody approves what they proposed."""


class Decided(Exception):
    """Somebody decided already."""


class Overtaken(Exception):
    """What was proposed is not what there is now; nothing was moved."""


@dataclass(frozen=True)
class Planned:
    """One invoice that can be moved: what is shown and kept of it, and what is needed to move."""

    line: dict[str, Any]
    export: InvoiceExport
    document: InvoiceDocument
    prepared: tuple[str, bytes]


@dataclass(frozen=True)
class Plan:
    """`left_out`: invoices that would have these problems with the new date."""

    planned: list[Planned]
    left_out: list[tuple[InvoiceExport, tuple[Problem, ...]]]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [each.line for each in self.planned]


def waiting() -> QuerySet[Any]:
    """Exports parked for a closed period, each with its `day`: the invoice date that counts."""
    day = corrections.day_that_counts()
    parked = InvoiceExport.objects.filter(
        status=ExportStatus.PARKED, parked_reason=ParkedReason.CLOSED_PERIOD
    )
    return parked.annotate(day=day)


def waiting_periods() -> list[dict[str, Any]]:
    """What waits for which month of which tenant: [{tenant, name, month, count, total, oldest}],
    euros with VAT, the oldest invoice date; one query."""
    rows = (
        waiting()
        .order_by()
        .annotate(month=TruncMonth("day"))
        .values("tenant_id", "tenant__name", "month")
    )
    euros = Sum("invoice__gross_total", filter=Q(invoice__currency="EUR"))
    found = rows.annotate(count=Count("pk"), total=euros, oldest=Min("day"))
    return [
        {
            "tenant": row["tenant_id"],
            "name": row["tenant__name"],
            "month": row["month"],
            "count": row["count"],
            "total": row["total"] or Decimal(0),
            "oldest": row["oldest"],
        }
        for row in found.order_by("month", "tenant__name")
    ]


def of_month(tenant: Tenant, month: dt.date) -> QuerySet[Any]:
    """What waits for one month, the oldest invoice first."""
    following = (month.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    rows = waiting().filter(tenant=tenant, day__gte=month, day__lt=following)
    return rows.select_related("invoice", "tenant").order_by("day", "pk")


def sums_of(exports: QuerySet[Any]) -> tuple[int, Decimal]:
    """How many, and their euros with VAT."""
    euros = Sum("invoice__gross_total", filter=Q(invoice__currency="EUR"))
    found = exports.order_by().aggregate(count=Count("pk"), total=euros)
    return found["count"], found["total"] or Decimal(0)


def first_open_date(periods: tuple[FiscalPeriod, ...] | None, after: dt.date) -> dt.date | None:
    """The first day later than `after` that lies in an open period; None when there is none."""
    following = after + dt.timedelta(days=1)
    open_days = [max(p.start, following) for p in periods or () if p.is_open and p.end > after]
    return min(open_days, default=None)


def proposed_date(tenant: Tenant, month: dt.date) -> dt.date | None:
    """The first open day after all that waits for the month."""
    newest = of_month(tenant, month).order_by("-day").values_list("day", flat=True).first()
    periods = reference_of(latest_reference_data(tenant)).periods
    return first_open_date(periods, newest or month)


def plan(
    tenant: Tenant, exports: list[InvoiceExport], new_date: dt.date, *, keep_days: bool
) -> Plan:
    """What moving these to `new_date` would make of them. With `keep_days` each keeps its number
    of days to pay, else its due date."""
    settings, reference = settings_of(tenant), reference_of(latest_reference_data(tenant))
    basis = basis_of(settings, reference)
    found = Plan([], [])
    closed = period_problem(new_date, reference)
    for export in exports:
        old = corrections.document_of(export)
        due = old.due_date
        if due is not None and keep_days:
            due = new_date + (due - old.date)
        new = corrections.corrected(old, {"date": new_date, "due_date": due})
        mapped = map_invoice(new, settings, reference)
        problems = (*mapped.problems, closed) if closed else mapped.problems
        if export.entries.filter(finished_at=None).exists():
            problems = (*problems, Problem("entry_being_looked_up"))
        if problems or mapped.payload is None:
            found.left_out.append((export, problems))
            continue
        totals = totals_of(mapped.payload["invoiceRows"], prices_include_vat=new.prices_include_vat)
        line = {
            "export": export.pk,
            "version": export.corrections,
            "number": export.invoice.number,
            "old_date": old.date.isoformat(),
            "new_date": new_date.isoformat(),
            "old_due": old.due_date.isoformat() if old.due_date else "",
            "new_due": due.isoformat() if due else "",
            "delivery_missing": not (old.delivery_end or old.delivery_start),
            "currency": old.currency,
            "net": str(totals.net),
            "vat": str(totals.vat),
        }
        found.planned.append(Planned(line, export, new, (basis, to_bytes(mapped.payload))))
    return found


def effect(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What moves between VAT periods, by the month of the invoice date: [{from, to, currency,
    count, net, vat}], months as "2026-03"."""
    sums: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for line in lines:
        key = (line["old_date"][:7], line["new_date"][:7], line["currency"])
        count, net, vat = sums[key]
        sums[key] = [count + 1, net + Decimal(line["net"]), vat + Decimal(line["vat"])]
    return [
        {"from": old, "to": new, "currency": currency, "count": int(n), "net": net, "vat": vat}
        for (old, new, currency), (n, net, vat) in sorted(sums.items())
    ]


def propose(
    tenant: Tenant,
    month: dt.date,
    new_date: dt.date,
    *,
    keep_days: bool,
    lines: list[dict[str, Any]],
    by: User,
    reason: str,
) -> PeriodMove | None:
    """Keep a proposal of what was seen. None when one waits for this month already."""
    try:
        with transaction.atomic():
            move = PeriodMove.objects.create(
                tenant=tenant,
                month=month,
                new_date=new_date,
                keep_days=keep_days,
                lines=lines,
                reason=reason,
                proposed_by=by,
            )
            data = _facts(move) | {"reason": reason}
            audit.record("period_move.proposed", tenant=tenant, by=by, data=data)
    except IntegrityError:
        return None
    return move


def approve(move: PeriodMove, *, by: User) -> int:
    """Move what was proposed and queue it; returns how many. All or nothing: raises OwnProposal,
    Decided, or Overtaken, which ends the proposal."""
    if move.proposed_by_id == by.pk:
        raise OwnProposal
    try:
        with transaction.atomic():
            _decide(move, MoveState.APPROVED, by)
            for each in _as_proposed(move):
                corrections.correct(
                    each.export,
                    each.document,
                    version=each.line["version"],
                    by=by,
                    reason=move.reason,
                    prepared=each.prepared,
                )
            audit.record("period_move.approved", tenant=move.tenant, by=by, data=_facts(move))
    except (Overtaken, corrections.NotCorrectable):
        with transaction.atomic():
            _decide(move, MoveState.OVERTAKEN, by)
            audit.record("period_move.overtaken", tenant=move.tenant, by=by, data=_facts(move))
        raise Overtaken from None
    wake(move.tenant_id)
    return len(move.lines)


def decline(move: PeriodMove, *, by: User, reason: str) -> None:
    """End the proposal without moving anything; the proposer may too. Raises Decided."""
    with transaction.atomic():
        _decide(move, MoveState.DECLINED, by, decision_reason=reason)
        data = _facts(move) | {"reason": reason}
        audit.record("period_move.declined", tenant=move.tenant, by=by, data=data)


def _decide(move: PeriodMove, state: MoveState, by: User, **fields: Any) -> None:
    open_one = PeriodMove.objects.filter(pk=move.pk, state=MoveState.WAITING)
    if not open_one.update(state=state, decided_by=by, decided_at=timezone.now(), **fields):
        raise Decided


def _as_proposed(move: PeriodMove) -> list[Planned]:
    """The plan as it is now; raises Overtaken when it is not what was proposed."""
    pks = [line["export"] for line in move.lines]
    exports = waiting().filter(tenant=move.tenant, pk__in=pks).select_related("invoice", "tenant")
    by_pk = {export.pk: export for export in exports}
    if len(by_pk) != len(pks):
        raise Overtaken
    now = plan(move.tenant, [by_pk[pk] for pk in pks], move.new_date, keep_days=move.keep_days)
    if now.lines != move.lines:
        raise Overtaken
    return now.planned


def _facts(move: PeriodMove) -> dict[str, Any]:
    return {
        "move": move.pk,
        "month": f"{move.month:%Y-%m}",
        "new_date": move.new_date.isoformat(),
        "invoices": len(move.lines),
    }
