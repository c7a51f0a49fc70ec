"""A backup is put back: what was submitted after it was made is not submitted again."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from integrations.clients import client_for
from invoices import engine, exports, filing
from invoices.enums import ExportStatus
from invoices.mapping import map_invoice, to_bytes
from invoices.models import AuditEvent, InvoiceExport
from invoices.preflight import latest_reference_data, reference_of, settings_of
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def take_in(tenant, number, *, queue):
    content = json.dumps(factories.invoice(number)).encode()
    filing.file_invoices(tenant, "own.json", content, via="command", queue=queue)
    return InvoiceExport.objects.select_related("invoice").get(invoice__number=number)


def booked_after_the_backup(tenant, export):
    """In Procountor, with nothing of it in this database."""
    reference = reference_of(latest_reference_data(tenant))
    mapped = map_invoice(export.invoice.document, settings_of(tenant), reference)
    client_for(tenant).create_invoice(to_bytes(mapped.payload))


def work(tenant):
    for _round in range(4):
        InvoiceExport.objects.exclude(not_before=None).update(not_before=timezone.now())
        engine.run_lane(tenant.pk)


def numbers(sandbox):
    return sorted(row["originalInvoiceNumber"] for row in sandbox.ledger())


def test_queued_export_that_was_booked_meanwhile_is_adopted(tenant, sandbox):
    export = take_in(tenant, "A-1", queue=True)
    booked_after_the_backup(tenant, export)

    call_command("after_restore")
    export.refresh_from_db()
    assert export.status == ExportStatus.UNKNOWN
    work(tenant)

    export.refresh_from_db()
    assert (export.status, export.attempts.count()) == (ExportStatus.RECONCILED, 0)
    assert numbers(sandbox) == ["A-1"]


def test_queued_export_that_was_not_booked_is_submitted(tenant, sandbox):
    take_in(tenant, "A-1", queue=True)

    call_command("after_restore")
    work(tenant)

    assert numbers(sandbox) == ["A-1"]


def test_claimed_export_is_unknown_and_its_attempt_closed(tenant):
    export = take_in(tenant, "A-1", queue=True)
    claimed = exports.claim_next(tenant)
    exports.open_attempt(claimed, b"{}", tenant.active_credential)

    call_command("after_restore")

    export.refresh_from_db()
    attempt = export.attempts.get()
    assert (export.status, attempt.outcome, attempt.cause) == ("unknown", "unknown", "restored")


def test_draft_that_was_queued_and_booked_meanwhile_is_adopted(tenant, sandbox):
    export = take_in(tenant, "A-1", queue=False)
    booked_after_the_backup(tenant, export)
    call_command("after_restore")

    exports.queue(InvoiceExport.objects.get())
    work(tenant)

    assert numbers(sandbox) == ["A-1"]
    assert InvoiceExport.objects.get().status == ExportStatus.RECONCILED


def test_invoice_that_comes_in_after_the_restore_is_looked_for_first(tenant, sandbox):
    reference = take_in(tenant, "A-1", queue=False)
    booked_after_the_backup(tenant, reference)
    InvoiceExport.objects.update(look_first=False)
    call_command("after_restore")

    assert take_in(tenant, "A-2", queue=True).look_first
    work(tenant)

    assert numbers(sandbox) == ["A-1", "A-2"]
    assert "/invoices" in [r[2] for r in sandbox.requests if r[1] == "GET"]


def test_caution_ends(tenant):
    call_command("after_restore", "--days", "1")
    assert take_in(tenant, "A-1", queue=False).look_first

    with time_machine.travel(timezone.now() + dt.timedelta(days=1, seconds=1)):
        assert not take_in(tenant, "A-2", queue=False).look_first


def test_done_exports_are_left_alone_and_the_act_is_recorded(tenant, sandbox):
    export = take_in(tenant, "A-1", queue=True)
    work(tenant)

    call_command("after_restore")

    export.refresh_from_db()
    assert (export.status, export.look_first) == (ExportStatus.RECONCILED, False)
    data = AuditEvent.objects.get(action="database.restored").data
    assert (data["unknown"], data["look_first"]) == (0, 0)
