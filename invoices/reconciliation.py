"""Asks Procountor what became of exports: settles UNKNOWN, reads submitted invoices back.

Never POSTs. Asking (`ask`, HTTP only) and judging (database only) are apart, so that no database
work waits for a request. A look-up searches by `originalInvoiceNumber` and compares what it finds
with our invoice; the client compares the numbers exactly (whether Procountor's search does is
unknown, REFERENCE section 12). Every look-up is kept with its query, times, hits and verdict.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from integrations.procountor import (
    FoundInvoice,
    ProcountorClient,
    ProcountorError,
    Rejected,
    RemoteInvoice,
)
from invoices import audit, corrections, exports, versions
from invoices.document import Problem
from invoices.enums import AttentionReason, LookUpPurpose, LookUpVerdict
from invoices.mapping.text import one_line, to_windows_1252
from invoices.models import InvoiceExport, LookUp

#: Hits in these states are as good as none: nothing would be booked twice.
GONE = frozenset({"INVALIDATED", "DELETED"})


@dataclass(frozen=True)
class Reply:
    """What Procountor answered to the question whether it has an invoice."""

    asked_at: dt.datetime
    answered_at: dt.datetime
    hits: tuple[FoundInvoice, ...] = ()
    #: The whole invoice, when exactly one hit counts.
    invoice: RemoteInvoice | None = None
    error: ProcountorError | None = None

    @property
    def counting(self) -> list[FoundInvoice]:
        return [hit for hit in self.hits if hit.status not in GONE]


@dataclass(frozen=True)
class Finding:
    """What a look-up says: the invoice when there is exactly one, and words for a person."""

    verdict: LookUpVerdict
    invoice: RemoteInvoice | None = None
    described: str = ""


def ask(number: str, client: ProcountorClient) -> Reply:
    """Search Procountor for the invoice with this number. Makes requests only, and raises
    nothing of the client's: an error is part of the reply."""
    asked_at = timezone.now()
    hits: list[FoundInvoice] = []
    try:
        hits = client.find_invoices(original_invoice_number=number)
        counting = [hit for hit in hits if hit.status not in GONE]
        invoice = client.get_invoice(counting[0].id) if len(counting) == 1 else None
    except ProcountorError as error:
        return Reply(asked_at, timezone.now(), tuple(hits), error=error)
    return Reply(asked_at, timezone.now(), tuple(hits), invoice)


def judge(export: InvoiceExport, reply: Reply, body: bytes | None = None) -> Finding:
    """What the reply says about our invoice, in the version that counts; `body` is the payload
    that is about to leave, if one is. Asks the database only for a corrected export."""
    if reply.error is not None:
        refused = isinstance(reply.error, Rejected)
        return Finding(LookUpVerdict.REFUSED if refused else LookUpVerdict.NO_ANSWER)
    counting = reply.counting
    if len(counting) > 1:
        described = ", ".join(str(hit.id) for hit in counting)
        return Finding(LookUpVerdict.SEVERAL, described=described)
    if reply.invoice is None:
        return Finding(LookUpVerdict.ABSENT)
    differences = differing(export, reply.invoice) + other_buyer(export, reply.invoice)
    if export.corrections:
        differences += versions.older_parts(export, reply.invoice, body)
    if differences:
        return Finding(LookUpVerdict.DIFFERENT, reply.invoice, ", ".join(differences)[:200])
    return Finding(LookUpVerdict.EQUAL, reply.invoice)


def record(
    export: InvoiceExport, purpose: LookUpPurpose, reply: Reply, body: bytes | None = None
) -> Finding:
    """Judge a reply (see `judge`) and keep it as evidence."""
    finding = judge(export, reply, body)
    query = {"originalInvoiceNumber": export.invoice.number, "types": "SALES_INVOICE"}
    with transaction.atomic():
        LookUp.objects.create(
            export=export,
            purpose=purpose,
            after_attempt=export.attempts.aggregate(last=Max("number"))["last"] or 0,
            asked_at=reply.asked_at,
            answered_at=reply.answered_at,
            query=query,
            hits=[facts_of(hit) for hit in reply.hits],
            found=facts_of(reply.invoice) if reply.invoice else {},
            verdict=finding.verdict,
            cause=reply.error.cause[:40] if reply.error else "",
            http_status=reply.error.status if reply.error else None,
        )
        hits = [hit.id for hit in reply.hits]
        data = {"query": query, "hits": hits, "verdict": str(finding.verdict)}
        audit.record("export.looked_up", export=export, data=data)
    return finding


def facts_of(remote: RemoteInvoice) -> dict[str, Any]:
    """What is kept of an invoice of Procountor's, JSON-ready."""
    total = remote.gross_total
    return {
        "id": remote.id,
        "number": remote.original_invoice_number,
        "remote_number": str(remote.invoice_number or ""),
        "status": remote.status,
        "date": remote.date.isoformat() if remote.date else "",
        "due_date": remote.due_date.isoformat() if remote.due_date else "",
        "currency": remote.currency,
        "total": "" if total is None else str(total),
        "buyer": remote.buyer_name,
    }


def tolerance(export: InvoiceExport) -> Decimal:
    """How far two totals may differ by rounding alone: 0.01 a row and 0.01 more (finnish-
    invoicing, chapter 5), in the invoice's currency."""
    return Decimal("0.01") * (len(export.invoice.content.get("rows", [])) + 1)


def differing(export: InvoiceExport, remote: RemoteInvoice) -> list[str]:
    """What differs between our invoice and Procountor's, as `field: theirs / ours`."""
    date = corrections.expected_of(export).date
    found = [] if remote.date == date else [f"date: {remote.date} / {date}"]
    return found + other_total(export, remote)


def other_total(export: InvoiceExport, remote: RemoteInvoice) -> list[str]:
    """Whether currency or total is another one, as `differing` says it."""
    invoice, found = export.invoice, []
    if remote.currency and remote.currency != invoice.currency:
        found.append(f"currency: {remote.currency} / {invoice.currency}")
    if remote.gross_total is not None:
        difference = abs(remote.gross_total - invoice.gross_total)
        if difference and difference > tolerance(export):
            found.append(f"total: {remote.gross_total} / {invoice.gross_total}")
    return found


def other_buyer(export: InvoiceExport, remote: RemoteInvoice) -> list[str]:
    """Whether the invoice found is somebody else's, entered by hand under the same number: one of
    the same day and sum would pass for ours."""
    name = corrections.expected_of(export).buyer_name
    ours, theirs = _folded(name), _folded(remote.buyer_name)
    # A name that is too long for Procountor goes on in another field (mapping.counterparty).
    if not theirs or ours == theirs or (len(ours) > len(theirs) > 40 and ours.startswith(theirs)):
        return []
    return [f"buyer: {remote.buyer_name} / {name}"]


def _folded(name: str) -> str:
    return one_line(to_windows_1252(name).text).casefold()


def settle_unknown(export: InvoiceExport, reply: Reply) -> Finding:
    """Settle one UNKNOWN export by what Procountor answered."""
    finding = record(export, LookUpPurpose.SETTLE, reply)
    if finding.verdict == LookUpVerdict.NO_ANSWER:
        exports.look_again(export, counted=False)
    elif finding.verdict != LookUpVerdict.ABSENT:
        settle_finding(export, finding, reply)
    elif export.lookups + 1 >= 2:
        exports.not_there(export)
    else:
        exports.look_again(export, counted=True)
    return finding


def cannot_look(export: InvoiceExport) -> None:
    """The key's user does not see all sales invoices, so finding nothing would prove nothing."""
    exports.conflict(export, AttentionReason.LOOKUP_BLIND, Problem("lookup_blind"))


def settle_finding(export: InvoiceExport, finding: Finding, reply: Reply) -> bool:
    """Adopt what is ours, hold what is not or what could not be seen. False when Procountor does
    not have the invoice, or gave no clear answer: nothing was changed then."""
    if finding.verdict == LookUpVerdict.EQUAL and finding.invoice is not None:
        return exports.adopt(export, finding.invoice)
    if finding.verdict == LookUpVerdict.DIFFERENT:
        problem = Problem("conflict", value=finding.described)
        return exports.conflict(export, AttentionReason.CONFLICT, problem)
    if finding.verdict == LookUpVerdict.SEVERAL:
        problem = Problem("several_found", value=finding.described)
        return exports.conflict(export, AttentionReason.CONFLICT, problem)
    if finding.verdict == LookUpVerdict.REFUSED and reply.error is not None:
        problem = Problem("lookup_refused", value=str(reply.error.status or reply.error.cause))
        return exports.conflict(export, AttentionReason.LOOKUP_BLIND, problem)
    return False


def read_back(submitted: Iterable[InvoiceExport], found: Iterable[RemoteInvoice]) -> int:
    """Compare what was submitted with Procountor's own copies; returns how many are equal. What
    was not found is read again later."""
    remotes = {remote.id: remote for remote in found}
    equal, missing = [], []
    for export in submitted:
        remote = remotes.get(export.remote_id or 0)
        if remote is None:
            missing.append(export)
        elif problems := _problems(export, remote):
            exports.differs(export, problems, remote)
        else:
            equal.append((export, remote))
    exports.read_later(missing)
    with transaction.atomic():
        moved = exports.read_back(equal)
        exports.steps.plan(moved)
    return len(moved)


def _problems(export: InvoiceExport, remote: RemoteInvoice) -> list[Problem]:
    differences = differing(export, remote)
    if remote.original_invoice_number != export.invoice.number or (
        remote.date != corrections.expected_of(export).date
    ):
        return [Problem("conflict", value=", ".join(differences))]
    if differences:
        theirs, ours = str(remote.gross_total), str(export.invoice.gross_total)
        return [Problem("total_differs", value=theirs, expected=ours)]
    return []
