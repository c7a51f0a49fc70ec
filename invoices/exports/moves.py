"""The table of moves, and the one place that changes a status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.bulk import update_each
from invoices.correction_models import EnteredByHand
from invoices.document import Problem
from invoices.enums import AttentionReason, ExportStatus, ParkedReason
from invoices.exports import causes
from invoices.models import InvoiceExport, PreparedPayload

S = ExportStatus
ALLOWED_MOVES: dict[ExportStatus, frozenset[ExportStatus]] = {
    S.DRAFT: frozenset({S.QUEUED, S.NEEDS_ATTENTION, S.SKIPPED}),
    # QUEUED to UNKNOWN only after a restored backup: it may have been submitted since.
    S.QUEUED: frozenset({S.SUBMITTING, S.PARKED, S.SKIPPED, S.UNKNOWN}),
    S.SUBMITTING: frozenset({S.SUBMITTED, S.QUEUED, S.NEEDS_ATTENTION, S.PARKED, S.UNKNOWN}),
    S.SUBMITTED: frozenset({S.RECONCILED}),
    S.RECONCILED: frozenset(),
    S.NEEDS_ATTENTION: frozenset({S.QUEUED, S.SKIPPED}),
    S.PARKED: frozenset({S.QUEUED, S.SKIPPED}),
    S.UNKNOWN: frozenset({S.SUBMITTED, S.NEEDS_ATTENTION, S.QUEUED, S.SKIPPED}),
    S.SKIPPED: frozenset(),
}
#: States from which a person may queue again. Not UNKNOWN: that is settled by asking Procountor.
QUEUEABLE = (S.DRAFT, S.NEEDS_ATTENTION, S.PARKED)
_OPEN_ENTRY = EnteredByHand.objects.filter(export=OuterRef("pk"), finished_at=None)
SKIPPABLE = tuple(old for old, news in ALLOWED_MOVES.items() if S.SKIPPED in news)


def change_status(
    export: InvoiceExport,
    old: ExportStatus,
    new: ExportStatus,
    *,
    by: User | None = None,
    note: dict[str, Any] | None = None,
    lease_before: dt.datetime | None = None,
    **fields: Any,
) -> bool:
    """Move `export` from `old` to `new` and record it, in one transaction.

    While SUBMITTING only the holder of the claim moves it (`export.claim` is part of the
    condition), or, with `lease_before`, the sweeper when the lease ended before that. Returns
    False, having changed nothing, if the row has moved on: another worker, or a redelivered
    task, got there first. Raises ValueError for a move that ALLOWED_MOVES does not list.
    """
    if new not in ALLOWED_MOVES[old]:
        raise ValueError(f"{old} -> {new} is not an allowed move of an export")
    rows = InvoiceExport.objects.filter(pk=export.pk, status=old)
    if old == S.SUBMITTING:
        rows = rows.filter(claim=export.claim)
        if lease_before:
            rows = rows.filter(lease_until__lt=lease_before)
        fields = {"claim": "", "lease_until": None} | fields
    if new == S.QUEUED and old in QUEUEABLE:
        # Somebody says that it was entered by hand: not before that has been looked up.
        rows = rows.exclude(Exists(_OPEN_ENTRY))
    with transaction.atomic():
        if not rows.update(status=new, **(_cleared() | fields)):
            return False
        audit.record(
            f"export.{new}", export=export, by=by, data=facts_of_move(old, fields) | (note or {})
        )
        if old in causes.FAILED:
            causes.end([export.pk])
        if new in causes.FAILED:
            causes.begin(export.pk, export.invoice_id, export.tenant_id, fields)
    export.refresh_from_db()
    return True


def change_statuses(
    exports: Sequence[InvoiceExport],
    old: ExportStatus,
    new: ExportStatus,
    *,
    each: Mapping[int, Mapping[str, Any]] | None = None,
    notes: Mapping[int, Mapping[str, Any]] | None = None,
    by: User | None = None,
    unchanged: bool = False,
    **fields: Any,
) -> list[InvoiceExport]:
    """Move many at once, as `change_status` moves one; returns those that moved.

    `each` has the new values of every export's own fields, `notes` the facts for its audit
    event, by primary key. With `unchanged` only those whose last change is still the one known
    here. One UPDATE and one INSERT, in one transaction.
    """
    if new not in ALLOWED_MOVES[old]:
        raise ValueError(f"{old} -> {new} is not an allowed move of an export")
    own = each or {}
    # What was mapped before a correction is not what may be claimed after it.
    match = ("claim",) if old == S.SUBMITTING else ("corrections",) if new == S.SUBMITTING else ()
    if unchanged:
        match = (*match, "changed_at")
    rows = [
        {
            "pk": export.pk,
            **{name: getattr(export, name) for name in match},
            **own.get(export.pk, {}),
        }
        for export in exports
    ]
    if old == S.SUBMITTING:
        fields = {"claim": "", "lease_until": None} | fields
    values = {"status": new} | _cleared() | fields
    with transaction.atomic(savepoint=False):
        changed = update_each(
            InvoiceExport, rows, match=match, where={"status": old}, values=values
        )
        moved = [export for export in exports if export.pk in changed]
        facts = facts_of_move(old, fields)
        audit.record_each(
            f"export.{new}", {e: facts | dict((notes or {}).get(e.pk, {})) for e in moved}, by=by
        )
        if old in causes.FAILED and moved:
            causes.end([export.pk for export in moved])
        if new in causes.FAILED:
            for export in moved:
                causes.begin(export.pk, export.invoice_id, export.tenant_id, fields)
    for export in moved:
        for name, value in (values | dict(own.get(export.pk, {}))).items():
            setattr(export, name, value)
    return moved


def _cleared() -> dict[str, Any]:
    """What every move sets unless it says otherwise."""
    return {
        "attention_reason": "",
        "parked_reason": "",
        "problems": [],
        "not_before": None,
        "changed_at": timezone.now(),
    }


def facts_of_move(old: ExportStatus, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit event of a move says, besides its name."""
    facts: dict[str, Any] = {"from": str(old)}
    facts |= {
        name: str(fields[name]) for name in ("attention_reason", "parked_reason") if name in fields
    }
    if fields.get("problems"):
        facts["codes"] = [problem["code"] for problem in fields["problems"]]
    return facts


def queue(export: InvoiceExport, *, by: User | None = None, reason: str = "") -> bool:
    """Queue a draft, or queue again what needed attention or was parked. False when its status
    does not allow that (any more)."""
    old = ExportStatus(export.status)
    if old not in QUEUEABLE:
        return False
    now = timezone.now()
    return change_status(
        export,
        old,
        S.QUEUED,
        by=by,
        note={"reason": reason} if reason else None,
        not_before=now,
        queued_at=now,
        triggered_by_id=by.pk if by else None,
        trigger_reason=reason[:500],
        retries=0,
        lookups=0,
    )


def queue_unchanged(
    exports: Sequence[InvoiceExport], *, by: User, reason: str, note: Mapping[str, Any]
) -> list[InvoiceExport]:
    """Queue many as `queue` does one, but only those whose status and last change are still what
    is known here; returns those. `note` is a fact for each one's audit event."""
    # Whoever says that one was entered by hand waits for its row, or was here before.
    locked = InvoiceExport.objects.select_for_update().order_by("pk")
    rows = locked.filter(pk__in=[export.pk for export in exports]).exclude(Exists(_OPEN_ENTRY))
    with transaction.atomic():
        free = set(rows.values_list("pk", flat=True))
        fit = [export for export in exports if export.pk in free]
        return _queue_unchanged(fit, by=by, reason=reason, note=note)


def _queue_unchanged(
    exports: Sequence[InvoiceExport], *, by: User, reason: str, note: Mapping[str, Any]
) -> list[InvoiceExport]:
    now = timezone.now()
    moved: list[InvoiceExport] = []
    for old in QUEUEABLE:
        chosen = [export for export in exports if export.status == old]
        moved += change_statuses(
            chosen,
            old,
            S.QUEUED,
            by=by,
            unchanged=True,
            notes={export.pk: {"reason": reason, **note} for export in chosen},
            not_before=now,
            queued_at=now,
            triggered_by_id=by.pk,
            trigger_reason=reason[:500],
            retries=0,
            lookups=0,
        )
    return moved


def hold_back(exports: Sequence[InvoiceExport], *, by: User | None) -> list[InvoiceExport]:
    """Take what nobody has taken up yet out of the queue: parked until a person goes on with it.
    Returns those held."""
    return change_statuses(
        exports,
        S.QUEUED,
        S.PARKED,
        by=by,
        parked_reason=ParkedReason.PERSON,
        problems=[Problem("bulk_stopped").as_json()],
    )


def skip(export: InvoiceExport, *, by: User, reason: str) -> bool:
    """Decide that this invoice is not exported. False when it is in flight or done."""
    old = ExportStatus(export.status)
    if old not in SKIPPABLE:
        return False
    with transaction.atomic():
        skipped = change_status(
            export, old, S.SKIPPED, by=by, note={"reason": reason}, trigger_reason=reason[:500]
        )
        if skipped:
            PreparedPayload.objects.filter(pk=export.pk).delete()
    return skipped


def park(export: InvoiceExport, reason: ParkedReason, problems: list[Problem]) -> bool:
    """Claimed, but waiting for something outside: no retry until it is released."""
    return change_status(
        export,
        S.SUBMITTING,
        S.PARKED,
        parked_reason=reason,
        problems=[problem.as_json() for problem in problems],
    )


def needs_attention(
    export: InvoiceExport, old: ExportStatus, reason: AttentionReason, problems: list[Problem]
) -> bool:
    return change_status(
        export,
        old,
        S.NEEDS_ATTENTION,
        attention_reason=reason,
        problems=[problem.as_json() for problem in problems],
    )


def release_parked(tenant: Tenant, reason: ParkedReason, *conditions: Q) -> int:
    """Queue what was parked for `reason`; returns how many."""
    parked = InvoiceExport.objects.filter(
        *conditions, tenant=tenant, status=S.PARKED, parked_reason=reason
    )
    released = 0
    for export in parked.iterator():
        now = timezone.now()
        released += change_status(
            export, S.PARKED, S.QUEUED, not_before=now, queued_at=now, retries=0, lookups=0
        )
    return released
