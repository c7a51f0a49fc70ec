"""The life of an export: the only module that writes its status and its attempts.

Every move is a conditional UPDATE along ALLOWED_MOVES, in one transaction with its audit
event. An attempt is committed before its request leaves and closed once. What happens between
two moves (requests, look-ups) belongs to `engine` and `reconciliation`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import secrets
import uuid
from typing import Any

import simplejson
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.models import Credential, Tenant
from integrations.procountor import ProcountorError, RemoteInvoice
from invoices import audit
from invoices.document import Problem
from invoices.enums import (
    AttemptOutcome,
    AttemptTrigger,
    AttentionReason,
    ExportStatus,
    ParkedReason,
)
from invoices.mapping import MAPPING_VERSION
from invoices.models import Invoice, InvoiceExport, SubmissionAttempt

S = ExportStatus
ALLOWED_MOVES: dict[ExportStatus, frozenset[ExportStatus]] = {
    S.DRAFT: frozenset({S.QUEUED, S.NEEDS_ATTENTION, S.SKIPPED}),
    S.QUEUED: frozenset({S.SUBMITTING, S.PARKED, S.SKIPPED}),
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
SKIPPABLE = tuple(old for old, news in ALLOWED_MOVES.items() if S.SKIPPED in news)

_MAX_RESPONSE_CHARACTERS = 20_000
#: A person is asked after this many lost answers in a row that booked nothing: some contents
#: make Procountor answer 500 every time (REFERENCE section 13, long row texts).
_MAX_LOST_ATTEMPTS = 3


class ClaimLost(Exception):
    """The claim's lease ran out and the sweeper took the export: its holder must not POST."""


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
    cleared: dict[str, Any] = {
        "attention_reason": "",
        "parked_reason": "",
        "problems": [],
        "not_before": None,
        "changed_at": timezone.now(),
    }
    with transaction.atomic():
        if not rows.update(status=new, **(cleared | fields)):
            return False
        facts: dict[str, Any] = {"from": str(old)} | (note or {})
        facts |= {
            name: str(fields[name])
            for name in ("attention_reason", "parked_reason")
            if name in fields
        }
        if fields.get("problems"):
            facts["codes"] = [problem["code"] for problem in fields["problems"]]
        audit.record(f"export.{new}", export=export, by=by, data=facts)
    export.refresh_from_db()
    return True


def create(invoice: Invoice, *, by: User | None, warnings: list[Any]) -> InvoiceExport:
    """The intention to export `invoice`, as a draft that nobody submits yet."""
    with transaction.atomic():
        export = InvoiceExport.objects.create(
            invoice=invoice, tenant_id=invoice.tenant_id, warnings=warnings
        )
        audit.record("export.created", export=export, by=by)
    return export


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


def skip(export: InvoiceExport, *, by: User, reason: str) -> bool:
    """Decide that this invoice is not exported. False when it is in flight or done."""
    old = ExportStatus(export.status)
    if old not in SKIPPABLE:
        return False
    return change_status(
        export, old, S.SKIPPED, by=by, note={"reason": reason}, trigger_reason=reason[:500]
    )


def hold_for_attention(export: InvoiceExport, problems: tuple[Problem, ...]) -> bool:
    """A draft that cannot be mapped waits for a person instead of being queued."""
    return change_status(
        export,
        S.DRAFT,
        S.NEEDS_ATTENTION,
        attention_reason=AttentionReason.MAPPING,
        problems=[problem.as_json() for problem in problems],
    )


def release_parked(tenant: Tenant, reason: ParkedReason, **invoice_filter: Any) -> int:
    """Queue what was parked for `reason`; returns how many."""
    parked = InvoiceExport.objects.filter(
        tenant=tenant, status=S.PARKED, parked_reason=reason, **invoice_filter
    )
    released = 0
    for export in parked.iterator():
        now = timezone.now()
        released += change_status(
            export, S.PARKED, S.QUEUED, not_before=now, queued_at=now, retries=0, lookups=0
        )
    return released


# --- claims and attempts ----------------------------------------------------------------------


def claim_next(tenant: Tenant) -> InvoiceExport | None:
    """Take the tenant's next due export: QUEUED becomes SUBMITTING under a lease of ours."""
    while True:
        due = (
            InvoiceExport.objects.filter(
                tenant=tenant, status=S.QUEUED, not_before__lte=timezone.now()
            )
            .order_by("not_before", "pk")
            .first()
        )
        if due is None:
            return None
        # change_status clears `claim` only when leaving SUBMITTING, so both are set here.
        if change_status(
            due, S.QUEUED, S.SUBMITTING, claim=secrets.token_hex(16), lease_until=_lease()
        ):
            return InvoiceExport.objects.select_related("invoice", "tenant").get(pk=due.pk)


def open_attempt(export: InvoiceExport, body: bytes, credential: Credential) -> SubmissionAttempt:
    """Commit the row of one POST before it leaves. Raises ClaimLost when it must not leave.

    The export's lease is renewed in the same transaction, so a worker that was stopped for
    longer than its lease finds out here and not in Procountor's books.
    """
    with transaction.atomic():
        if not InvoiceExport.objects.filter(
            pk=export.pk, status=S.SUBMITTING, claim=export.claim
        ).update(lease_until=_lease()):
            raise ClaimLost(f"export {export.pk}")
        return SubmissionAttempt.objects.create(
            export=export,
            number=export.attempts.count() + 1,
            trigger=AttemptTrigger.PERSON if export.triggered_by_id else AttemptTrigger.AUTOMATIC,
            triggered_by_id=export.triggered_by_id,
            reason=export.trigger_reason,
            correlation_id=uuid.uuid4(),
            key_fingerprint=credential.short_fingerprint,
            mapping_version=MAPPING_VERSION,
            software_version=settings.SOFTWARE_VERSION,
            started_at=timezone.now(),
            request_body=body.decode(),
            request_sha256=hashlib.sha256(body).hexdigest(),
        )


def _close(attempt: SubmissionAttempt, outcome: AttemptOutcome, **fields: Any) -> bool:
    """Close an attempt once. False when the sweeper closed it first; the late answer is then
    kept in the audit trail, and the look-up decides."""
    closed = SubmissionAttempt.objects.filter(pk=attempt.pk, finished_at__isnull=True).update(
        finished_at=timezone.now(), outcome=outcome, **fields
    )
    if not closed:
        audit.record(
            "attempt.late_answer",
            export=attempt.export,
            data={
                "attempt": attempt.number,
                "outcome": str(outcome),
                "http_status": fields.get("http_status"),
                "cause": fields.get("cause", ""),
            },
        )
    return bool(closed)


def _evidence(error: ProcountorError) -> dict[str, Any]:
    return {
        "cause": error.cause[:40],
        "http_status": error.status,
        "response_body": error.body[:_MAX_RESPONSE_CHARACTERS],
        "errors": [
            {"status": item.status, "field": item.field, "message": item.message}
            for item in error.errors
        ],
    }


def accepted(export: InvoiceExport, attempt: SubmissionAttempt, created: RemoteInvoice) -> bool:
    """200 with an id: SUBMITTED."""
    with transaction.atomic():
        return _close(
            attempt,
            AttemptOutcome.ACCEPTED,
            http_status=200,
            response_body=simplejson.dumps(created.raw, use_decimal=True)[
                :_MAX_RESPONSE_CHARACTERS
            ],
        ) and change_status(
            export,
            S.SUBMITTING,
            S.SUBMITTED,
            submitted_at=timezone.now(),
            note={"remote_id": created.id},
            **remote_facts(created),
        )


def remote_facts(remote: RemoteInvoice) -> dict[str, Any]:
    """Procountor's own words for the export's columns."""
    return {
        "remote_id": remote.id,
        "remote_number": str(remote.invoice_number or ""),
        "remote_status": remote.status,
        "remote_total": remote.gross_total,
    }


def not_submitted(
    export: InvoiceExport, attempt: SubmissionAttempt | None, error: ProcountorError
) -> bool:
    """Certainly not processed: back to the queue by the retry schedule, or, at its end, to a
    person. `attempt` is None when the failure came before any POST (the access token)."""
    schedule = settings.EXPORT_RETRY_SECONDS
    with transaction.atomic():
        if attempt and not _close(attempt, AttemptOutcome.NOT_SUBMITTED, **_evidence(error)):
            return False
        if export.retries >= len(schedule):
            problem = Problem("retries_exhausted", value=error.cause)
            return _needs_attention(
                export, S.SUBMITTING, AttentionReason.RETRIES_EXHAUSTED, [problem]
            )
        wait_seconds = max(
            schedule[export.retries] * random.uniform(0.9, 1.1), error.retry_after_seconds or 0
        )
        return change_status(
            export,
            S.SUBMITTING,
            S.QUEUED,
            not_before=timezone.now() + dt.timedelta(seconds=wait_seconds),
            retries=export.retries + 1,
            problems=[Problem("not_reached", value=error.cause).as_json()],
        )


def unknown(export: InvoiceExport, attempt: SubmissionAttempt, error: ProcountorError) -> bool:
    """No clear answer: nobody POSTs again before Procountor has been asked."""
    with transaction.atomic():
        return _close(attempt, AttemptOutcome.UNKNOWN, **_evidence(error)) and change_status(
            export,
            S.SUBMITTING,
            S.UNKNOWN,
            not_before=next_lookup(0),
            lookups=0,
            problems=[Problem("no_answer", value=error.cause).as_json()],
        )


def refused(export: InvoiceExport, attempt: SubmissionAttempt, error: ProcountorError) -> bool:
    """Refused as it is: a person must change the data, or a period must open."""
    codes = {item.message for item in error.errors}
    problems = [Problem(item.message[:200], place=item.field or "") for item in error.errors] or [
        Problem("refused", value=str(error.status or error.cause))
    ]
    with transaction.atomic():
        if not _close(attempt, AttemptOutcome.REFUSED, **_evidence(error)):
            return False
        if "CLOSED_FISCAL_PERIOD" in codes:
            return park(export, ParkedReason.CLOSED_PERIOD, problems)
        return _needs_attention(export, S.SUBMITTING, AttentionReason.REFUSED, problems)


def credential_refused(
    export: InvoiceExport, attempt: SubmissionAttempt | None, error: ProcountorError
) -> bool:
    """Key or rights refused: parked until a connection check passes."""
    rights = error.status == 403
    with transaction.atomic():
        if attempt and not _close(attempt, AttemptOutcome.CREDENTIAL_REFUSED, **_evidence(error)):
            return False
        code = "rights_refused" if rights else "credential_refused"
        reason = ParkedReason.RIGHTS if rights else ParkedReason.CREDENTIAL
        return park(export, reason, [Problem(code)])


def park(export: InvoiceExport, reason: ParkedReason, problems: list[Problem]) -> bool:
    """Claimed, but waiting for something outside: no retry until it is released."""
    return change_status(
        export,
        S.SUBMITTING,
        S.PARKED,
        parked_reason=reason,
        problems=[problem.as_json() for problem in problems],
    )


def cannot_be_mapped(export: InvoiceExport, problems: tuple[Problem, ...]) -> bool:
    """Claimed, but mapping found problems: nothing was or will be sent."""
    return _needs_attention(export, S.SUBMITTING, AttentionReason.MAPPING, list(problems))


def adopt(export: InvoiceExport, found: RemoteInvoice) -> bool:
    """A look-up found this very invoice: it is submitted, whoever's answer was lost."""
    return change_status(
        export,
        ExportStatus(export.status),
        S.SUBMITTED,
        submitted_at=timezone.now(),
        note={"adopted": True, "remote_id": found.id},
        **remote_facts(found),
    )


def conflict(export: InvoiceExport, reason: AttentionReason, problem: Problem) -> bool:
    """A look-up found something that a person must judge, or nothing it could vouch for."""
    return _needs_attention(export, ExportStatus(export.status), reason, [problem])


def not_there(export: InvoiceExport) -> bool:
    """Looked for twice, apart in time, and not there: it may be submitted again, unless the
    same has happened too often for another try to be of any use."""
    lost = export.attempts.filter(
        outcome=AttemptOutcome.UNKNOWN, started_at__gte=export.queued_at or export.created_at
    )
    if lost.count() >= _MAX_LOST_ATTEMPTS:
        cause = lost.latest("number").cause
        problem = Problem("never_answered", value=cause, expected=str(_MAX_LOST_ATTEMPTS))
        return _needs_attention(export, S.UNKNOWN, AttentionReason.RETRIES_EXHAUSTED, [problem])
    return change_status(export, S.UNKNOWN, S.QUEUED, not_before=timezone.now(), lookups=0)


def look_again(export: InvoiceExport, *, counted: bool) -> None:
    """Postpone the next look-up; `counted` when this one was answered and found nothing."""
    lookups = export.lookups + (1 if counted else 0)
    InvoiceExport.objects.filter(pk=export.pk, status=S.UNKNOWN).update(
        lookups=lookups, not_before=next_lookup(lookups), changed_at=timezone.now()
    )
    export.refresh_from_db()


def next_lookup(lookups: int) -> dt.datetime:
    """When to look for a lost answer the next time."""
    delays = settings.EXPORT_LOOKUP_SECONDS
    return timezone.now() + dt.timedelta(seconds=delays[min(lookups, len(delays) - 1)])


def read_back(export: InvoiceExport, remote: RemoteInvoice, problems: list[Problem]) -> bool:
    """Procountor's own copy was read: RECONCILED when it is ours, else its problems are kept
    on the SUBMITTED export, which is never submitted again."""
    facts = remote_facts(remote)
    if not problems:
        return change_status(export, S.SUBMITTED, S.RECONCILED, **facts)
    stored = [problem.as_json() for problem in problems]
    with transaction.atomic():
        changed = InvoiceExport.objects.filter(pk=export.pk, status=S.SUBMITTED).update(
            problems=stored, **facts
        )
        if changed and export.problems != stored:
            audit.record(
                "export.differs", export=export, data={"codes": [p.code for p in problems]}
            )
    return False


def _needs_attention(
    export: InvoiceExport, old: ExportStatus, reason: AttentionReason, problems: list[Problem]
) -> bool:
    return change_status(
        export,
        old,
        S.NEEDS_ATTENTION,
        attention_reason=reason,
        problems=[problem.as_json() for problem in problems],
    )


def expire_leases() -> int:
    """Whatever a dead worker held becomes UNKNOWN; returns how many did."""
    expired, now = 0, timezone.now()
    for export in InvoiceExport.objects.filter(status=S.SUBMITTING, lease_until__lt=now):
        with transaction.atomic():
            if not change_status(
                export,
                S.SUBMITTING,
                S.UNKNOWN,
                lease_before=now,
                not_before=next_lookup(0),
                lookups=0,
                problems=[Problem("crashed").as_json()],
            ):
                continue
            for attempt in export.attempts.filter(finished_at__isnull=True):
                _close(attempt, AttemptOutcome.UNKNOWN, cause="crashed")
            expired += 1
    return expired


def _lease() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=settings.EXPORT_LEASE_SECONDS)
