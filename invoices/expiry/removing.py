"""Deletes rows with their links, in the order that foreign keys want, and counts them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from invoices.cause_models import ExportCause, Fix
from invoices.change_models import HeldChange
from invoices.evidence.kinds import BY_NUMBER
from invoices.evidence_models import EvidenceLink
from invoices.expiry.choosing import marks, pieces
from invoices.filing_models import FilingRun
from invoices.ledger_models import LedgerDay, LedgerDifference
from invoices.models import AuditEvent, Invoice, InvoiceExport, PreparedPayload, ReceivedItem
from invoices.plan_models import BulkPlanItem
from invoices.reports import rolling
from invoices.retention.numbers import digest_of, key_id
from invoices.retention_models import ExpiredNumber, Expiry
from invoices.search_models import SearchKey
from invoices.step_models import ExportStep
from invoices.team_models import Case
from invoices.upload_models import StagedFile
from invoices.wording_models import UnknownCode

_EVENT, _ATTEMPT, _LOOK_UP, _CORRECTION, _INVOICE, _EXPORT = 1, 2, 3, 4, 5, 6
_FILE, _ITEM, _ATTACHMENT, _STEP_ATTEMPT, _COMMENT, _ENTRY = 7, 8, 9, 10, 12, 13
_MOVE, _SEAL, _PIECE = 14, 17, 19
#: What is known of an export beside its evidence: derived from it, or work that is over.
_BESIDE = (
    *(SearchKey, PreparedPayload, ExportCause, BulkPlanItem, LedgerDifference, Case),
    HeldChange,
)


class Inconsistent(Exception):
    """A row without its link, or the other way round; nothing was deleted."""


class Removal:
    """Deletes for one deletion, inside its transaction, and adds to its counts."""

    #: Kinds that are of no invoice, or of several.
    ALONE = (_EVENT, _FILE, _MOVE, _SEAL)

    def __init__(self, expiry: Expiry) -> None:
        self.expiry = expiry

    def of_invoices(self, pks: Sequence[int]) -> None:
        """Invoices with everything that belongs to them; what stays is that their number was."""
        if not pks:
            return
        exports = list(InvoiceExport.objects.filter(invoice__in=pks).values_list("pk", flat=True))
        self._count_and_bury(pks)
        rolling.forget(exports)
        for model in _BESIDE:
            self._beside(model._default_manager.filter(export__in=exports))
        UnknownCode.objects.filter(example__in=exports).update(example=None)
        events = AuditEvent.objects.filter(export__in=exports)
        Fix.objects.filter(event__in=events).update(event=None)
        for number in (_COMMENT, _ENTRY, _CORRECTION, _LOOK_UP, _ATTEMPT, _EVENT):
            self._evidence(number, _keys(number, export__in=exports))
        self._evidence(_STEP_ATTEMPT, _keys(_STEP_ATTEMPT, step__export__in=exports))
        self._beside(ExportStep.objects.filter(export__in=exports))
        self._evidence(_EXPORT, exports)
        self._evidence(_ATTACHMENT, _keys(_ATTACHMENT, invoice__in=pks))
        self._evidence(_ITEM, _keys(_ITEM, invoice__in=pks))
        self._evidence(_INVOICE, pks)

    def of_rows(self, found: Sequence[tuple[int, int]]) -> None:
        """Those of these (kind, row) that belong to no invoice that is kept."""
        rows: dict[int, list[int]] = defaultdict(list)
        for number, row in found:
            rows[number].append(row)
        events = _keys(_EVENT, pk__in=rows[_EVENT], export=None)
        Fix.objects.filter(event__in=events).update(event=None)
        self._evidence(_EVENT, events)
        self._evidence(_MOVE, rows[_MOVE])
        ends_on = self.expiry.chain.ends_on
        self._beside(LedgerDay.objects.filter(seal__in=rows[_SEAL], day__lte=ends_on))
        used = LedgerDay.objects.filter(seal__in=rows[_SEAL]).values_list("seal", flat=True)
        self._evidence(_SEAL, sorted(set(rows[_SEAL]) - set(used)))
        of_invoices = ReceivedItem.objects.filter(file__in=rows[_FILE], invoice__isnull=False)
        files = sorted(set(rows[_FILE]) - set(of_invoices.values_list("file", flat=True)))
        self._beside(StagedFile.objects.filter(received__in=files))
        self._evidence(_ITEM, _keys(_ITEM, file__in=files))
        self._evidence(_PIECE, _keys(_PIECE, file__in=files))
        self._beside(FilingRun.objects.filter(received__in=files))
        self._evidence(_FILE, files)

    def of_days(self) -> None:
        """What reconciliation knows of days of which no invoice is kept."""
        tenant, chain = self.expiry.tenant_id, self.expiry.chain
        span = (chain.starts_on, chain.ends_on)
        kept = Invoice.objects.filter(tenant=tenant, date__range=span).values("date")
        days = LedgerDay.objects.filter(tenant=tenant, day__range=span, seal=None)
        self._beside(days.exclude(day__in=kept))
        orphans = LedgerDifference.objects.filter(tenant=tenant, day__range=span, export=None)
        self._beside(orphans.exclude(day__in=kept))

    def _count_and_bury(self, pks: Sequence[int]) -> None:
        sums = {currency: Decimal(total) for currency, total in self.expiry.sums.items()}
        buried = []
        for invoice in Invoice.objects.filter(pk__in=pks).only("number", "currency", "gross_total"):
            currency = invoice.currency
            sums[currency] = sums.get(currency, Decimal()) + invoice.gross_total
            digest = digest_of(self.expiry.tenant_id, invoice.number)
            buried.append(
                ExpiredNumber(
                    tenant_id=self.expiry.tenant_id,
                    expiry=self.expiry,
                    digest=digest,
                    key=key_id(),
                )
            )
        ExpiredNumber.objects.bulk_create(buried)
        self.expiry.invoices += len(buried)
        self.expiry.sums = {currency: f"{total:.2f}" for currency, total in sorted(sums.items())}

    def _evidence(self, number: int, pks: Sequence[int]) -> None:
        """Rows and their links. Past the models: their managers refuse what the triggers allow."""
        table = BY_NUMBER[number].table
        for piece in pieces(pks):
            links = EvidenceLink.objects.filter(kind=number, row__in=piece)
            of_chain = Counter(links.values_list("chain", flat=True))
            with connection.cursor() as cursor:
                # Only names of our own models are put into the statement.
                statement = f"DELETE FROM {table} WHERE id IN ({marks(piece)})"  # nosec B608
                cursor.execute(statement, piece)
                rows = cursor.rowcount
            if not rows == len(piece) == sum(of_chain.values()):
                raise Inconsistent(f"{table}: {rows} rows, {sum(of_chain.values())} links")
            links._raw_delete(links.db)
            for chain, count in of_chain.items():
                self._add(str(chain), table, count)

    def _beside(self, rows: QuerySet[Any]) -> None:
        count = rows._raw_delete(rows.db)
        self._add("beside", rows.model._meta.db_table, count)

    def _add(self, chain: str, table: str, count: int) -> None:
        if count:
            counts = self.expiry.removed.setdefault(chain, {})
            counts[table] = counts.get(table, 0) + count


def _keys(number: int, **which: Any) -> list[int]:
    rows = BY_NUMBER[number].model_class._default_manager.filter(**which)
    return list(rows.order_by("pk").values_list("pk", flat=True))
