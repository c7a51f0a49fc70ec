"""Which invoices a deletion may take: only whole records, and only those whose every row has
reached its end. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from invoices.change_models import HeldChange
from invoices.correction_models import Correction
from invoices.enums import ChangeState, StepStatus
from invoices.evidence.kinds import BY_NUMBER
from invoices.evidence_models import EvidenceChain, EvidenceLink
from invoices.ledger_models import LedgerDifference
from invoices.models import InvoiceExport
from invoices.retention import holds
from invoices.retention_models import Expiry, ExpiryState, LegalHold
from invoices.step_models import ExportStep

_AT_ONCE = 500
INVOICE, FILE, ITEM = 5, 7, 8
#: Kinds of rows that a record is made of, and how each leads to its invoice.
_OF_EXPORT = "JOIN invoices_invoiceexport x ON x.id = r.export_id"
_PATHS: dict[int, tuple[str, str]] = {
    5: ("", "r.id"),
    6: ("", "r.invoice_id"),
    8: ("", "r.invoice_id"),
    9: ("", "r.invoice_id"),
    10: (
        "JOIN invoices_exportstep s ON s.id = r.step_id "
        "JOIN invoices_invoiceexport x ON x.id = s.export_id",
        "x.invoice_id",
    ),
    **dict.fromkeys((1, 2, 3, 4, 12, 13), (_OF_EXPORT, "x.invoice_id")),
}


def chains_of(expiry: Expiry) -> list[EvidenceChain]:
    """The chains whose rows a deletion may take: its own, and what earlier ones had to leave
    because a later year still needed it. None that is held."""
    begun = Q(state=ExpiryState.DONE) | Q(pk=expiry.pk)
    pks = Expiry.objects.filter(begun, tenant=expiry.tenant_id).values("chain")
    found = EvidenceChain.objects.filter(pk__in=pks).order_by("pk")
    return [chain for chain in found if not holds.holding(chain).exists()]


def doomed(expiry: Expiry) -> list[int]:
    """The invoices that may be deleted. Those that came in one file go together: the file is kept
    whole while one of its invoices is, and so are the others."""
    chains = [chain.pk for chain in chains_of(expiry)]
    links = EvidenceLink.objects.filter(chain__in=chains, kind=INVOICE)
    candidates = set(links.values_list("row", flat=True))
    for piece in pieces(sorted(candidates)):
        candidates -= blocked(piece, chains, expiry)
    of_file, of_invoice = _files(chains)
    kept = [invoice for invoice in of_invoice if invoice not in candidates]
    while kept:
        for file in of_invoice.pop(kept.pop(), ()):
            for invoice in of_file.pop(file, ()):
                candidates.discard(invoice)
                kept.append(invoice)
    return sorted(candidates)


def blocked(invoice_pks: Sequence[int], chains: Collection[int], expiry: Expiry) -> set[int]:
    """Which of these invoices are kept: something of them is in another chain or in none yet, is
    dated in a year that is held or not over, or is still somebody's work."""
    if not chains:
        return set(invoice_pks)
    found: set[int] = set()
    for number, (joins, column) in _PATHS.items():
        found |= _linked_elsewhere(number, joins, column, invoice_pks, chains)
    exports = _dated(InvoiceExport.objects.filter(invoice__in=invoice_pks))
    elsewhere = Q(day__gt=expiry.chain.ends_on)
    for span in LegalHold.objects.filter(
        tenant=expiry.tenant_id, lifted_at=None, chain__isnull=False
    ).values_list("chain__starts_on", "chain__ends_on"):
        elsewhere |= Q(day__range=span)
    found.update(exports.filter(elsewhere).values_list("invoice", flat=True))
    over = (StepStatus.DONE, StepStatus.SKIPPED)
    steps = ExportStep.objects.filter(export__invoice__in=invoice_pks).exclude(status__in=over)
    found.update(steps.values_list("export__invoice", flat=True))
    open_ones = LedgerDifference.objects.filter(export__invoice__in=invoice_pks, ended_at=None)
    found.update(open_ones.values_list("export__invoice", flat=True))
    held = HeldChange.objects.filter(export__invoice__in=invoice_pks, state=ChangeState.OPEN)
    found.update(held.values_list("export__invoice", flat=True))
    return found


def pieces(pks: Iterable[int], size: int = _AT_ONCE) -> Iterator[list[int]]:
    left = iter(pks)
    while piece := list(islice(left, size)):
        yield piece


def marks(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _dated(exports: Any) -> Any:
    """With `day`, the invoice date that counts."""
    latest = Correction.objects.filter(export=OuterRef("pk"), number=OuterRef("corrections"))
    return exports.annotate(day=Coalesce(Subquery(latest.values("date")[:1]), "invoice__date"))


def _linked_elsewhere(
    number: int, joins: str, column: str, invoice_pks: Sequence[int], chains: Collection[int]
) -> set[int]:
    # Only names of our own models are put into the statement.
    statement = (
        f"SELECT DISTINCT {column} FROM {BY_NUMBER[number].table} r {joins} "  # nosec B608
        f"LEFT JOIN invoices_evidencelink l ON l.kind = {number} AND l.row = r.id "
        f"WHERE {column} IN ({marks(invoice_pks)}) "
        f"AND (l.chain_id IS NULL OR l.chain_id NOT IN ({marks(chains)}))"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*invoice_pks, *chains])
        return {row[0] for row in cursor.fetchall()}


def _files(chains: Collection[int]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """{file: invoices} and {invoice: files} of these chains' files."""
    of_file: dict[int, list[int]] = defaultdict(list)
    of_invoice: dict[int, list[int]] = defaultdict(list)
    statement = (
        "SELECT r.file_id, r.invoice_id FROM invoices_receiveditem r "  # nosec B608
        f"JOIN invoices_evidencelink l ON l.kind = {ITEM} AND l.row = r.id "
        f"WHERE l.chain_id IN ({marks(chains) or 'NULL'}) AND r.invoice_id IS NOT NULL"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*chains])
        for file, invoice in cursor.fetchall():
            of_file[file].append(invoice)
            of_invoice[invoice].append(file)
    return dict(of_file), dict(of_invoice)
