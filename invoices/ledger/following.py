"""What became of exported invoices in Procountor: a submitted invoice is not booked yet.

Changes are asked for by version, from the latest version seen before, in Procountor's own clock:
its zone is not documented, so ours is never compared with it. That a change of status, date or
sum makes a later version is assumed (REFERENCE names `version` as set by the server and no more);
what it would miss is found by confirming unfinished invoices by id, and by the days' readings.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Min, QuerySet
from django.utils import timezone

from integrations.models import Tenant
from invoices import exports
from invoices.enums import ExportStatus
from invoices.ledger import books, differences
from invoices.ledger.comparing import UNTOLD, Difference, Marks, Ours, Stage, Theirs, of_one
from invoices.ledger.working_days import working_days_before
from invoices.ledger_models import ChangesSeen, DifferenceKind, LedgerDifference, LedgerRead
from invoices.models import InvoiceExport

#: An invoice may stay unfinished for so many working days after it was submitted.
PATIENCE_DAYS = 3
#: Procountor's time stamps have no zone, and an hour of the autumn comes twice; changes made
#: while pages were being read lie in it too.
_OVERLAP = dt.timedelta(hours=2)
_UNFINISHED = "UNFINISHED"
#: So many days are read anew for one round of changes; the others wait for their schedule.
_MOST_DAYS = 31


def since(tenant: Tenant) -> str:
    """The version from which changes are asked for; "" when nothing was exported yet."""
    seen = ChangesSeen.objects.filter(tenant=tenant).values_list("version", flat=True).first()
    if seen:
        return (dt.datetime.fromisoformat(seen) - _OVERLAP).isoformat()
    first = _there(tenant).aggregate(first=Min("submitted_at"))["first"]
    if not isinstance(first, dt.datetime):
        return ""
    # A day before, whatever zone Procountor's clock is in.
    return (first - dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")


def _there(tenant: Tenant) -> QuerySet[InvoiceExport]:
    return InvoiceExport.objects.filter(tenant=tenant, remote_id__isnull=False)


def overdue(tenant: Tenant) -> QuerySet[InvoiceExport]:
    """Exported invoices that Procountor called unfinished when it was last asked, submitted more
    than three working days ago; those known to be gone are other differences."""
    last_day = working_days_before(timezone.localdate(), PATIENCE_DAYS)
    until = timezone.make_aware(dt.datetime.combine(last_day + dt.timedelta(days=1), dt.time.min))
    gone = LedgerDifference.objects.filter(
        tenant=tenant,
        ended_at=None,
        kind__in=(DifferenceKind.MISSING_THERE, DifferenceKind.INVALIDATED),
        export__isnull=False,
    )
    return (
        _there(tenant)
        .filter(
            status__in=(ExportStatus.SUBMITTED, ExportStatus.RECONCILED),
            remote_status=_UNFINISHED,
            submitted_at__lt=until,
        )
        .exclude(pk__in=gone.values("export"))
    )


def to_confirm(tenant: Tenant) -> set[int]:
    """Procountor's ids of what would be called unfinished: asked for once more first."""
    ids = overdue(tenant).values_list("remote_id", flat=True)
    return {each for each in ids if each is not None}


def statuses_of(ours: Iterable[Ours], theirs: Mapping[int, Theirs]) -> dict[str, list[int]]:
    """{Procountor's status: exports that have it}."""
    found: dict[str, list[int]] = defaultdict(list)
    for each in ours:
        copy = theirs.get(each.remote_id or 0)
        if copy is not None and copy.is_there and copy.status != UNTOLD:
            found[copy.status].append(each.export)
    return found


def settle(read: LedgerRead, theirs: Mapping[int, Theirs], newest: str) -> None:
    """Keep what changed: statuses, what is still unfinished, and which days to read anew.
    `newest` is the latest version among the changes, "" without any."""
    tenant = read.tenant
    ours = books.ours_with(tenant, remote_ids=theirs.keys())
    exports.seen(statuses_of(ours, theirs))
    _note_unfinished(tenant)
    to_read = _days_to_read(tenant, ours, theirs, Marks(own_user=read.facts["own_user"]))
    for first, last in _ranges(sorted(to_read)[-_MOST_DAYS:]):
        LedgerRead.objects.create(
            tenant=tenant, first_day=first, last_day=last, not_before=timezone.now()
        )
    if newest:
        ChangesSeen.objects.update_or_create(
            tenant=tenant, defaults={"version": newest, "at": timezone.now()}
        )


def _note_unfinished(tenant: Tenant) -> None:
    late = {row["pk"]: row for row in _rows(overdue(tenant))}
    found = [
        Difference(
            DifferenceKind.STILL_UNFINISHED,
            row["day"],
            row["invoice__number"],
            pk,
            row["remote_id"],
            row["invoice__currency"],
            row["invoice__gross_total"],
        )
        for pk, row in late.items()
    ]
    began = {pk: row["submitted_at"] for pk, row in late.items()}
    differences.settle_unfinished(tenant, found, began)


def _rows(late: QuerySet[InvoiceExport]) -> list[dict[str, Any]]:
    names = ("pk", "remote_id", "submitted_at", "invoice__number", "invoice__currency")
    return list(books.with_day(late).values(*names, "invoice__gross_total", "day"))


def _days_to_read(
    tenant: Tenant, ours: list[Ours], theirs: Mapping[int, Theirs], marks: Marks
) -> set[dt.date]:
    """Days of what is different now, or may be ours and is unknown: the day's reading judges."""
    by_remote = {each.remote_id: each for each in ours if each.stage == Stage.THERE}
    shaped = Marks(books.shapes_of(tenant), marks.own_user)
    found: set[dt.date] = set()
    for copy in theirs.values():
        known = by_remote.get(copy.id)
        if known is not None:
            different = of_one(known, copy)
            found |= {each.day for each in different}
            found |= {copy.date} if different and copy.date else set()
        elif copy.is_live and copy.date and shaped.fit(copy):
            found.add(copy.date)
    return found


def _ranges(wanted: list[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """Days in a row read together."""
    ranges: list[tuple[dt.date, dt.date]] = []
    for day in wanted:
        if ranges and day - ranges[-1][1] == dt.timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges
