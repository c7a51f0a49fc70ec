"""Makes a plan: what would become of each chosen export if it were sent again now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from integrations.enums import TenantState
from invoices import audit
from invoices.bulk import insert_each
from invoices.enums import AttemptOutcome, ExportStatus, ParkedReason
from invoices.models import InvoiceExport, SubmissionAttempt
from invoices.plan_models import BulkPlan, BulkPlanItem, ItemState, PlanPart

FROZEN_FOR = dt.timedelta(minutes=15)
_CHUNK = 1000
_PARTS = {
    ExportStatus.UNKNOWN: PlanPart.UNKNOWN,
    ExportStatus.QUEUED: PlanPart.UNDER_WAY,
    ExportStatus.SUBMITTING: PlanPart.UNDER_WAY,
    ExportStatus.SUBMITTED: PlanPart.DONE,
    ExportStatus.RECONCILED: PlanPart.DONE,
    ExportStatus.SKIPPED: PlanPart.SKIPPED,
}
#: What is executed; all else is left out and says why.
EXECUTED = (PlanPart.SUBMIT, PlanPart.LOOK)


def make(
    chosen: QuerySet[InvoiceExport], *, by: Any, filter_words: str, filter_url: str = ""
) -> BulkPlan:
    """Freeze `chosen` for `FROZEN_FOR`: nothing is queued yet. Memory is bounded: the exports are
    read and written in chunks."""
    summary: dict[str, list[Any]] = {}
    with transaction.atomic():
        plan = BulkPlan.objects.create(
            made_by=by,
            expires_at=timezone.now() + FROZEN_FOR,
            filter_words=filter_words[:1000],
            filter_url=filter_url[:2000],
        )
        for chunk in _chunks(chosen):
            rows = [_item(plan.pk, *values) for values in chunk]
            insert_each(BulkPlanItem, rows)
            for row in rows:
                counted = summary.setdefault(str(row["part"]), [0, Decimal(0)])
                counted[0] += 1
                counted[1] += row["euros"] or 0
        plan.summary = {
            part: {"count": count, "euros": str(euros)} for part, (count, euros) in summary.items()
        }
        # What it costs to make a plan of very many is not taken from the time to read it.
        plan.expires_at = timezone.now() + FROZEN_FOR
        plan.save(update_fields=["summary", "expires_at"])
        counts = {part: each["count"] for part, each in plan.summary.items()}
        audit.record("bulk.planned", by=by, data={"plan": plan.pk, "filter": filter_words} | counts)
    return plan


def _chunks(chosen: QuerySet[InvoiceExport]) -> Iterator[list[tuple[Any, ...]]]:
    """By primary key, so that no query stays open while rows are written."""
    lost = SubmissionAttempt.objects.filter(export=OuterRef("pk"), outcome=AttemptOutcome.UNKNOWN)
    rows = chosen.order_by("pk").annotate(lost=Exists(lost)).values_list(
        "pk", "status", "parked_reason", "changed_at", "remote_id", "look_first", "lost",
        "tenant__state", "invoice__currency", "invoice__gross_total",
    )  # fmt: skip
    last = 0
    while chunk := list(rows.filter(pk__gt=last)[:_CHUNK]):
        # A filter may join rows that name an export twice.
        yield list({row[0]: row for row in chunk}.values())
        last = chunk[-1][0]


def _item(
    plan_pk: int,
    pk: int,
    status: str,
    parked_reason: str,
    changed_at: dt.datetime,
    remote_id: int | None,
    look_first: bool,
    lost: bool,
    tenant_state: str,
    currency: str,
    total: Decimal,
) -> dict[str, Any]:
    if status in _PARTS:
        part = _PARTS[ExportStatus(status)]
    elif tenant_state != TenantState.ACTIVE:
        part = PlanPart.TENANT
    elif status == ExportStatus.PARKED and parked_reason == ParkedReason.CLOSED_PERIOD:
        part = PlanPart.PERIOD
    elif remote_id is not None or look_first or lost:
        part = PlanPart.LOOK
    else:
        part = PlanPart.SUBMIT
    return {
        "plan_id": plan_pk,
        "export_id": pk,
        "part": part,
        "state": ItemState.PENDING if part in EXECUTED else ItemState.LEFT_OUT,
        "status": status,
        "changed_at": changed_at,
        "euros": total if currency == "EUR" else None,
        "code": "",
        "field": "",
        "value": "",
    }
