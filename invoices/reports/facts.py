"""What one export counts for. Reads; changes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef
from django.utils import timezone

from invoices.cause_models import ExportCause
from invoices.enums import AttemptOutcome, ExportStatus
from invoices.models import InvoiceExport, SubmissionAttempt
from invoices.report_models import ExportFact, FactState
from invoices.reports.times import bucket_of

S = ExportStatus
STATES: dict[str, FactState] = {
    S.DRAFT: FactState.WAITING,
    S.QUEUED: FactState.WAITING,
    S.SUBMITTING: FactState.WAITING,
    S.UNKNOWN: FactState.WAITING,
    S.NEEDS_ATTENTION: FactState.FAILED,
    S.PARKED: FactState.FAILED,
    S.SUBMITTED: FactState.EXPORTED,
    S.RECONCILED: FactState.EXPORTED,
    S.SKIPPED: FactState.SKIPPED,
}
_ACCEPTED_AT_ONCE = SubmissionAttempt.objects.filter(
    export=OuterRef("pk"), number=1, outcome=AttemptOutcome.ACCEPTED
)
_EVER_FAILED = ExportCause.objects.filter(export=OuterRef("pk"))


class Fact(NamedTuple):
    """The columns of `ExportFact` in its order, without the export."""

    tenant: int
    state: str
    taken_on: dt.date
    exported_on: dt.date | None
    currency: str
    total: Decimal
    first_pass: bool
    bucket: int | None


#: The figures that count exports; each has a total with VAT beside it.
COUNTS = ("taken", "failed", "waiting", "skipped", "exported", "first_pass")
FIELDS = ("tenant_id", *Fact._fields[1:])
#: (tenant or None for all, day, currency).
Key = tuple[int | None, dt.date, str]
#: Counts and totals by column, times by bucket (an integer).
Figures = Counter[Any]


def present(export_pks: Collection[int]) -> dict[int, Fact]:
    """What these exports count for as they are now. One query."""
    rows = (
        InvoiceExport.objects.filter(pk__in=export_pks)
        .annotate(at_once=Exists(_ACCEPTED_AT_ONCE), failed=Exists(_EVER_FAILED))
        .values_list(
            *("pk", "tenant_id", "status", "created_at", "submitted_at", "corrections"),
            *("invoice__currency", "invoice__gross_total", "at_once", "failed"),
        )
        .order_by()
    )
    return {row[0]: _fact(*row[1:]) for row in rows}


def _fact(
    tenant: int,
    status: str,
    created_at: dt.datetime,
    submitted_at: dt.datetime | None,
    corrections: int,
    currency: str,
    total: Decimal,
    at_once: bool,
    failed: bool,
) -> Fact:
    state = STATES[status]
    exported_at = submitted_at if state == FactState.EXPORTED else None
    return Fact(
        tenant,
        state.value,
        day_of(created_at),
        day_of(exported_at) if exported_at else None,
        currency,
        total,
        bool(exported_at) and at_once and not corrections and not failed,
        bucket_of(exported_at - created_at) if exported_at else None,
    )


def day_of(moment: dt.datetime) -> dt.date:
    """The day in our time zone, whatever zone a reader has."""
    return timezone.localdate(moment, timezone.get_default_timezone())


def stored(export_pks: Collection[int]) -> dict[int, Fact]:
    """What the figures count these exports for. One query."""
    rows = ExportFact.objects.filter(pk__in=export_pks).values_list("pk", *FIELDS)
    return {row[0]: Fact(*row[1:]) for row in rows}


def contributions(facts: Iterable[Fact]) -> dict[Key, Figures]:
    """What facts add to the figures of each key."""
    found: dict[Key, Figures] = {}
    for fact in facts:
        for tenant in (fact.tenant, None):
            taken = found.setdefault((tenant, fact.taken_on, fact.currency), Counter())
            _add(taken, "taken", fact.total)
            if fact.state != FactState.EXPORTED:
                _add(taken, fact.state, fact.total)
            if fact.exported_on is not None:
                exported = found.setdefault((tenant, fact.exported_on, fact.currency), Counter())
                _add(exported, "exported", fact.total)
                exported[fact.bucket] += 1
                if fact.first_pass:
                    _add(exported, "first_pass", fact.total)
    return found


def _add(figures: Any, name: str, total: Decimal) -> None:
    figures[name] += 1
    figures[f"{name}_total"] += total
