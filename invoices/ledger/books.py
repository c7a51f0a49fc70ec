"""What the database knows of a tenant's invoices, in the form that `comparing` takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from integrations.models import Tenant
from invoices import corrections
from invoices.enums import ExportStatus, ItemOutcome
from invoices.ledger.comparing import Ours, Stage
from invoices.ledger.series import Gap, Shape, gaps, running_shapes
from invoices.models import Invoice, InvoiceExport, ReceivedItem

S = ExportStatus
_CHUNK = 500
_UNDER_WAY = (S.QUEUED, S.SUBMITTING, S.UNKNOWN)
#: So far before a month the last number of a series is looked for.
_BEFORE = dt.timedelta(days=62)
_NAMED = 1000


def days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every day from the first to the last, both included."""
    return [first + dt.timedelta(days=step) for step in range((last - first).days + 1)]


def are_under_way(tenant: Tenant, day: dt.date) -> bool:
    return corrections.dated(tenant, day, day).filter(status__in=_UNDER_WAY).exists()


def with_day(exports: QuerySet[Any]) -> QuerySet[Any]:
    dated: QuerySet[Any] = exports.annotate(day=corrections.day_that_counts())
    return dated


def ours_between(tenant: Tenant, first: dt.date, last: dt.date) -> list[Ours]:
    return _read(corrections.dated(tenant, first, last))


def ours_with(
    tenant: Tenant, *, remote_ids: Collection[int] = (), numbers: Collection[str] = ()
) -> list[Ours]:
    """Exports that became these invoices of Procountor's, or have these numbers."""
    mine = InvoiceExport.objects.filter(tenant=tenant)
    found = [
        each for part in _chunks(remote_ids) for each in _read(mine.filter(remote_id__in=part))
    ]
    for part in _chunks(numbers):
        found += _read(mine.filter(invoice__tenant=tenant, invoice__number__in=part))
    return found


def _read(exports: QuerySet[Any]) -> list[Ours]:
    rows = (
        with_day(exports)
        .order_by("pk")
        .values_list(
            *("pk", "invoice__number", "day", "invoice__currency", "invoice__gross_total"),
            *("remote_total", "status", "remote_id"),
        )
    )
    return [_ours(*row) for row in rows.iterator(chunk_size=2000)]


def _ours(
    pk: int,
    number: str,
    day: dt.date,
    currency: str,
    total: Any,
    remote_total: Any,
    status: str,
    remote_id: int | None,
) -> Ours:
    stage = Stage.HELD
    if remote_id is not None:
        stage = Stage.THERE
    elif status in _UNDER_WAY:
        stage = Stage.UNDER_WAY
    elif status == S.SKIPPED:
        stage = Stage.SKIPPED
    # What was read back and found equal may differ by rounding; what was not, may not.
    accepted = remote_total is not None and status != S.NEEDS_ATTENTION
    return Ours(
        export=pk,
        number=number,
        day=day,
        currency=currency,
        total=total,
        expected=remote_total if accepted else total,
        stage=stage,
        remote_id=remote_id,
        by_hand=status == S.SKIPPED,
    )


def shapes_of(tenant: Tenant) -> frozenset[Shape]:
    """The shapes of the numbers that the tenant's source gave its newest invoices."""
    newest = Invoice.objects.filter(tenant=tenant).order_by("-pk")
    return running_shapes(newest.values_list("number", flat=True)[:_NAMED])


def gaps_of(tenant: Tenant, first: dt.date, last: dt.date) -> list[tuple[Gap, dict[str, str]]]:
    """The gaps whose next number is dated in these days, each with why its numbers are missing,
    as far as that is known: {number: "rejected", or the problem's code}."""
    numbers = (
        Invoice.objects.filter(tenant=tenant, date__range=(first - _BEFORE, last))
        .order_by()
        .values_list("number", "date")
    )
    found = [gap for gap in gaps(numbers) if first <= gap.day]
    candidates = [number for gap in found for number in gap.numbers()]
    known = _known(tenant, candidates)
    return [
        (gap, {number: known[number] for number in gap.numbers() if number in known})
        for gap in found
        if not _all_received(gap, known)
    ]


def _known(tenant: Tenant, numbers: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _chunks(numbers):
        items = ReceivedItem.objects.filter(
            file__tenant=tenant, number__in=part, outcome=ItemOutcome.REJECTED
        )
        found |= dict.fromkeys(items.values_list("number", flat=True), "rejected")
        others = Invoice.objects.filter(tenant=tenant, number__in=part)
        # Dated outside the days looked at.
        found |= dict.fromkeys(others.values_list("number", flat=True), "received")
    return found


def _all_received(gap: Gap, known: dict[str, str]) -> bool:
    return all(known.get(number) == "received" for number in gap.numbers())


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    wanted = sorted(set(values))
    for start in range(0, len(wanted), _CHUNK):
        yield wanted[start : start + _CHUNK]
