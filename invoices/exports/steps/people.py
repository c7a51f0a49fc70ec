"""What people decide about steps, and the PDFs they add."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from invoices import audit
from invoices.document import Problem
from invoices.enums import ExportStatus, StepKind, StepStatus
from invoices.exports.steps.moves import SKIPPABLE_STEPS, move_step
from invoices.exports.steps.reading import DONE_STATUSES
from invoices.models import Invoice, InvoiceExport
from invoices.pdf import CONTENT_TYPE, Pdf
from invoices.step_models import ATTACH_RANK, ExportStep, InvoiceAttachment

S = StepStatus


def try_step_again(step: ExportStep, *, by: User, reason: str) -> bool:
    """A person decides that a step that needs attention may be done (again); for sending, that
    the buyer did not get the invoice. Procountor's copy is read first: one that was sent
    meanwhile is not sent again. False when the step has moved on."""
    if step.status != S.NEEDS_ATTENTION:
        return False
    return move_step(
        step,
        S.WAITING,
        by=by,
        note={"reason": reason, "confirmed": "not_delivered" if step.kind == "send" else "again"},
        not_before=timezone.now(),
        checked_at=None,
        retries=0,
        reads=0,
        losses=0,
        triggered_by_id=by.pk,
        trigger_reason=reason[:500],
    )


def skip_step(step: ExportStep, *, by: User, reason: str) -> bool:
    """Leave a step out. What follows it is read first. False when it is running or finished."""
    if step.status not in SKIPPABLE_STEPS:
        return False
    with transaction.atomic():
        reading = step.attempts.filter(finished_at__isnull=True).exists()
        if reading or not move_step(
            step, S.SKIPPED, by=by, note={"reason": reason}, trigger_reason=reason[:500]
        ):
            return False
        step.export.steps.filter(status=S.WAITING, claim="").update(checked_at=None)
        return True


def attachable(export: InvoiceExport) -> bool:
    """Whether a PDF would still travel with the invoice."""
    sending = export.steps.filter(kind=StepKind.SEND).exclude(
        status__in=(S.WAITING, S.SKIPPED, S.NEEDS_ATTENTION)
    )
    gone = export.remote_status in DONE_STATUSES[StepKind.SEND] | {"INVALIDATED"}
    return not gone and export.status != ExportStatus.SKIPPED and not sending.exists()


def attach(invoice: Invoice, pdf: Pdf, *, by: User | None) -> list[Problem]:
    """Keep a PDF with an invoice and, when it is in Procountor already, plan its step. Returns
    what speaks against it; [] when it was added."""
    with transaction.atomic():
        # `due` locks the same row: no file slips in while sending begins.
        export = InvoiceExport.objects.select_for_update().get(invoice=invoice)
        if not attachable(export):
            return [Problem("attachment_too_late", value=pdf.name)]
        names = invoice.attachments.values_list("name", flat=True)
        if pdf.name.casefold() in {name.casefold() for name in names}:
            return [Problem("attachment_twice", value=pdf.name)]
        kept = _keep(invoice.pk, pdf, by)
        audit.record("attachment.added", export=export, by=by, data=_facts(kept))
        if export.status == ExportStatus.RECONCILED:
            _plan_one(export, kept)
    return []


def attach_to_new(
    tenant_pk: int, found: Iterable[tuple[int, int, Pdf]], *, by: User | None
) -> None:
    """Keep the PDFs of (export's key, invoice's key) taken in in this transaction: nothing can
    speak against them, as reading refuses two of one name."""
    for export_pk, invoice_pk, pdf in found:
        data = _facts(_keep(invoice_pk, pdf, by))
        audit.record_rows("attachment.added", [(tenant_pk, export_pk, data)], by=by)


def _keep(invoice_pk: int, pdf: Pdf, by: User | None) -> InvoiceAttachment:
    return InvoiceAttachment.objects.create(
        invoice_id=invoice_pk,
        name=pdf.name,
        content=pdf.content,
        sha256=pdf.sha256,
        size=len(pdf.content),
        content_type=CONTENT_TYPE,
        added_by=by,
        added_at=timezone.now(),
    )


def _facts(kept: InvoiceAttachment) -> dict[str, Any]:
    return {"name": kept.name, "sha256": kept.sha256, "size": kept.size}


def _plan_one(export: InvoiceExport, attachment: InvoiceAttachment) -> None:
    now = timezone.now()
    ExportStep.objects.create(
        export=export,
        tenant_id=export.tenant_id,
        kind=StepKind.ATTACH,
        rank=ATTACH_RANK,
        attachment=attachment,
        not_before=now,
        changed_at=now,
    )
