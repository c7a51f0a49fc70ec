"""What the API answers with: shapes for the reference, and how rows become them.

Figures are texts with a decimal point, as in our JSON form; moments are RFC 3339 in UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Literal

from django.urls import reverse
from ninja import Schema
from pydantic import ConfigDict, Field

from invoices import corrections, problems
from invoices.api.numbers import address_of
from invoices.api.problems import error
from invoices.differences import differences
from invoices.document import InvoiceDocument, Problem
from invoices.enums import ExportStatus, ItemOutcome
from invoices.models import Invoice, InvoiceExport, ReceivedItem


class _Shape(Schema):
    model_config = ConfigDict(extra="forbid")


class FieldError(_Shape):
    """One thing wrong. Of an invoice: `pointer` (JSON Pointer into the body; "" is all of it) and
    `place` (the same, counted from 1). Of the address: `parameter`."""

    pointer: str | None = None
    place: str | None = None
    parameter: str | None = None
    code: str
    value: str | None = None
    expected: str | None = None
    detail: str
    next_step: str


class Difference(_Shape):
    """What was received first (`old`) and what came now (`new`), as texts; "" is no value."""

    field: str
    old: str
    new: str


class Problem9457(_Shape):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    next_step: str
    errors: list[FieldError]
    differences: list[Difference] | None = None
    received_file: int | None = None
    scope: str | None = None
    limit_bytes: int | None = None


class Receipt(_Shape):
    """That we have the invoice. The same for every repeat of it, whatever becomes of its export."""

    number: str
    kind: Literal["invoice", "credit_note"]
    date: dt.date
    currency: str
    gross_total: str = Field(examples=["251.00"])
    content_sha256: str
    received_at: dt.datetime
    href: str
    warnings: list[FieldError]


class BatchResult(_Shape):
    """What became of one invoice of a batch; `position` counts from 1."""

    position: int
    number: str
    outcome: str = Field(examples=["accepted", "duplicate", "held", "rejected"])
    invoice: Receipt | None
    errors: list[FieldError]
    differences: list[Difference]


class BatchAnswer(_Shape):
    received_file: int
    counts: dict[str, int]
    results: list[BatchResult]


class Cause(_Shape):
    """Why an export stands still. `mover` says whose move it is."""

    code: str
    field: str
    value: str
    detail: str
    next_step: str
    mover: str


class InProcountor(_Shape):
    """Procountor's own figures for it; `status` is Procountor's word, "" until it was read."""

    id: int
    number: str
    status: str


class ExportShown(_Shape):
    number: str
    href: str
    status: Literal[
        "draft",
        "queued",
        "submitting",
        "submitted",
        "reconciled",
        "needs_attention",
        "parked",
        "unknown",
        "skipped",
    ]
    status_text: str
    reason: str
    changed_at: dt.datetime
    submitted_at: dt.datetime | None
    procountor: InProcountor | None
    causes: list[Cause]


class InvoiceShown(_Shape):
    """`invoice` is the version that counts: as received, or as corrected since."""

    number: str
    received_at: dt.datetime
    content_sha256: str
    corrections: int
    invoice: dict[str, Any]
    export: ExportShown


class ExportPage(_Shape):
    """`next` leads to the following page, null after the last. `as_of` is the `changed_since` for
    the next look: nothing that changes from now on is missed by it."""

    exports: list[ExportShown]
    next: str | None
    as_of: dt.datetime


def moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def href_of(number: str) -> str:
    return reverse("api:invoice", args=[address_of(number)])


def receipts(invoices: Iterable[Invoice]) -> dict[int, dict[str, Any]]:
    """The receipt of each, by primary key; built from what never changes. One query."""
    wanted = list(invoices)
    accepted = ReceivedItem.objects.filter(invoice__in=wanted, outcome=ItemOutcome.ACCEPTED)
    warnings = dict(accepted.values_list("invoice_id", "warnings"))
    return {
        invoice.pk: {
            "number": invoice.number,
            "kind": "credit_note" if invoice.is_credit_note else "invoice",
            "date": invoice.date.isoformat(),
            "currency": invoice.currency,
            "gross_total": f"{invoice.gross_total:.2f}",
            "content_sha256": invoice.content_sha256,
            "received_at": moment(invoice.created_at),
            "href": href_of(invoice.number),
            "warnings": [error(Problem.from_json(w)) for w in warnings.get(invoice.pk, [])],
        }
        for invoice in wanted
    }


def differences_to(known: Invoice, sent: InvoiceDocument) -> list[dict[str, str]]:
    """What differs between the invoice as it counts here and the one sent. Where the documents are
    equal, only the PDFs can differ."""
    found = differences(corrections.document_of(known.export), sent)
    return found or [{"field": "attachments", "old": "", "new": ""}]


def export_shown(export: InvoiceExport) -> dict[str, Any]:
    """`export` with its invoice at hand."""
    return {
        "number": export.invoice.number,
        "href": href_of(export.invoice.number),
        "status": export.status,
        "status_text": str(ExportStatus(export.status).label),
        "reason": export.attention_reason or export.parked_reason,
        "changed_at": moment(export.changed_at),
        "submitted_at": moment(export.submitted_at) if export.submitted_at else None,
        "procountor": {
            "id": export.remote_id,
            "number": export.remote_number,
            "status": export.remote_status,
        }
        if export.remote_id is not None
        else None,
        "causes": [_cause(Problem.from_json(stored)) for stored in export.problems],
    }


def _cause(problem: Problem) -> dict[str, str]:
    found = problems.explain(problem)
    return {
        "code": found.code,
        "field": found.field,
        "value": problem.value,
        "detail": found.cause,
        "next_step": found.remedy,
        "mover": str(found.mover.value),
    }


def invoice_shown(export: InvoiceExport) -> dict[str, Any]:
    invoice = export.invoice
    return {
        "number": invoice.number,
        "received_at": moment(invoice.created_at),
        "content_sha256": invoice.content_sha256,
        "corrections": export.corrections,
        "invoice": corrections.content_of(export),
        "export": export_shown(export),
    }
