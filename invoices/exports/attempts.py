"""Claims and attempts: who may POST, and the row that is committed before a request leaves."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
import uuid
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from integrations.enums import TenantState
from integrations.models import Credential, Tenant
from invoices import audit, wording
from invoices.bulk import insert_each
from invoices.document import Problem
from invoices.enums import AttemptOutcome, AttemptTrigger, ExportStatus
from invoices.exports.moves import change_status, change_statuses
from invoices.mapping import MAPPING_VERSION
from invoices.models import InvoiceExport, Restore, SubmissionAttempt

S = ExportStatus
_DONE = (S.SUBMITTED, S.RECONCILED, S.SKIPPED)
_END_OF_TIME = dt.datetime.max.replace(tzinfo=dt.UTC)


class ClaimLost(Exception):
    """The claim's lease ran out and the sweeper took the export: its holder must not POST."""


class Due(NamedTuple):
    """An export for which it is time. `body` is its payload if one was prepared that still
    counts, else `content` is its invoice's as it was last corrected; `tried` tells that it may
    have been submitted."""

    export: InvoiceExport
    date: dt.date
    body: bytes | None
    content: dict[str, Any] | None
    tried: bool
    is_credit_note: bool


def due_to_submit(tenant_pk: int, credential_pk: int, basis: str, limit: int) -> list[Due]:
    """The tenant's QUEUED exports for which it is time, longest due first. `basis` is what their
    payloads have to be made on.

    None when the tenant is not active any more, or the credential not its active one. Other
    columns than the engine needs are fetched when they are asked for. Reads only.
    """
    with connection.cursor() as cursor:
        now = _moment(timezone.now())
        cursor.execute(_DUE_TO_SUBMIT, [basis, credential_pk, tenant_pk, S.QUEUED, now, limit])
        rows = cursor.fetchall()
    return [
        Due(
            InvoiceExport.from_db("default", _SUBMIT_FIELDS, values),
            dt.date.fromisoformat(date),
            body.encode() if body else None,
            json.loads(content) if content else None,
            bool(tried),
            bool(is_credit_note),
        )
        for *values, tried, date, body, content, is_credit_note in rows
    ]


def _moment(moment: dt.datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


#: In the order of the model's columns, as `from_db` wants them.
_SUBMIT_FIELDS = [
    *("id", "invoice_id", "tenant_id", "status", "triggered_by_id", "trigger_reason"),
    *("retries", "lookups", "corrections", "claim"),
]
_DUE_TO_SUBMIT = f"""
    SELECT {", ".join(f"e.{name}" for name in _SUBMIT_FIELDS)},
        e.look_first OR EXISTS (
            SELECT 1 FROM invoices_submissionattempt a WHERE a.export_id = e.id),
        CAST(COALESCE(k.date, i.date) AS text), p.body,
        CASE WHEN p.body IS NULL THEN COALESCE(k.content, i.content) END,
        i.is_credit_note
    FROM invoices_invoiceexport e
    JOIN invoices_invoice i ON i.id = e.invoice_id
    LEFT JOIN invoices_correction k
        ON e.corrections > 0 AND k.export_id = e.id AND k.number = e.corrections
    LEFT JOIN invoices_preparedpayload p
        ON p.export_id = e.id AND p.basis = %s AND p.corrections = e.corrections
    JOIN integrations_credential c
        ON c.id = %s AND c.tenant_id = e.tenant_id AND c.state = 'active'
    JOIN integrations_tenant t ON t.id = e.tenant_id AND t.state = 'active'
    WHERE e.tenant_id = %s AND e.status = %s AND e.not_before <= %s
    ORDER BY e.not_before, e.id
    LIMIT %s
"""  # nosec B608


def any_due(tenant_pk: int, status: ExportStatus) -> bool:
    """Whether `due` would find anything: to be asked often."""
    with connection.cursor() as cursor:
        cursor.execute(_ANY_DUE, [tenant_pk, status, _moment(timezone.now())])
        return cursor.fetchone() is not None


_ANY_DUE = """
    SELECT 1 FROM invoices_invoiceexport
    WHERE tenant_id = %s AND status = %s AND not_before <= %s LIMIT 1
"""
#: What settling a look-up or a read-back asks of an export; the rest is fetched when it is asked.
_WANTED = (
    *("invoice", "tenant", "status", "claim", "lookups", "retries", "remote_id", "queued_at"),
    "corrections",
    *("invoice__number", "invoice__date", "invoice__due_date", "invoice__buyer_name"),
    *("invoice__currency", "invoice__gross_total"),
)


def due(
    tenant_pk: int, status: ExportStatus, limit: int, *, but: Collection[int] = ()
) -> list[InvoiceExport]:
    """The tenant's exports of one status for which it is time, longest due first, without those
    in `but`. Reads only."""
    rows = InvoiceExport.objects.filter(
        tenant_id=tenant_pk, status=status, not_before__lte=timezone.now()
    )
    if but:
        rows = rows.exclude(pk__in=but)
    rows = rows.select_related("invoice").only(*_WANTED)
    return list(rows.order_by("not_before", "pk")[:limit])


def claim(exports: Sequence[InvoiceExport]) -> list[InvoiceExport]:
    """Take what is still QUEUED of `exports`: it becomes SUBMITTING under a lease of ours.

    On PostgreSQL rows that somebody else is changing are skipped instead of waited for. Returns
    those taken; the others belong to whoever moved them.
    """
    token, lease_until = secrets.token_hex(16), lease_end()
    with transaction.atomic(savepoint=False):
        return change_statuses(
            _claimable(exports), S.QUEUED, S.SUBMITTING, claim=token, lease_until=lease_until
        )


def _claimable(exports: Sequence[InvoiceExport]) -> Sequence[InvoiceExport]:
    """Those whose tenant is active, and stays so until the claim is committed: whoever ends its
    connection waits, and then counts the claim."""
    if not exports:
        return []
    statement = _CLAIMABLE.format(", ".join(["%s"] * len(exports)))
    if connection.features.has_select_for_update_skip_locked:
        statement += _LOCK_TENANT_THEN_EXPORTS
    with connection.cursor() as cursor:
        keys = [export.pk for export in exports]
        cursor.execute(statement, [TenantState.ACTIVE, S.QUEUED, *keys])
        free = {row[0] for row in cursor.fetchall()}
    return [export for export in exports if export.pk in free]


_CLAIMABLE = """
    SELECT e.id FROM invoices_invoiceexport e
    JOIN integrations_tenant t ON t.id = e.tenant_id AND t.state = %s
    WHERE e.status = %s AND e.id IN ({})
"""
#: Locked in this order, row by row, as everybody locks a tenant and its exports. Django's
#: `select_for_update` has one way of locking for all tables of a query.
_LOCK_TENANT_THEN_EXPORTS = "FOR NO KEY UPDATE OF t FOR UPDATE OF e SKIP LOCKED"


def claim_next(tenant: Tenant) -> InvoiceExport | None:
    """Take the tenant's next due export; None when there is none."""
    while candidates := due(tenant.pk, S.QUEUED, 1):
        if taken := claim(candidates):
            return taken[0]
    return None


def claim_and_open(
    ready: Sequence[tuple[InvoiceExport, bytes]], credential: Credential
) -> list[tuple[InvoiceExport, SubmissionAttempt]]:
    """Claim exports that were never tried and commit the attempt of each, all in one
    transaction; `ready` has the body of each one's POST."""
    bodies = {export.pk: body for export, body in ready}
    with transaction.atomic():
        taken = claim([export for export, _body in ready])
        rows = [_attempt(export, 1, bodies[export.pk], credential) for export in taken]
        keys = insert_each(SubmissionAttempt, rows)
    return [
        (export, SubmissionAttempt(pk=key, **row))
        for export, key, row in zip(taken, keys, rows, strict=True)
    ]


def open_attempt(export: InvoiceExport, body: bytes, credential: Credential) -> SubmissionAttempt:
    """Commit the row of one POST before it leaves. Raises ClaimLost when it must not leave.

    The export's lease is renewed in the same transaction, so a worker that was stopped for
    longer than its lease finds out here and not in Procountor's books.
    """
    with transaction.atomic():
        if not InvoiceExport.objects.filter(
            pk=export.pk, status=S.SUBMITTING, claim=export.claim
        ).update(lease_until=lease_end()):
            raise ClaimLost(f"export {export.pk}")
        row = _attempt(export, export.attempts.count() + 1, body, credential)
        return SubmissionAttempt.objects.create(**row)


def _attempt(
    export: InvoiceExport, number: int, body: bytes, credential: Credential
) -> dict[str, Any]:
    """The columns of an attempt that is about to leave; those of its answer are empty."""
    person = export.triggered_by_id
    return {
        "export_id": export.pk,
        "number": number,
        "trigger": AttemptTrigger.PERSON if person else AttemptTrigger.AUTOMATIC,
        "triggered_by_id": person,
        "reason": export.trigger_reason,
        "correlation_id": uuid.uuid4(),
        "key_fingerprint": credential.short_fingerprint,
        "mapping_version": MAPPING_VERSION,
        "software_version": settings.SOFTWARE_VERSION,
        "started_at": timezone.now(),
        "request_body": body.decode(),
        "request_sha256": hashlib.sha256(body).hexdigest(),
        "outcome": "",
        "cause": "",
        "response_body": "",
        "errors": [],
    }


def give_back(export: InvoiceExport, attempt: SubmissionAttempt | None, why: str) -> bool:
    """Certainly nothing was sent, and nothing is wrong with the export: QUEUED again at once.

    `why` is a short word for the attempt, if one was opened.
    """
    with transaction.atomic():
        if attempt and not close(attempt, AttemptOutcome.NOT_SUBMITTED, cause=why):
            return False
        return change_status(
            export, S.SUBMITTING, S.QUEUED, note={"why": why}, not_before=timezone.now()
        )


def close(attempt: SubmissionAttempt, outcome: AttemptOutcome, **fields: Any) -> bool:
    """Close an attempt once. False when the sweeper closed it first; the late answer is then
    kept in the audit trail, and the look-up decides."""
    closed = SubmissionAttempt.objects.filter(pk=attempt.pk, finished_at__isnull=True).update(
        finished_at=timezone.now(), outcome=outcome, **fields
    )
    if not closed:
        answered_late(attempt, outcome, fields.get("http_status"), fields.get("cause", ""))
    elif fields.get("errors"):
        wording.collect(attempt.export_id, fields["errors"])
    return bool(closed)


def answered_late(
    attempt: SubmissionAttempt, outcome: AttemptOutcome, http_status: int | None, cause: str
) -> None:
    """Keep in the audit trail what an attempt came to after it had been closed."""
    audit.record(
        "attempt.late_answer",
        export=attempt.export,
        data={
            "attempt": attempt.number,
            "outcome": str(outcome),
            "http_status": http_status,
            "cause": cause,
        },
    )


def expire_leases() -> int:
    """Whatever a dead worker held becomes UNKNOWN; returns how many did."""
    now = timezone.now()
    overdue = InvoiceExport.objects.filter(status=S.SUBMITTING, lease_until__lt=now)
    return sum(_give_up(export, "crashed", lease_before=now) for export in overdue)


def distrust_all(*, cautious_until: dt.datetime) -> dict[str, int]:
    """Let nothing be submitted before Procountor was asked about it: for a database that was put
    back to an earlier moment.

    Returns how many were queued or in flight and are UNKNOWN now, and how many others will be
    looked for when they are queued. So will all that are created before `cautious_until`.
    """
    in_doubt = 0
    with transaction.atomic():
        Restore.objects.create(cautious_until=cautious_until)
        for export in InvoiceExport.objects.filter(status=S.SUBMITTING):
            in_doubt += _give_up(export, "restored", lease_before=_END_OF_TIME)
        while queued := list(InvoiceExport.objects.filter(status=S.QUEUED).order_by("pk")[:500]):
            in_doubt += len(
                change_statuses(
                    queued,
                    S.QUEUED,
                    S.UNKNOWN,
                    not_before=timezone.now(),
                    lookups=0,
                    problems=[Problem("restored").as_json()],
                )
            )
        InvoiceExport.objects.filter(status=S.UNKNOWN).update(lookups=0)
        waiting = InvoiceExport.objects.exclude(status__in=_DONE).update(look_first=True)
    return {"unknown": in_doubt, "look_first": waiting}


def _give_up(export: InvoiceExport, why: str, lease_before: dt.datetime) -> bool:
    with transaction.atomic():
        if not change_status(
            export,
            S.SUBMITTING,
            S.UNKNOWN,
            lease_before=lease_before,
            not_before=next_lookup(0),
            lookups=0,
            problems=[Problem(why).as_json()],
        ):
            return False
        for attempt in export.attempts.filter(finished_at__isnull=True):
            close(attempt, AttemptOutcome.UNKNOWN, cause=why)
        return True


def next_lookup(lookups: int) -> dt.datetime:
    """When to look for a lost answer the next time."""
    delays = settings.EXPORT_LOOKUP_SECONDS
    return timezone.now() + dt.timedelta(seconds=delays[min(lookups, len(delays) - 1)])


def lease_end() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=settings.EXPORT_LEASE_SECONDS)
