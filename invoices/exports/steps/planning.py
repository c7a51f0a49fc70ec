"""Which steps follow once Procountor's copy is known to be equal, and which are due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations.enums import AfterSubmit, TenantState
from invoices import audit
from invoices.enums import ExportStatus, StepKind, StepStatus
from invoices.exports.steps.moves import FINISHED
from invoices.models import InvoiceExport
from invoices.step_models import (
    APPROVE_RANK,
    ATTACH_RANK,
    SEND_RANK,
    ExportStep,
    InvoiceAttachment,
)

_KINDS: dict[str, tuple[tuple[StepKind, int], ...]] = {
    AfterSubmit.LEAVE_UNFINISHED: (),
    AfterSubmit.APPROVE: ((StepKind.APPROVE, APPROVE_RANK),),
    AfterSubmit.APPROVE_AND_SEND: (
        (StepKind.APPROVE, APPROVE_RANK),
        (StepKind.SEND, SEND_RANK),
    ),
}


def plan(exports: Iterable[InvoiceExport]) -> None:
    """Create the steps that the tenants' settings and the invoices' attachments ask for.

    To be called in the transaction in which the exports become RECONCILED. Idempotent; one query
    when there is nothing to do.
    """
    by_pk = {export.pk: export for export in exports}
    if not by_pk:
        return
    wanted = _wanting_steps(by_pk.keys())
    if not wanted:
        return
    attachments: dict[int, list[int]] = {}
    invoices = [export["invoice_id"] for export in wanted]
    listed = InvoiceAttachment.objects.filter(invoice_id__in=invoices).order_by("pk")
    for pk, invoice_id in listed.values_list("pk", "invoice_id"):
        attachments.setdefault(invoice_id, []).append(pk)
    rows = [
        step for export in wanted for step in _steps(export, attachments.get(export["invoice_id"]))
    ]
    ExportStep.objects.bulk_create(rows, ignore_conflicts=True)
    kinds: dict[int, list[str]] = {}
    for row in rows:
        kinds.setdefault(row.export_id, []).append(str(row.kind))
    audit.record_each(
        "export.steps_planned", {by_pk[pk]: {"steps": found} for pk, found in kinds.items()}
    )


def _wanting_steps(pks: Iterable[int]) -> list[Any]:
    attached = InvoiceAttachment.objects.filter(invoice=OuterRef("invoice"))
    planned = ExportStep.objects.filter(export=OuterRef("pk"))
    return list(
        InvoiceExport.objects.filter(
            ~Q(tenant__after_submit=AfterSubmit.LEAVE_UNFINISHED) | Exists(attached),
            ~Exists(planned),
            pk__in=list(pks),
        )
        .order_by("pk")
        .values(
            "pk",
            "invoice_id",
            "tenant_id",
            "tenant__after_submit",
            "remote_status",
            "remote_total",
        )
    )


def _steps(export: dict[str, Any], attachments: list[int] | None) -> list[ExportStep]:
    now = timezone.now()
    # An adopted invoice may have been approved or sent by a person meanwhile: read it first.
    as_made = export["remote_status"] == "UNFINISHED" and export["remote_total"] is not None
    common = {
        "export_id": export["pk"],
        "tenant_id": export["tenant_id"],
        "not_before": now,
        "changed_at": now,
        "checked_at": now if as_made else None,
    }
    files = [
        ExportStep(kind=StepKind.ATTACH, rank=ATTACH_RANK, attachment_id=pk, **common)
        for pk in attachments or []
    ]
    # What a reading before approval showed is not enough for sending.
    later = [
        ExportStep(
            kind=kind, rank=rank, **common | ({"checked_at": None} if rank == SEND_RANK else {})
        )
        for kind, rank in _KINDS[export["tenant__after_submit"]]
    ]
    return files + later


def first_unfinished(steps: QuerySet[ExportStep]) -> QuerySet[ExportStep]:
    """Those of `steps` before which nothing of their export is unfinished."""
    earlier = ExportStep.objects.filter(
        Q(rank__lt=OuterRef("rank")) | Q(rank=OuterRef("rank"), pk__lt=OuterRef("pk")),
        export=OuterRef("export"),
    ).exclude(status__in=FINISHED)
    return steps.filter(~Exists(earlier))


def callable_steps() -> QuerySet[ExportStep]:
    """First unfinished steps for which Procountor may be called, now or later."""
    open_steps = ExportStep.objects.filter(
        status__in=(StepStatus.WAITING, StepStatus.UNKNOWN),
        claim="",
        not_before__isnull=False,
        export__status=ExportStatus.RECONCILED,
    )
    return first_unfinished(open_steps)


def any_due(tenant_pk: int) -> bool:
    """Whether to ask `due` at all: cheaper, and may say yes for nothing."""
    now = timezone.now()
    return ExportStep.objects.filter(tenant_id=tenant_pk, not_before__lte=now).exists()


def tenants_with_due(now: dt.datetime) -> list[int]:
    """Primary keys of the active tenants with a step due at `now`."""
    if not ExportStep.objects.filter(not_before__lte=now).exists():
        return []  # as it is nearly always; the question below is not a cheap one
    due = callable_steps().filter(not_before__lte=now, tenant__state=TenantState.ACTIVE)
    return sorted(set(due.order_by().values_list("tenant_id", flat=True)))


def next_due_at(tenant_pk: int) -> dt.datetime | None:
    """When the tenant's next step is due; None when none is waiting."""
    found = callable_steps().filter(tenant_id=tenant_pk).order_by()
    moment: dt.datetime | None = found.aggregate(at=Min("not_before"))["at"]
    return moment
