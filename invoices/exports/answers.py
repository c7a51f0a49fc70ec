"""What each answer of Procountor, or its absence, means for an export."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import simplejson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations.procountor import ProcountorError, RemoteInvoice
from invoices import audit
from invoices.document import Problem
from invoices.enums import AttemptOutcome, AttentionReason, ExportStatus, ParkedReason
from invoices.exports.attempts import close, next_lookup
from invoices.exports.moves import change_status, needs_attention, park
from invoices.models import InvoiceExport, SubmissionAttempt

S = ExportStatus

_MAX_RESPONSE_CHARACTERS = 20_000
#: A person is asked after this many lost answers in a row that booked nothing: some contents
#: make Procountor answer 500 every time (REFERENCE section 13, long row texts).
_MAX_LOST_ATTEMPTS = 3


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
        return close(
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
        if attempt and not close(attempt, AttemptOutcome.NOT_SUBMITTED, **_evidence(error)):
            return False
        if export.retries >= len(schedule):
            problem = Problem("retries_exhausted", value=error.cause)
            return needs_attention(
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
        return close(attempt, AttemptOutcome.UNKNOWN, **_evidence(error)) and change_status(
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
        if not close(attempt, AttemptOutcome.REFUSED, **_evidence(error)):
            return False
        if "CLOSED_FISCAL_PERIOD" in codes:
            return park(export, ParkedReason.CLOSED_PERIOD, problems)
        return needs_attention(export, S.SUBMITTING, AttentionReason.REFUSED, problems)


def credential_refused(
    export: InvoiceExport, attempt: SubmissionAttempt | None, error: ProcountorError
) -> bool:
    """Key or rights refused: parked until a connection check passes."""
    rights = error.status == 403
    with transaction.atomic():
        if attempt and not close(attempt, AttemptOutcome.CREDENTIAL_REFUSED, **_evidence(error)):
            return False
        code = "rights_refused" if rights else "credential_refused"
        reason = ParkedReason.RIGHTS if rights else ParkedReason.CREDENTIAL
        return park(export, reason, [Problem(code)])


def cannot_be_mapped(export: InvoiceExport, problems: tuple[Problem, ...]) -> bool:
    """Claimed, but mapping found problems: nothing was or will be sent."""
    return needs_attention(export, S.SUBMITTING, AttentionReason.MAPPING, list(problems))


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
    return needs_attention(export, ExportStatus(export.status), reason, [problem])


def not_there(export: InvoiceExport) -> bool:
    """Looked for twice, apart in time, and not there: it may be submitted again, unless the
    same has happened too often for another try to be of any use."""
    lost = export.attempts.filter(
        outcome=AttemptOutcome.UNKNOWN, started_at__gte=export.queued_at or export.created_at
    )
    if lost.count() >= _MAX_LOST_ATTEMPTS:
        cause = lost.latest("number").cause
        problem = Problem("never_answered", value=cause, expected=str(_MAX_LOST_ATTEMPTS))
        return needs_attention(export, S.UNKNOWN, AttentionReason.RETRIES_EXHAUSTED, [problem])
    return change_status(export, S.UNKNOWN, S.QUEUED, not_before=timezone.now(), lookups=0)


def look_again(export: InvoiceExport, *, counted: bool) -> None:
    """Postpone the next look-up; `counted` when this one was answered and found nothing."""
    lookups = export.lookups + (1 if counted else 0)
    InvoiceExport.objects.filter(pk=export.pk, status=S.UNKNOWN).update(
        lookups=lookups, not_before=next_lookup(lookups), changed_at=timezone.now()
    )
    export.refresh_from_db()


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
