"""Takes in a received file: keeps it byte for byte and accounts for every invoice in it.

Each item ends as accepted (a new invoice and its export), duplicate (the same number with the
same content), held (the same number with other content: a person decides) or rejected (every
problem at once). Nothing half-done stays: one transaction.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations.enums import TenantState
from integrations.models import Tenant
from invoices import audit, changes, corrections, engine, exports
from invoices.document import InvoiceDocument, Problem
from invoices.enums import ItemOutcome
from invoices.intake import ColumnMapping, ReadItem, ReadResult, read
from invoices.intake.values import storable
from invoices.mapping import (
    ExportSettings,
    Mapped,
    ReferenceData,
    basis_of,
    map_invoice,
    to_bytes,
)
from invoices.models import Invoice, ReceivedFile, ReceivedItem
from invoices.pdf import Pdf
from invoices.preflight import (
    FIXED_OUTSIDE_THE_INVOICE,
    latest_reference_data,
    reference_of,
    settings_of,
)
from invoices.retention.numbers import ExpiredNumbers


class TenantClosed(Exception):
    """Nothing is taken in for a tenant whose connection has ended; the text is for people."""


def file_invoices(
    tenant: Tenant,
    name: str,
    content: bytes,
    *,
    via: str,
    by: User | None = None,
    queue: bool = False,
    mapping: ColumnMapping | None = None,
    result: ReadResult | None = None,
) -> ReceivedFile:
    """Take in one file for `tenant`; with `queue` its accepted invoices are queued at once.
    `mapping` tells what a table's columns are; `result` is what the caller has read from
    `content` already. Raises TenantClosed, and keeps nothing then."""
    if result is None:
        result = read(content, name=name, mapping=mapping)
    with transaction.atomic():
        # Whoever ends the connection waits, or has done so before.
        locked = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        if locked.state == TenantState.CLOSED:
            raise TenantClosed(
                _(
                    "%(tenant)s is closed: nothing is taken in for it. Reopen the connection "
                    "first, if it was ended by mistake."
                )
                % {"tenant": tenant}
            )
        received = ReceivedFile.objects.create(
            tenant=tenant,
            name=storable(name[-200:]),
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            format=result.format,
            problems=[problem.as_json() for problem in result.problems],
            received_at=timezone.now(),
            received_via=via,
            received_by=by,
        )
        intake = _Intake(tenant, received, by, queue)
        for item in result.items:
            intake.take(item)
        _record(received, result, by)
    if intake.queued:
        engine.wake(tenant.pk)
    return received


def counts(received: ReceivedFile) -> dict[str, int]:
    """How many items ended in each outcome."""
    totals = dict.fromkeys(ItemOutcome.values, 0)
    for outcome in received.items.values_list("outcome", flat=True):
        totals[outcome] += 1
    return totals


def _record(received: ReceivedFile, result: ReadResult, by: User | None) -> None:
    audit.record(
        "file.received",
        tenant=received.tenant,
        by=by,
        data={
            "file": received.pk,
            "name": received.name,
            "sha256": received.sha256,
            "items": len(result.items),
        }
        | counts(received),
    )


class _Intake:
    """Takes the items of one file, one after the other."""

    def __init__(
        self, tenant: Tenant, received: ReceivedFile, by: User | None, queue: bool
    ) -> None:
        self.tenant, self.received, self.by, self.queue = tenant, received, by, queue
        self.settings: ExportSettings = settings_of(tenant)
        self.reference: ReferenceData = reference_of(latest_reference_data(tenant))
        self.basis = basis_of(self.settings, self.reference)
        # The tenant is locked: nothing expires meanwhile.
        self.expired = ExpiredNumbers(tenant.pk)
        self.queued = 0

    def take(self, item: ReadItem) -> None:
        if item.document is None:
            self._keep(item, ItemOutcome.REJECTED, problems=item.problems)
            return
        known = Invoice.objects.filter(tenant=self.tenant, number=item.document.number).first()
        if known is not None:
            self._take_known(item, item.document, known)
            return
        if code := self.expired.refusal(item.document.number):
            problem = Problem(code, place="number", value=item.document.number)
            self._keep(item, ItemOutcome.REJECTED, problems=(problem,))
            return
        mapped = map_invoice(item.document, self.settings, self.reference)
        wrong = tuple(p for p in mapped.problems if p.code not in FIXED_OUTSIDE_THE_INVOICE)
        if wrong:
            self._keep(item, ItemOutcome.REJECTED, problems=wrong)
            return
        self._accept(item, item.document, mapped)

    def _take_known(self, item: ReadItem, document: InvoiceDocument, known: Invoice) -> None:
        digest, new_pdfs = _digest(document.as_json()), _new_pdfs(item, known)
        if not new_pdfs and digest in (known.content_sha256, _digest(_present(known))):
            self._keep(item, ItemOutcome.DUPLICATE, invoice=known)
        elif changes.decided(known.export, seen := _digest_with(digest, new_pdfs)):
            told = Problem("change_decided", place="number", value=known.number)
            self._keep(item, ItemOutcome.DUPLICATE, invoice=known, warnings=(told,))
        else:
            problem = Problem("changed_duplicate", place="number", value=known.number)
            kept = self._keep(item, ItemOutcome.HELD, invoice=known, problems=(problem,))
            changes.hold(kept, known.export, document, seen, new_pdfs, by=self.by)

    def _accept(self, item: ReadItem, document: InvoiceDocument, mapped: Mapped) -> None:
        content = document.as_json()
        total = document.gross_total if document.gross_total is not None else mapped.gross_total
        invoice = Invoice.objects.create(
            tenant=self.tenant,
            number=document.number,
            is_credit_note=document.kind == "credit_note",
            date=document.date,
            due_date=document.due_date,
            buyer_name=document.buyer.address.name[:255],
            currency=document.currency,
            gross_total=total,
            content=content,
            content_sha256=_digest(content),
        )
        warnings = [warning.as_json() for warning in (*item.warnings, *mapped.warnings)]
        prepared = (self.basis, to_bytes(mapped.payload)) if mapped.payload else None
        export = exports.create(invoice, by=self.by, warnings=warnings, prepared=prepared)
        for pdf in item.attachments:
            refused = exports.steps.attach(invoice, pdf, by=self.by)
            assert not refused, refused  # reading refuses a second file of one name
        if mapped.problems:
            exports.hold_for_attention(export, mapped.problems)
        elif self.queue:
            self.queued += exports.queue(export, by=self.by)
        self._keep(item, ItemOutcome.ACCEPTED, invoice=invoice)

    def _keep(
        self,
        item: ReadItem,
        outcome: ItemOutcome,
        *,
        invoice: Invoice | None = None,
        problems: tuple[Problem, ...] = (),
        warnings: tuple[Problem, ...] = (),
    ) -> ReceivedItem:
        return ReceivedItem.objects.create(
            file=self.received,
            position=item.position,
            number=storable(item.number)[:100],
            outcome=outcome,
            invoice=invoice,
            problems=[problem.as_json() for problem in problems],
            warnings=[warning.as_json() for warning in (*item.warnings, *warnings)],
        )


def _present(known: Invoice) -> dict[str, Any]:
    """The content that counts: as received, or as people corrected it since."""
    return corrections.content_of(known.export)


def _new_pdfs(item: ReadItem, known: Invoice) -> list[Pdf]:
    """Those that are not here. PDFs that people added do not count."""
    kept = set(known.attachments.values_list("name", "sha256"))
    return [pdf for pdf in item.attachments if (pdf.name, pdf.sha256) not in kept]


def _digest_with(digest: str, pdfs: list[Pdf]) -> str:
    """Of content together with PDFs, so that a decision is about both."""
    if not pdfs:
        return digest
    facts = "".join([digest, *sorted(f"{pdf.name}\0{pdf.sha256}" for pdf in pdfs)])
    return hashlib.sha256(facts.encode()).hexdigest()


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()
