"""New exports, many at once: each a draft that nobody submits yet, queued at once, or waiting for a
person because it cannot be mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from invoices import audit, finding
from invoices.bulk import insert_each
from invoices.cause_models import ExportCause
from invoices.document import Problem
from invoices.enums import AttentionReason, ExportStatus
from invoices.exports import causes
from invoices.exports.moves import facts_of_move
from invoices.exports.steps.people import attach_to_new
from invoices.models import InvoiceExport, PreparedPayload, Restore
from invoices.pdf import Pdf

S = ExportStatus


@dataclass(frozen=True)
class NewExport:
    """The intention to export an invoice that was just stored. `prepared` is its payload, if it
    has one, after the basis that it was made on; with `problems` of mapping it waits for a
    person, else with `queue` it is queued."""

    invoice_pk: int
    number: str
    buyer_name: str
    currency: str
    gross_total: Decimal
    warnings: list[Any] = field(default_factory=list)
    prepared: tuple[str, str] | None = None
    problems: tuple[Problem, ...] = ()
    attachments: tuple[Pdf, ...] = ()
    queue: bool = False

    @property
    def status(self) -> ExportStatus:
        if self.problems:
            return S.NEEDS_ATTENTION
        return S.QUEUED if self.queue else S.DRAFT


def create_each(new: Sequence[NewExport], tenant_pk: int, *, by: User | None) -> list[int]:
    """Create exports of one tenant with all that belongs to them, and return their primary keys in
    the same order: payloads, keys to find them by, attachments, causes, and an audit event for
    each move. A statement for each table, in one transaction."""
    if not new:
        return []
    with transaction.atomic():
        pks = insert_each(InvoiceExport, _rows(new, tenant_pk, by))
        each = list(zip(pks, new, strict=True))
        payloads = [(pk, one.prepared) for pk, one in each if one.prepared is not None]
        insert_each(
            PreparedPayload,
            [
                {"export_id": pk, "basis": basis, "corrections": 0, "body": body}
                for pk, (basis, body) in payloads
            ],
        )
        finding.add_each((pk, one.number, one.buyer_name) for pk, one in each)
        audit.record_rows("export.created", ((tenant_pk, pk, {}) for pk in pks), by=by)
        pdfs = [(pk, one.invoice_pk, pdf) for pk, one in each for pdf in one.attachments]
        attach_to_new(tenant_pk, pdfs, by=by)
        _hold([(pk, one) for pk, one in each if one.problems], tenant_pk)
        moved = facts_of_move(S.DRAFT, {})
        queued = ((tenant_pk, pk, moved) for pk, one in each if one.status == S.QUEUED)
        audit.record_rows(f"export.{S.QUEUED}", queued, by=by)
    return pks


def _rows(new: Sequence[NewExport], tenant_pk: int, by: User | None) -> list[dict[str, Any]]:
    now = timezone.now()
    look_first = Restore.objects.filter(cautious_until__gt=now).exists()
    common: dict[str, Any] = {
        "tenant_id": tenant_pk,
        "parked_reason": "",
        "trigger_reason": "",
        "retries": 0,
        "lookups": 0,
        "corrections": 0,
        "look_first": look_first,
        "claim": "",
        "remote_number": "",
        "remote_status": "",
        "changed_at": now,
        "created_at": now,
    }
    waiting = {"not_before": None, "queued_at": None, "triggered_by_id": None}
    queued = {"not_before": now, "queued_at": now, "triggered_by_id": by.pk if by else None}
    return [
        common
        | (queued if one.status == S.QUEUED else waiting)
        | {
            "invoice_id": one.invoice_pk,
            "status": one.status,
            "attention_reason": AttentionReason.MAPPING if one.problems else "",
            "problems": [problem.as_json() for problem in one.problems],
            "warnings": one.warnings,
        }
        for one in new
    ]


def _hold(held: Sequence[tuple[int, NewExport]], tenant_pk: int) -> None:
    """What cannot be mapped waits for a person instead of being queued."""
    if not held:
        return
    moves, rows, reason = [], [], AttentionReason.MAPPING
    for pk, one in held:
        problems = [problem.as_json() for problem in one.problems]
        facts = facts_of_move(S.DRAFT, {"attention_reason": reason, "problems": problems})
        moves.append((tenant_pk, pk, facts))
        euros = one.gross_total if one.currency == "EUR" else None
        found = causes.causes_of(problems, reason)
        rows += causes.rows_of(pk, tenant_pk, found, euros, timezone.now())
    audit.record_rows(f"export.{S.NEEDS_ATTENTION}", moves)
    insert_each(ExportCause, rows)
