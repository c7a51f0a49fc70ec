"""What each answer of Procountor, or its absence, means for an export."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.procountor import CreatedInvoice, ProcountorError, RemoteInvoice
from invoices import audit
from invoices.bulk import update_each
from invoices.document import Problem
from invoices.enums import AttemptOutcome, AttentionReason, ExportStatus, ParkedReason
from invoices.exports.attempts import answered_late, close, next_lookup
from invoices.exports.moves import (
    QUEUEABLE,
    change_status,
    change_statuses,
    needs_attention,
    park,
)
from invoices.models import InvoiceExport, PreparedPayload, SubmissionAttempt
from invoices.problems import sent_value

S = ExportStatus

_MAX_RESPONSE_CHARACTERS = 20_000
#: A person is asked after this many lost answers in a row that booked nothing: some contents
#: make Procountor answer 500 every time (REFERENCE section 13, long row texts).
_MAX_LOST_ATTEMPTS = 3
#: An export, its attempt, and what Procountor answered.
Accepted = tuple[InvoiceExport, SubmissionAttempt, CreatedInvoice]


def evidence_of(error: ProcountorError) -> dict[str, Any]:
    return {
        "cause": error.cause[:40],
        "http_status": error.status,
        "response_body": error.body[:_MAX_RESPONSE_CHARACTERS],
        "errors": [
            {"status": item.status, "field": item.field, "message": item.message}
            for item in error.errors
        ],
    }


def accepted(created: Sequence[Accepted]) -> list[InvoiceExport]:
    """200 with an id, for many at once: SUBMITTED, and due to be read back. Returns those moved;
    the answers of the others came after their claim had been lost."""
    now = timezone.now()
    rows = [
        {
            "pk": attempt.pk,
            "response_body": invoice.answered[:_MAX_RESPONSE_CHARACTERS],
        }
        for _export, attempt, invoice in created
    ]
    with transaction.atomic():
        closed = update_each(
            SubmissionAttempt,
            rows,
            match=(),
            where={"finished_at": None},
            values={"finished_at": now, "outcome": AttemptOutcome.ACCEPTED, "http_status": 200},
        )
        facts = {export.pk: remote_facts(invoice) for export, _attempt, invoice in created}
        moved = change_statuses(
            [export for export, attempt, _invoice in created if attempt.pk in closed],
            S.SUBMITTING,
            S.SUBMITTED,
            each=facts,
            notes={pk: {"remote_id": fact["remote_id"]} for pk, fact in facts.items()},
            submitted_at=now,
            not_before=now,
            lookups=0,
        )
    for _export, attempt, invoice in created:
        if attempt.pk not in closed and not _was_accepted(attempt, invoice):
            answered_late(attempt, AttemptOutcome.ACCEPTED, 200, "")
    return moved


def _was_accepted(attempt: SubmissionAttempt, invoice: RemoteInvoice) -> bool:
    """Whether this very answer is stored already: its commit went through unheard."""
    return InvoiceExport.objects.filter(
        pk=attempt.export_id, remote_id=invoice.id, attempts=attempt.pk
    ).exists()


def remote_facts(remote: RemoteInvoice) -> dict[str, Any]:
    """Procountor's own words for the export's columns."""
    return {
        "remote_id": remote.id,
        "remote_number": str(remote.invoice_number or ""),
        "remote_status": remote.status,
        "remote_total": remote.gross_total,
    }


def seen(statuses: Mapping[str, Collection[int]]) -> None:
    """Procountor's own status as it was read again, with the primary keys of the exports that
    have it. Nothing else of them changes."""
    for status, pks in statuses.items():
        there = InvoiceExport.objects.filter(pk__in=pks, remote_id__isnull=False)
        there.exclude(remote_status=status[:40]).update(remote_status=status[:40])


def not_submitted(
    export: InvoiceExport, attempt: SubmissionAttempt | None, error: ProcountorError
) -> bool:
    """Certainly not processed: back to the queue by the retry schedule, or, at its end, to a
    person. `attempt` is None when the failure came before any POST (the access token)."""
    schedule = settings.EXPORT_RETRY_SECONDS
    with transaction.atomic():
        if attempt and not close(attempt, AttemptOutcome.NOT_SUBMITTED, **evidence_of(error)):
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
        return close(attempt, AttemptOutcome.UNKNOWN, **evidence_of(error)) and change_status(
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
    problems = [
        Problem(
            item.message[:200],
            place=item.field,
            value=sent_value(item.message, item.field, attempt.request_body),
        )
        for item in error.errors
    ] or [Problem("refused", value=str(error.status or error.cause))]
    with transaction.atomic():
        if not close(attempt, AttemptOutcome.REFUSED, **evidence_of(error)):
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
        if attempt and not close(attempt, AttemptOutcome.CREDENTIAL_REFUSED, **evidence_of(error)):
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
        not_before=timezone.now(),
        lookups=0,
        note={"adopted": True, "remote_id": found.id},
        **remote_facts(found),
    )


def entered_by_hand(export: InvoiceExport, found: RemoteInvoice, *, by: User, reason: str) -> bool:
    """A person entered this invoice in Procountor, and it was read there: SKIPPED, with
    Procountor's own id and number. False when it is in flight, in doubt or done."""
    old = ExportStatus(export.status)
    if old not in (*QUEUEABLE, S.QUEUED):
        return False
    facts = remote_facts(found)
    note = {"reason": reason, "entered_by_hand": True, "remote_id": found.id}
    note["remote_number"] = facts["remote_number"]
    with transaction.atomic():
        skipped = change_status(
            export, old, S.SKIPPED, by=by, note=note, trigger_reason=reason[:500], **facts
        )
        if skipped:
            PreparedPayload.objects.filter(pk=export.pk).delete()
    return skipped


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


def read_back(equal: Sequence[tuple[InvoiceExport, RemoteInvoice]]) -> list[InvoiceExport]:
    """Procountor's own copies were read and are ours: RECONCILED. Returns those moved."""
    with transaction.atomic():
        moved = change_statuses(
            [export for export, _remote in equal],
            S.SUBMITTED,
            S.RECONCILED,
            each={export.pk: remote_facts(remote) for export, remote in equal},
        )
        PreparedPayload.objects.filter(pk__in=[export.pk for export in moved]).delete()
    return moved


def differs(
    export: InvoiceExport, problems: list[Problem], remote: RemoteInvoice | None = None
) -> None:
    """Procountor's own copy was read and is not ours: told on the SUBMITTED export, which is
    never submitted again."""
    facts = remote_facts(remote) if remote else {}
    with transaction.atomic():
        if InvoiceExport.objects.filter(pk=export.pk, status=S.SUBMITTED).update(
            problems=[problem.as_json() for problem in problems], not_before=None, **facts
        ):
            data = {"codes": [problem.code for problem in problems]}
            audit.record("export.differs", export=export, data=data)


def read_later(exports: Sequence[InvoiceExport]) -> None:
    """Procountor's own copies could not be read: later, and after some time a person is told."""
    for export in exports:
        if export.lookups >= len(settings.EXPORT_READ_AGAIN_SECONDS):
            differs(export, [Problem("not_found_again", value=str(export.remote_id))])
            continue
        wait_seconds = settings.EXPORT_READ_AGAIN_SECONDS[export.lookups] * random.uniform(0.9, 1.1)
        InvoiceExport.objects.filter(pk=export.pk, status=S.SUBMITTED).update(
            lookups=export.lookups + 1,
            not_before=timezone.now() + dt.timedelta(seconds=wait_seconds),
        )
