"""Makes a plan: what would become of each chosen export if it were sent again now."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator, Sequence
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
from invoices.plan_models import (
    BulkPlan,
    BulkPlanItem,
    ItemState,
    PlanChoice,
    PlanPart,
    PlanState,
)

FROZEN_FOR = dt.timedelta(minutes=15)
#: So many are looked at while a person waits for the page; also in one transaction.
AT_ONCE = 2000
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
    """Keep which exports were chosen, and make a plan of them; nothing is queued yet. Up to
    `AT_ONCE` are looked at here, and the plan comes back frozen; more are left to `go_on`."""
    with transaction.atomic():
        plan = BulkPlan.objects.create(
            state=PlanState.MAKING,
            made_by=by,
            expires_at=timezone.now(),
            filter_words=filter_words[:1000],
            filter_url=filter_url[:2000],
        )
        for keys in _keys(chosen):
            plan.chosen += len(keys)
            PlanChoice.objects.create(plan=plan, keys=keys)
        plan.save(update_fields=["chosen"])
        if plan.chosen <= AT_ONCE:
            go_on(plan.pk)
    plan.refresh_from_db()
    return plan


def _keys(chosen: QuerySet[InvoiceExport]) -> Iterator[list[int]]:
    """In parts, by primary key, so that no query stays open while rows are written."""
    rows = chosen.order_by("pk").values_list("pk", flat=True)
    part = list(rows[:AT_ONCE])
    while part:
        # A filter may join rows that name an export twice.
        yield list(dict.fromkeys(part))
        part = list(rows.filter(pk__gt=part[-1])[:AT_ONCE]) if len(part) == AT_ONCE else []


def go_on(pk: int, seconds: float = float("inf")) -> bool:
    """Look at what was chosen and not looked at yet, a part a transaction, and freeze the plan
    for `FROZEN_FOR` after the last. True when `seconds` are over before: there is more to do.
    Whoever comes after a worker that died goes on from its last part."""
    ends_at = time.monotonic() + seconds
    while _make_part(pk):
        if time.monotonic() >= ends_at:
            return True
    return False


def _make_part(pk: int) -> bool:
    with transaction.atomic():
        # Whoever else makes it waits here, and then finds the part gone.
        making = BulkPlan.objects.select_for_update().filter(pk=pk, state=PlanState.MAKING)
        plan = making.first()
        if plan is None:
            return False
        if part := plan.choices.first():
            _look_at(plan, part)
        if plan.choices.exists():
            return True
        _freeze(plan)
    return False


def _look_at(plan: BulkPlan, part: PlanChoice) -> None:
    rows = [_item(plan.pk, *values) for values in _rows(part.keys)]
    insert_each(BulkPlanItem, rows)
    part.delete()
    for row in rows:
        counted = plan.summary.setdefault(str(row["part"]), {"count": 0, "euros": "0"})
        counted["count"] += 1
        counted["euros"] = str(Decimal(counted["euros"]) + (row["euros"] or 0))
    plan.save(update_fields=["summary"])


def _freeze(plan: BulkPlan) -> None:
    """From now on: what it costs to make a plan of very many is not taken from the time to read
    it."""
    plan.state, plan.expires_at = PlanState.FROZEN, timezone.now() + FROZEN_FOR
    plan.save(update_fields=["state", "expires_at"])
    counts = {part: each["count"] for part, each in plan.summary.items()}
    facts = {"plan": plan.pk, "filter": plan.filter_words}
    audit.record("bulk.planned", by=plan.made_by, data=facts | counts)


def _rows(keys: Sequence[int]) -> Iterable[tuple[Any, ...]]:
    lost = SubmissionAttempt.objects.filter(export=OuterRef("pk"), outcome=AttemptOutcome.UNKNOWN)
    exports = InvoiceExport.objects.filter(pk__in=keys).order_by("pk")
    return exports.annotate(lost=Exists(lost)).values_list(
        "pk", "status", "parked_reason", "changed_at", "remote_id", "look_first", "lost",
        "tenant__state", "invoice__currency", "invoice__gross_total",
    )  # fmt: skip


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
