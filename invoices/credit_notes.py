"""Which credit notes wait: a credit note goes to Procountor after the invoice that it credits.

It waits while that invoice is here and not in Procountor yet, or may still come with a file that
is being taken in. An invoice that was never here (from a time before, or from another system)
keeps nobody waiting, and neither does one that a person decided not to export.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q
from django.db.models.fields.json import KeyTextTransform

from integrations.models import Tenant
from invoices import exports
from invoices.document import Problem
from invoices.enums import ExportStatus, ParkedReason
from invoices.filing_models import FilingRun
from invoices.models import Invoice, InvoiceExport

#: Where an invoice is that its credit notes wait for no more.
_OVER = (ExportStatus.SUBMITTED, ExportStatus.RECONCILED, ExportStatus.SKIPPED)


def waiting(tenant_pk: int, pks: Iterable[int]) -> dict[int, str]:
    """Of these exports of a tenant, by primary key, the invoice number that each credit note
    waits for; the others are not in it. Three queries at most."""
    credited = _credited(tenant_pk, pks)
    numbers = {number for found in credited.values() for number in found}
    if not numbers:
        return {}
    # Asked before the invoices: what its last batch brings is seen then.
    more_may_come = FilingRun.objects.filter(tenant=tenant_pk, finished_at=None).exists()
    here = Invoice.objects.filter(tenant=tenant_pk, number__in=numbers)
    known, ahead = set(), set()
    for number, is_note, status in here.values_list("number", "is_credit_note", "export__status"):
        known.add(number)
        if not is_note and status not in _OVER:
            ahead.add(number)
    waits = {}
    for pk, found in credited.items():
        if number := next((each for each in found if each in ahead), ""):
            waits[pk] = number
        elif more_may_come and not known.intersection(found):
            waits[pk] = found[0]
    return waits


def park(export: InvoiceExport, number: str) -> bool:
    """Let a claimed credit note wait for the invoice with this number."""
    problem = Problem("waits_for_invoice", "corrects_number", number)
    return exports.park(export, ParkedReason.CREDITED_INVOICE, [problem])


def release(tenant_pk: int | None = None) -> int:
    """Queue the credit notes, of one tenant or of all, that need not wait any more; returns how
    many."""
    parked = InvoiceExport.objects.filter(
        status=ExportStatus.PARKED, parked_reason=ParkedReason.CREDITED_INVOICE
    )
    if tenant_pk is not None:
        parked = parked.filter(tenant=tenant_pk)
    of_tenants: dict[int, set[int]] = defaultdict(set)
    for owner, pk in parked.values_list("tenant", "pk").iterator():
        of_tenants[owner].add(pk)
    released = 0
    for tenant in Tenant.objects.filter(pk__in=of_tenants):
        keys = sorted(of_tenants[tenant.pk])
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            free = set(some) - waiting(tenant.pk, some).keys()
            reason = ParkedReason.CREDITED_INVOICE
            released += exports.release_parked(tenant, reason, Q(pk__in=free)) if free else 0
    return released


def _credited(tenant_pk: int, pks: Iterable[int]) -> dict[int, list[str]]:
    """The numbers that each credit note names. Several stand in one text with commas between
    them, which may also be part of a number."""
    notes = InvoiceExport.objects.filter(
        tenant=tenant_pk, pk__in=list(pks), invoice__is_credit_note=True
    )
    # As text: SQLite would give 1001 for "1001".
    rows = notes.values_list("pk", KeyTextTransform("corrects_number", "invoice__content"))
    return {pk: [text, *text.split(", ")] for pk, text in rows if text}
