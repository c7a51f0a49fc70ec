"""Claims and attempts: who may POST, and the row that is committed before a request leaves."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations.models import Credential, Tenant
from invoices import audit
from invoices.document import Problem
from invoices.enums import AttemptOutcome, AttemptTrigger, ExportStatus
from invoices.exports.moves import change_status
from invoices.mapping import MAPPING_VERSION
from invoices.models import InvoiceExport, SubmissionAttempt

S = ExportStatus


class ClaimLost(Exception):
    """The claim's lease ran out and the sweeper took the export: its holder must not POST."""


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
            due, S.QUEUED, S.SUBMITTING, claim=secrets.token_hex(16), lease_until=lease_end()
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
        ).update(lease_until=lease_end()):
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


def close(attempt: SubmissionAttempt, outcome: AttemptOutcome, **fields: Any) -> bool:
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
                close(attempt, AttemptOutcome.UNKNOWN, cause="crashed")
            expired += 1
    return expired


def next_lookup(lookups: int) -> dt.datetime:
    """When to look for a lost answer the next time."""
    delays = settings.EXPORT_LOOKUP_SECONDS
    return timezone.now() + dt.timedelta(seconds=delays[min(lookups, len(delays) - 1)])


def lease_end() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=settings.EXPORT_LEASE_SECONDS)
