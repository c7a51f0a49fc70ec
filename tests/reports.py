"""Exports that live through their moves without a Procountor, and a full count of them by hand."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import time_machine

from integrations.procountor.schemas import CreatedInvoice
from invoices import exports
from invoices.document import Problem
from invoices.enums import AttemptOutcome, AttentionReason, ExportStatus, ParkedReason
from invoices.exports.moves import needs_attention, park
from invoices.models import Invoice, InvoiceExport
from invoices.report_models import Rollup
from invoices.reports.rolling import FIGURES
from invoices.reports.times import bucket_of

HELSINKI = ZoneInfo("Europe/Helsinki")
_KEY = SimpleNamespace(short_fingerprint="f" * 12)
_numbers = itertools.count(1)
_PROBLEM = Problem("ERROR_VATSTATUS_VATPERC", place="rows[0].vat_percent", value="25.5")


def at(day, clock="12:00"):
    """A moment of the clock on the wall in Helsinki."""
    return dt.datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=HELSINKI)


def take_in(tenant, total="10.00", currency="EUR", *, when=None, queue=True, buyer="Ostaja Oy"):
    """A new invoice and its export."""
    with _clock(when):
        number = f"R-{next(_numbers)}"
        invoice = Invoice.objects.create(
            tenant=tenant,
            number=number,
            date=dt.date(2026, 9, 1),
            buyer_name=buyer,
            currency=currency,
            gross_total=Decimal(total),
            content={},
            content_sha256="",
        )
        facts = (invoice.number, buyer, currency, invoice.gross_total)
        (pk,) = exports.create_each([exports.NewExport(invoice.pk, *facts)], tenant.pk, by=None)
        export = InvoiceExport.objects.get(pk=pk)
        if queue:
            exports.queue(export)
    return export


def claim(export):
    export.refresh_from_db()
    [taken] = exports.claim([export])
    return taken, exports.open_attempt(taken, b"{}", _KEY)


def accept(export, *, when=None):
    """One POST and its 200."""
    with _clock(when):
        taken, attempt = claim(export)
        created = CreatedInvoice.read({"id": export.pk, "invoiceNumber": 70000 + export.pk})
        assert exports.accepted([(taken, attempt, created)])


def fail(export, *, when=None, parked=False):
    """One POST that was refused."""
    with _clock(when):
        taken, attempt = claim(export)
        exports.close(attempt, AttemptOutcome.REFUSED)
        if parked:
            assert park(taken, ParkedReason.CLOSED_PERIOD, [_PROBLEM])
        else:
            reason = AttentionReason.REFUSED
            assert needs_attention(taken, ExportStatus.SUBMITTING, reason, [_PROBLEM])


def lose(export, *, when=None):
    """One POST whose answer did not come."""
    with _clock(when):
        taken, attempt = claim(export)
        exports.close(attempt, AttemptOutcome.UNKNOWN)
        assert exports.change_status(taken, ExportStatus.SUBMITTING, ExportStatus.UNKNOWN)


def adopt(export, *, when=None):
    """It was found in Procountor."""
    with _clock(when):
        export.refresh_from_db()
        assert exports.adopt(export, CreatedInvoice.read({"id": export.pk}))


def queue_again(export, *, when=None):
    with _clock(when):
        export.refresh_from_db()
        assert exports.queue(export)


def _clock(when):
    return time_machine.travel(when, tick=False) if when else _NO_CLOCK


class _Still:
    def __enter__(self):
        return None

    def __exit__(self, *error):
        return False


_NO_CLOCK = _Still()


def figures():
    """What the rollups say: {(tenant or None, day, currency): {column: figure} without zeros}."""
    found = {}
    for row in Rollup.objects.all():
        values = {name: getattr(row, name) for name in FIGURES} | {
            int(bucket): count for bucket, count in row.times.items()
        }
        found[row.tenant_id, row.day, row.currency] = _without_zeros(values)
    return found


def full_count():
    """The same, counted one export after the other from the exports themselves."""
    found: dict = {}
    for export in InvoiceExport.objects.select_related("invoice").prefetch_related("attempts"):
        invoice = export.invoice
        for tenant in (export.tenant_id, None):
            key = (tenant, _day(export.created_at), invoice.currency)
            taken = found.setdefault(key, Counter())
            _count(taken, "taken", invoice)
            if export.status in ("needs_attention", "parked"):
                _count(taken, "failed", invoice)
            elif export.status == "skipped":
                _count(taken, "skipped", invoice)
            elif export.status in ("submitted", "reconciled"):
                key = (tenant, _day(export.submitted_at), invoice.currency)
                done = found.setdefault(key, Counter())
                _count(done, "exported", invoice)
                done[bucket_of(export.submitted_at - export.created_at)] += 1
                first = [a.outcome for a in export.attempts.all()] == ["accepted"]
                if first and not export.causes.exists() and not export.corrections:
                    _count(done, "first_pass", invoice)
            else:
                _count(taken, "waiting", invoice)
    return {key: _without_zeros(values) for key, values in found.items()}


def _count(figures, name, invoice):
    figures[name] += 1
    figures[f"{name}_total"] += invoice.gross_total


def _without_zeros(values):
    return {name: value for name, value in values.items() if value}


def _day(moment):
    return moment.astimezone(HELSINKI).date()
