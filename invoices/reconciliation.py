"""Asks Procountor what became of exports: settles UNKNOWN, reads submitted invoices back.

Never POSTs. A look-up searches by `originalInvoiceNumber` and compares what it finds with our
invoice; the client compares the numbers exactly (whether Procountor's search does is unknown,
REFERENCE section 12). Every look-up leaves an audit event with query, hits and verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from integrations.procountor import (
    CredentialRefused,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorClient,
    Rejected,
    RemoteInvoice,
)
from invoices import audit, exports
from invoices.document import Problem
from invoices.enums import AttentionReason, ExportStatus
from invoices.models import InvoiceExport

_GONE = frozenset({"INVALIDATED", "DELETED"})
_READ_BACK_AT_ONCE = 200


class Verdict(StrEnum):
    ABSENT = "absent"
    EQUAL = "equal"
    DIFFERENT = "different"
    SEVERAL = "several"


@dataclass(frozen=True)
class Finding:
    """What a look-up found: the invoice when there is exactly one, and words for a person."""

    verdict: Verdict
    invoice: RemoteInvoice | None = None
    described: str = ""


def look_up(export: InvoiceExport, client: ProcountorClient) -> Finding:
    """Search Procountor for the export's invoice. Raises the client's errors."""
    number = export.invoice.number
    hits = [
        hit
        for hit in client.find_invoices(original_invoice_number=number)
        if hit.status not in _GONE
    ]
    finding = _judge(export, client, [hit.id for hit in hits])
    audit.record(
        "export.looked_up",
        export=export,
        data={
            "query": {"originalInvoiceNumber": number, "types": "SALES_INVOICE"},
            "hits": [hit.id for hit in hits],
            "verdict": str(finding.verdict),
        },
    )
    return finding


def _judge(export: InvoiceExport, client: ProcountorClient, remote_ids: list[int]) -> Finding:
    if not remote_ids:
        return Finding(Verdict.ABSENT)
    if len(remote_ids) > 1:
        return Finding(Verdict.SEVERAL, described=", ".join(str(i) for i in remote_ids))
    remote = client.get_invoice(remote_ids[0])
    differences = differing(export, remote)
    if differences:
        return Finding(Verdict.DIFFERENT, remote, ", ".join(differences))
    return Finding(Verdict.EQUAL, remote)


def tolerance(export: InvoiceExport) -> Decimal:
    """How far two totals may differ by rounding alone: 0.01 a row and 0.01 more (finnish-
    invoicing, chapter 5), in the invoice's currency."""
    return Decimal("0.01") * (len(export.invoice.content.get("rows", [])) + 1)


def differing(export: InvoiceExport, remote: RemoteInvoice) -> list[str]:
    """What differs between our invoice and Procountor's, as `field: theirs / ours`."""
    invoice, found = export.invoice, []
    if remote.date != invoice.date:
        found.append(f"date: {remote.date} / {invoice.date}")
    if remote.currency and remote.currency != invoice.currency:
        found.append(f"currency: {remote.currency} / {invoice.currency}")
    if remote.gross_total is not None:
        difference = abs(remote.gross_total - invoice.gross_total)
        if difference > tolerance(export):
            found.append(f"total: {remote.gross_total} / {invoice.gross_total}")
    return found


def settle_unknown(export: InvoiceExport, client: ProcountorClient, *, blind: bool) -> None:
    """Settle one UNKNOWN export by asking. `blind`: the user cannot see all sales invoices, so
    that finding nothing would prove nothing. Raises CredentialRefused, nothing changed."""
    if blind:
        exports.conflict(export, AttentionReason.LOOKUP_BLIND, Problem("lookup_blind"))
        return
    try:
        finding = look_up(export, client)
    except (NotSubmitted, OutcomeUnknown):
        exports.look_again(export, counted=False)
        return
    except CredentialRefused:
        raise
    except Rejected as error:
        problem = Problem("lookup_refused", value=str(error.status or error.cause))
        exports.conflict(export, AttentionReason.LOOKUP_BLIND, problem)
        return
    settle_finding(export, finding)
    if finding.verdict == Verdict.ABSENT:
        if export.lookups + 1 >= 2:
            exports.not_there(export)
        else:
            exports.look_again(export, counted=True)


def settle_finding(export: InvoiceExport, finding: Finding) -> bool:
    """Adopt what is ours, hold what is not. False when nothing was found."""
    if finding.verdict == Verdict.EQUAL and finding.invoice is not None:
        return exports.adopt(export, finding.invoice)
    if finding.verdict == Verdict.DIFFERENT:
        problem = Problem("conflict", value=finding.described)
        return exports.conflict(export, AttentionReason.CONFLICT, problem)
    if finding.verdict == Verdict.SEVERAL:
        problem = Problem("several_found", value=finding.described)
        return exports.conflict(export, AttentionReason.CONFLICT, problem)
    return False


def read_back(tenant_pk: int, client: ProcountorClient) -> int:
    """Read what was submitted back from Procountor and compare; returns how many were equal.

    Raises the client's errors; what was not read stays SUBMITTED and is read the next time.
    """
    submitted = list(
        InvoiceExport.objects.filter(
            tenant_id=tenant_pk, status=ExportStatus.SUBMITTED, problems=[]
        )
        .select_related("invoice")
        .order_by("pk")[:_READ_BACK_AT_ONCE]
    )
    if not submitted:
        return 0
    wanted = {export.remote_id: export for export in submitted if export.remote_id is not None}
    found = client.get_invoices(list(wanted))
    return sum(_compare(wanted[remote.id], remote) for remote in found if remote.id in wanted)


def _compare(export: InvoiceExport, remote: RemoteInvoice) -> bool:
    problems: list[Problem] = []
    if (
        remote.original_invoice_number != export.invoice.number
        or remote.date != export.invoice.date
    ):
        problems.append(Problem("conflict", value=", ".join(differing(export, remote))))
    elif differing(export, remote):
        problems.append(
            Problem(
                "total_differs",
                value=str(remote.gross_total),
                expected=str(export.invoice.gross_total),
            )
        )
    return exports.read_back(export, remote, problems)
