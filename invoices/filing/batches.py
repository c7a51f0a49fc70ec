"""Stores a batch of judged items: a statement for each table, however many items there are."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations.enums import TenantState
from integrations.models import Tenant
from invoices import exports
from invoices.bulk import insert_each
from invoices.enums import ExportStatus, ItemOutcome
from invoices.filing.judging import (
    Draft,
    Judged,
    Terms,
    Verdict,
    buyer_name_of,
    draft_of,
    judge,
    known_of,
)
from invoices.intake import ReadItem
from invoices.intake.values import storable
from invoices.models import Invoice, ReceivedItem
from invoices.retention.numbers import ExpiredNumbers

#: Items of one transaction, and bytes of PDFs of which at most one more item's are held.
BATCH_ITEMS = 500
_BATCH_BYTES = 16_000_000

_OUTCOMES = {
    Verdict.NEW: ItemOutcome.ACCEPTED,
    Verdict.DUPLICATE: ItemOutcome.DUPLICATE,
    Verdict.CHANGED: ItemOutcome.REJECTED,
    Verdict.REJECTED: ItemOutcome.REJECTED,
}


class TenantClosed(Exception):
    """Nothing is taken in for a tenant whose connection has ended; the text is for people."""


def lock(tenant: Tenant) -> None:
    """Let nobody else take in for the tenant, end its connection or delete what is expired before
    the transaction's end. Raises TenantClosed."""
    locked = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    if locked.state == TenantState.CLOSED:
        raise TenantClosed(
            _(
                "%(tenant)s is closed: nothing is taken in for it. Reopen the connection "
                "first, if it was ended by mistake."
            )
            % {"tenant": tenant}
        )


def batches(items: Iterable[ReadItem]) -> Iterator[list[ReadItem]]:
    batch: list[ReadItem] = []
    size = 0
    for item in items:
        batch.append(item)
        size += sum(len(pdf.content) for pdf in item.attachments)
        if len(batch) == BATCH_ITEMS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def drafts_of(items: Iterable[ReadItem], terms: Terms) -> list[Draft]:
    return [draft_of(item, terms) for item in items]


def take(
    tenant: Tenant, file_pk: int, drafts: Sequence[Draft], *, by: User | None, queue: bool
) -> dict[str, int]:
    """Account for a batch of a file's items; returns how many ended in each outcome, and how many
    exports were "queued". In a transaction that has the tenant locked."""
    judged = judge(drafts, known_of(tenant, drafts), ExpiredNumbers(tenant.pk))
    accepted = [one for one in judged if one.verdict is Verdict.NEW]
    pks = insert_each(Invoice, _invoices(tenant, accepted))
    new = [_export(one, pk, queue) for one, pk in zip(accepted, pks, strict=True)]
    exports.create_each(new, tenant.pk, by=by)
    # A later one of the same number in this batch names the one before it.
    stored = {id(one.draft): pk for one, pk in zip(accepted, pks, strict=True)}
    insert_each(ReceivedItem, [_item(file_pk, one, stored) for one in judged])
    counts = dict.fromkeys(ItemOutcome.values, 0)
    for one in judged:
        counts[_OUTCOMES[one.verdict]] += 1
    return counts | {"queued": sum(one.status == ExportStatus.QUEUED for one in new)}


@contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for cycles: a batch has none, and hundreds of thousands of objects that all
    have to be looked at again and again. They go when the last reference to them does."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _invoices(tenant: Tenant, accepted: Sequence[Judged]) -> list[dict[str, Any]]:
    now, rows = timezone.now(), []
    for one in accepted:
        document = one.draft.item.document
        assert document is not None  # nothing else is accepted
        rows.append(
            {
                "tenant_id": tenant.pk,
                "number": document.number,
                "is_credit_note": document.kind == "credit_note",
                "date": document.date,
                "due_date": document.due_date,
                "buyer_name": buyer_name_of(document),
                "currency": document.currency,
                "gross_total": one.draft.gross_total,
                "content": one.draft.content,
                "content_sha256": one.draft.sha256,
                "created_at": now,
            }
        )
    return rows


def _export(one: Judged, invoice_pk: int, queue: bool) -> exports.NewExport:
    draft, document, mapped = one.draft, one.draft.item.document, one.draft.mapped
    assert document is not None and mapped is not None and draft.gross_total is not None
    return exports.NewExport(
        invoice_pk,
        document.number,
        buyer_name_of(document),
        document.currency,
        draft.gross_total,
        [warning.as_json() for warning in (*draft.item.warnings, *mapped.warnings)],
        draft.prepared,
        mapped.problems,
        draft.item.attachments,
        queue,
    )


def _item(file_pk: int, one: Judged, stored: dict[int, int]) -> dict[str, Any]:
    item = one.draft.item
    named = one.earlier or one.draft
    return {
        "file_id": file_pk,
        "position": item.position,
        "number": storable(item.number)[:100],
        "outcome": _OUTCOMES[one.verdict],
        "invoice_id": stored.get(id(named), one.known.pk if one.known else None),
        "problems": [problem.as_json() for problem in one.problems],
        "warnings": [warning.as_json() for warning in item.warnings],
    }
