"""Invoices that somebody entered in Procountor by hand: the number a person gives is looked up
there before anything changes. Never POSTs.

The row is committed before the request, and a look-up that is lost is made again by the sweeper.
Only what is found, and has our buyer, currency and total, ends the export: SKIPPED, with
Procountor's id and number. Anything else is told and changes nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.tasks import async_task

from integrations.clients import CredentialMissing, client_for
from integrations.models import Tenant
from integrations.procountor import ProcountorClient, ProcountorError, RemoteInvoice
from integrations.secrets import SecretUnreadable
from invoices import audit, exports, reconciliation
from invoices.correction_models import EnteredByHand
from invoices.enums import EntryState
from invoices.models import InvoiceExport

#: From here a person may say so: nothing is on its way, and nothing is in doubt.
ENTERABLE = exports.QUEUEABLE
_OVERDUE = dt.timedelta(minutes=2)


def say(export: InvoiceExport, number: int, *, by: User, reason: str) -> EnteredByHand | None:
    """Keep what a person says and have it looked up in the background. None when the export has
    moved on, or another number of it is being looked up."""
    try:
        with transaction.atomic():
            locked = InvoiceExport.objects.select_for_update().filter(pk=export.pk)
            if locked.get().status not in ENTERABLE:
                return None
            entry = EnteredByHand.objects.create(
                export=export, remote_number=number, reason=reason, by=by, at=timezone.now()
            )
            data = {"remote_number": number, "reason": reason}
            audit.record("invoice.entered_by_hand", export=export, by=by, data=data)
            transaction.on_commit(partial(async_task, "invoices.tasks.look_up_entered", entry.pk))
    except IntegrityError:
        return None
    return entry


def look_up_overdue() -> int:
    """Queue the look-ups again that nobody made; returns how many."""
    since = timezone.now() - _OVERDUE
    lost = EnteredByHand.objects.filter(finished_at=None, at__lt=since).values_list("pk", flat=True)
    for pk in lost:
        async_task("invoices.tasks.look_up_entered", pk)
    return len(lost)


def look_up(pk: int) -> str:
    """Look up one entry and settle it; returns its state. Repeatable: the first answer counts."""
    entry = (
        EnteredByHand.objects.select_related("export__invoice", "export__tenant", "by")
        .filter(pk=pk, finished_at=None)
        .first()
    )
    if entry is None:
        return ""
    answer = _ask(entry)
    with transaction.atomic():
        # Two entries of one tenant must not both take the same invoice of Procountor's.
        Tenant.objects.select_for_update().get(pk=entry.export.tenant_id)
        state, cause = _judge(entry, answer)
        if not _finish(entry, state, cause, answer.found):
            return ""
    return state


@dataclass(frozen=True)
class _Answer:
    """What Procountor has under the number given, and under our own."""

    found: RemoteInvoice | None = None
    #: Ids of live invoices with our own number.
    ours: tuple[int, ...] = ()
    cause: str = ""


def _ask(entry: EnteredByHand) -> _Answer:
    try:
        return _asked(client_for(entry.export.tenant), entry)
    except CredentialMissing:
        return _Answer(cause="credential_missing")
    except SecretUnreadable:
        return _Answer(cause="key_unreadable")
    except ProcountorError as error:
        return _Answer(cause=error.cause or str(error.status or "no_answer"))


def _asked(client: ProcountorClient, entry: EnteredByHand) -> _Answer:
    number = entry.remote_number
    # Whether Procountor's search is exact is not documented (REFERENCE section 12).
    hits = list(client.search_invoices(types="SALES_INVOICE", invoiceNumber=number))
    own = client.find_invoices(original_invoice_number=entry.export.invoice.number)
    ours = tuple(hit.id for hit in own if hit.status not in reconciliation.GONE)
    for hit in hits:
        invoice = client.get_invoice(hit.id)
        is_sale = invoice.invoice_type in ("", "SALES_INVOICE")
        if invoice.invoice_number == number and is_sale:
            return _Answer(invoice, ours)
    return _Answer(None, ours)


def _judge(entry: EnteredByHand, answer: _Answer) -> tuple[EntryState, str]:
    export, found = entry.export, answer.found
    if answer.cause:
        return EntryState.NO_ANSWER, answer.cause
    if found is None or found.status in reconciliation.GONE:
        return EntryState.ABSENT, found.status if found else ""
    other = InvoiceExport.objects.filter(tenant=export.tenant_id, remote_id=found.id)
    if taken := other.exclude(pk=export.pk).select_related("invoice").first():
        return EntryState.TAKEN, taken.invoice.number
    differences = reconciliation.other_total(export, found)
    differences += reconciliation.other_buyer(export, found)
    if found.gross_total is None or not found.buyer_name:
        differences.append("not shown by Procountor")
    if differences:
        return EntryState.DIFFERENT, ", ".join(differences)[:200]
    if twice := [str(each) for each in answer.ours if each != found.id]:
        return EntryState.DOUBLE, ", ".join(twice)[:200]
    InvoiceExport.refresh_from_db(export)
    if not exports.entered_by_hand(export, found, by=entry.by, reason=entry.reason):
        return EntryState.MOVED_ON, str(export.status)
    return EntryState.ADOPTED, ""


def _finish(
    entry: EnteredByHand, state: EntryState, cause: str, found: RemoteInvoice | None
) -> bool:
    facts: dict[str, Any] = reconciliation.facts_of(found) if found else {}
    done = EnteredByHand.objects.filter(pk=entry.pk, finished_at=None).update(
        state=state, cause=cause, found=facts, finished_at=timezone.now()
    )
    if done and state != EntryState.ADOPTED:
        data = {"remote_number": entry.remote_number, "verdict": str(state), "cause": cause}
        audit.record("invoice.entry_refused", export=entry.export, by=entry.by, data=data)
    return bool(done)
