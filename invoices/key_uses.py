"""What was done with a tenant's keys, and what would be left undone without them: the answers to
`integrations`, which knows no exports."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from integrations.models import Tenant
from integrations.offboarding import OpenWork
from integrations.proof import EVENTS, Event, Evidence, Use
from integrations.signals import evidence_asked, open_work_asked
from invoices.correction_models import EnteredByHand
from invoices.engine import lanes
from invoices.enums import ExportStatus, StepStatus
from invoices.ledger_models import LedgerRead
from invoices.models import AuditEvent, InvoiceExport, Lane, LookUp, SubmissionAttempt
from invoices.step_models import ExportStep, StepAttempt

_READ_BACK = ("export.reconciled", "export.differs")


def listen() -> None:
    open_work_asked.connect(_on_open_work, dispatch_uid="invoices.open_work")
    evidence_asked.connect(_on_evidence, dispatch_uid="invoices.evidence")


def open_work(tenant: Tenant, *, lock: bool = False) -> OpenWork:
    """Exports and steps that are not finished, counted. A worker that holds the lane counts as a
    request under way: what it has found due and not claimed yet is no row. With `lock`, nobody
    takes the lane before the transaction's end."""
    held = _lane_is_held(tenant, lock)
    exports = _counted(InvoiceExport.objects.filter(tenant=tenant))
    steps = _counted(ExportStep.objects.filter(tenant=tenant))
    waiting = (StepStatus.WAITING, StepStatus.NEEDS_ATTENTION)
    return OpenWork(
        queued=exports.get(ExportStatus.QUEUED, 0),
        needs_attention=exports.get(ExportStatus.NEEDS_ATTENTION, 0),
        parked=exports.get(ExportStatus.PARKED, 0),
        drafts=exports.get(ExportStatus.DRAFT, 0),
        steps_waiting=sum(steps.get(status, 0) for status in waiting),
        # At least the worker; what it has under way is told by number.
        in_flight=max(
            held, exports.get(ExportStatus.SUBMITTING, 0) + steps.get(StepStatus.RUNNING, 0)
        ),
        in_doubt=exports.get(ExportStatus.UNKNOWN, 0) + steps.get(StepStatus.UNKNOWN, 0),
        unread=exports.get(ExportStatus.SUBMITTED, 0),
    )


def _lane_is_held(tenant: Tenant, lock: bool) -> bool:
    rows = Lane.objects.filter(pk=tenant.pk)
    if lock:
        Lane.objects.get_or_create(tenant=tenant)
        rows = rows.select_for_update()
    now = timezone.now()
    leases = rows.values_list("lease_until", flat=True)
    # A lease further off than any was written by a clock that has been put right since.
    return any(until and now < until <= now + lanes.lease() for until in leases)


def _counted(rows: QuerySet[Any]) -> dict[str, int]:
    return dict(rows.order_by().values_list("status").annotate(Count("pk")))


def evidence(tenant: Tenant, after: dt.datetime | None) -> Evidence:
    """Newest use of each kind, uses `after` a moment, what was exported, and the events of the
    audit trail that tell of the connection's beginning and end."""
    attempts = SubmissionAttempt.objects.filter(export__tenant=tenant)
    by_key = attempts.order_by().values_list("key_fingerprint").annotate(Max("started_at"))
    audited = AuditEvent.objects.filter(tenant=tenant)
    exported = InvoiceExport.objects.filter(
        tenant=tenant, status__in=(ExportStatus.SUBMITTED, ExportStatus.RECONCILED)
    ).aggregate(count=Count("pk"), first=Min("submitted_at"), last=Max("submitted_at"))
    events = audited.filter(action__in=EVENTS).order_by("pk")
    return Evidence(
        uses=(
            _use("submit", attempts, "started_at", after)._replace(by_key=dict(by_key)),
            _use("step", StepAttempt.objects.filter(step__tenant=tenant), "started_at", after),
            _use("look_up", LookUp.objects.filter(export__tenant=tenant), "asked_at", after),
            _use("look_up", _looked_up_by_hand(tenant), "finished_at", after),
            _use("ledger", LedgerRead.objects.filter(tenant=tenant), "asked_at", after),
            _use("read_back", audited.filter(action__in=_READ_BACK), "at", after),
        ),
        exported=exported["count"],
        first_at=exported["first"],
        last_at=exported["last"],
        events=tuple(Event(*row) for row in events.values_list("pk", "at", "action")),
    )


def _looked_up_by_hand(tenant: Tenant) -> QuerySet[EnteredByHand]:
    """Numbers that people gave and Procountor was asked about."""
    asked = EnteredByHand.objects.filter(export__tenant=tenant, finished_at__isnull=False)
    return asked.exclude(cause__in=("credential_missing", "key_unreadable"))


def _use(kind: str, rows: QuerySet[Any], moment: str, after: dt.datetime | None) -> Use:
    later = Q(**{f"{moment}__gt": after}) if after else Q(pk=None)
    found = rows.order_by().aggregate(last=Max(moment), after=Count("pk", filter=later))
    return Use(kind, found["last"], found["after"])


def _on_open_work(sender: Any, tenant: Tenant, lock: bool, **kwargs: Any) -> OpenWork:
    return open_work(tenant, lock=lock)


def _on_evidence(sender: Any, tenant: Tenant, after: dt.datetime | None, **kwargs: Any) -> Evidence:
    return evidence(tenant, after)
