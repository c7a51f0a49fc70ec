"""What one export counts for, said by the database. Reads; changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)

from invoices.cause_models import ExportCause
from invoices.enums import AttemptOutcome, ExportStatus
from invoices.models import InvoiceExport, SubmissionAttempt
from invoices.report_models import ExportFact, FactState
from invoices.reports.moments import Bucket, LocalDay

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
_EXPORTED = Q(
    status__in=[status for status, state in STATES.items() if state == FactState.EXPORTED],
    submitted_at__isnull=False,
)
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


#: The columns by which a fact is written and read.
FIELDS = ("pk", "tenant_id", *Fact._fields[1:])


def described(exports: QuerySet[InvoiceExport]) -> Any:
    """A row of FIELDS for each of the exports, as it is now."""
    return (
        exports.order_by()
        .annotate(
            state=Case(*(When(status=status, then=Value(to)) for status, to in STATES.items())),
            taken_on=LocalDay("created_at"),
            exported_on=Case(When(_EXPORTED, then=LocalDay("submitted_at"))),
            currency=F("invoice__currency"),
            total=F("invoice__gross_total"),
            first_pass=ExpressionWrapper(
                _EXPORTED & Q(corrections=0) & Exists(_ACCEPTED_AT_ONCE) & ~Exists(_EVER_FAILED),
                BooleanField(),
            ),
            bucket=Case(When(_EXPORTED, then=Bucket("created_at", "submitted_at"))),
        )
        .values_list(*FIELDS)
    )


def present(export_pks: Collection[int]) -> dict[int, Fact]:
    """What these exports count for as they are now. One query."""
    return _facts(described(InvoiceExport.objects.filter(pk__in=export_pks)))


def stored(export_pks: Collection[int]) -> dict[int, Fact]:
    """What the figures count these exports for. One query."""
    return _facts(ExportFact.objects.filter(pk__in=export_pks).values_list(*FIELDS))


def _facts(rows: Any) -> dict[int, Fact]:
    return {pk: Fact(*fact) for pk, *fact in rows}
