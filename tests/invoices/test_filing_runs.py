"""Files of any size are taken in batch by batch, and by one worker at a time."""

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django_q.models import OrmQ

from invoices import filing, pieces, tasks
from invoices.filing import batches
from invoices.filing_models import FilingRun, ReceivedPiece
from invoices.intake import reading
from invoices.models import AuditEvent, Invoice, InvoiceExport, ReceivedFile, ReceivedItem
from tests import factories

pytestmark = pytest.mark.django_db


def table(count, first=1, price="100,00"):
    lines = ["Laskunumero;Laskupäivä;Asiakas;Tuote;Määrä;Hinta;ALV-%;Yhteensä"]
    lines += [
        f"A-{n};1.9.2026;Ostaja Oy;Konsultointi;1;{price};25,5;"
        for n in range(first, first + count)
    ]
    return "\n".join(lines).encode()


def begin(tenant, content, **options):
    return filing.begin(tenant, "big.csv", io.BytesIO(content), via="command", **options)


@pytest.fixture
def _small_batches(monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ITEMS", 3)


def test_run_takes_in_the_whole_file(tenant):
    run = begin(tenant, table(7), queue=True)

    assert filing.go_on(run)
    assert (run.state, run.items, run.accepted, run.bytes_done) == ("done", 7, 7, len(table(7)))
    assert [item.position for item in run.received.items.all()] == [1, 2, 3, 4, 5, 6, 7]
    assert set(InvoiceExport.objects.values_list("status", flat=True)) == {"queued"}


def test_run_and_file_at_once_store_the_same(make_tenant):
    one, other = make_tenant(), make_tenant(name="Beta Oy", business_id="0112038-9")
    content = table(5) + b"\nA-2;1.9.2026;Ostaja Oy;Muu;1;7,00;25,5;\nB-1;x;Ostaja Oy;Y;1;7;25,5;"

    received = filing.file_invoices(one, "big.csv", content, via="command", queue=True)
    run = begin(other, content, queue=True)
    assert filing.go_on(run)

    def stored(tenant, file):
        exports = InvoiceExport.objects.filter(tenant=tenant).order_by("invoice__number")
        fields = ("invoice__number", "invoice__content", "invoice__content_sha256", "status")
        items = file.items.values_list("position", "number", "outcome", "problems", "warnings")
        keys = exports.values_list("invoice__number", "search_keys__key", "prepared__basis")
        events = AuditEvent.objects.filter(export__tenant=tenant).order_by("export", "pk")
        return (
            list(exports.values_list(*fields, "warnings", "problems")),
            list(items.order_by("position")),
            sorted(str(key[:2]) for key in keys if key[2]),
            list(events.values_list("action", "data")),
        )

    assert stored(one, received) == stored(other, run.received)
    assert filing.counts(run.received) == run.counts


@pytest.mark.usefixtures("_small_batches")
def test_run_goes_on_where_it_stopped(tenant):
    run = begin(tenant, table(8))

    assert not filing.go_on(run, stop=lambda: True)
    assert (run.items, run.state, ReceivedItem.objects.count()) == (3, "running", 3)
    assert 0 < run.bytes_done <= run.received.size
    assert filing.go_on(FilingRun.objects.get(pk=run.pk))

    assert sorted(Invoice.objects.values_list("number", flat=True)) == [
        f"A-{n}" for n in range(1, 9)
    ]
    assert ReceivedItem.objects.filter(outcome="accepted").count() == 8


@pytest.mark.usefixtures("_small_batches")
def test_second_worker_does_nothing_while_the_first_is_at_it(tenant):
    run = begin(tenant, table(8))
    seen = []

    def other_comes(run):
        seen.append(filing.go_on(FilingRun.objects.get(pk=run.pk)))

    assert filing.go_on(run, moved=other_comes)
    assert (set(seen[:-1]), run.items, Invoice.objects.count()) == ({False}, 8, 8)


@pytest.mark.usefixtures("_small_batches")
def test_worker_whose_lease_was_taken_over_keeps_nothing_more(tenant):
    run = begin(tenant, table(8))

    def lease_ends(run):
        FilingRun.objects.filter(pk=run.pk).update(holder="somebody", lease_until=None)

    assert not filing.go_on(run, moved=lease_ends)
    assert (run.items, ReceivedItem.objects.count()) == (3, 3)
    assert filing.go_on(run)
    assert (run.items, run.accepted, Invoice.objects.count()) == (8, 8, 8)


@pytest.mark.usefixtures("_small_batches")
def test_cancelled_run_keeps_what_was_taken_in_and_says_so(tenant, admin_user):
    run = begin(tenant, table(8))

    filing.go_on(run, moved=lambda run: filing.cancel(run, by=admin_user))

    assert (run.state, run.items, run.cancelled_by, Invoice.objects.count()) == (
        "cancelled", 3, admin_user, 3,
    )  # fmt: skip
    event = AuditEvent.objects.get(action="file.cancelled")
    assert (event.by, event.data["items"], event.data["accepted"]) == (admin_user, 3, 3)
    assert filing.go_on(run) and not filing.cancel(run, by=admin_user)
    assert Invoice.objects.count() == 3


@pytest.mark.usefixtures("_small_batches")
def test_run_stops_when_its_tenant_is_closed(tenant):
    run = begin(tenant, table(8))

    def closes(run):
        type(tenant).objects.update(state="closed")

    assert filing.go_on(run, moved=closes)
    assert (run.state, run.items) == ("refused", 3)
    assert AuditEvent.objects.filter(action="file.refused").count() == 1


def test_nothing_is_kept_for_a_closed_tenant(tenant):
    type(tenant).objects.update(state="closed")

    with pytest.raises(filing.TenantClosed):
        begin(tenant, table(1))

    assert (ReceivedFile.objects.count(), FilingRun.objects.count()) == (0, 0)


def test_task_goes_on_for_a_turn_and_the_schedule_finds_what_lost_its_task(tenant, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ITEMS", 2)
    run = begin(tenant, table(5))
    OrmQ.objects.all().delete()

    assert tasks.follow_filings() == 1
    assert OrmQ.objects.count() == 1
    assert tasks.take_in(run.pk) is False
    assert (tasks.follow_filings(), Invoice.objects.count()) == (0, 5)


def noise(count):
    return random.Random(1).randbytes(count)


@pytest.mark.parametrize("extra", [0, 1, 700_000])
def test_large_file_is_kept_in_pieces_byte_for_byte(tenant, monkeypatch, extra):
    monkeypatch.setattr(pieces, "INLINE_BYTES", 1000)
    content = noise(2 * pieces.PIECE_BYTES + extra)

    received = begin(tenant, content).received

    assert (bytes(received.content), received.pieces.count()) == (b"", 3 if extra else 2)
    assert b"".join(pieces.chunks(received)) == content
    assert (received.sha256, received.size) == (hashlib.sha256(content).hexdigest(), len(content))
    with pieces.opened(received) as file:
        assert file.seek(0, 2) == len(content)
        for start, count in ((0, 10), (pieces.PIECE_BYTES - 5, 10), (len(content) - 7, 99)):
            file.seek(start)
            assert file.read(count) == content[start : start + count]


def test_pieces_are_never_changed_or_deleted(tenant, monkeypatch):
    monkeypatch.setattr(pieces, "INLINE_BYTES", 10)
    begin(tenant, table(3))

    for change in (
        lambda rows: rows.update(content=b"x"),
        lambda rows: rows._raw_delete(rows.db),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(ReceivedPiece.objects.all())


def test_original_in_pieces_is_downloaded_whole(tenant, monkeypatch, admin_client):
    monkeypatch.setattr(pieces, "INLINE_BYTES", 10)
    run = begin(tenant, table(3))

    answer = admin_client.get(reverse("admin:invoices_receivedfile_download", args=[run.pk]))

    assert b"".join(answer.streaming_content) == table(3)
    assert answer["Content-Length"] == str(len(table(3)))


def previewed(tenant, content):
    found = filing.preview(tenant, reading(io.BytesIO(content)))
    return [(one.item.number, str(one.verdict)) for one in found]


@pytest.mark.parametrize("size", [1, 2, 500])
def test_preview_says_what_taking_in_does_and_writes_nothing(tenant, monkeypatch, size):
    monkeypatch.setattr(batches, "BATCH_ITEMS", size)
    filing.file_invoices(tenant, "before.csv", table(2), via="command")
    same, other = factories.invoice("B-1"), factories.invoice("B-1", order_reference="PO 7")
    # A JSON file may hold one number twice; a table puts such rows together.
    content = json.dumps({"invoices": [same, same, other, factories.invoice("B-2", rows=[])]})
    counted = (ReceivedFile, ReceivedItem, Invoice, InvoiceExport, AuditEvent)
    before = [model.objects.count() for model in counted]

    told = previewed(tenant, content.encode()) + previewed(tenant, table(3, price="100,00"))

    assert [model.objects.count() for model in counted] == before
    assert told == [
        ("B-1", "new"), ("B-1", "duplicate"), ("B-1", "changed"), ("B-2", "rejected"),
        ("A-1", "duplicate"), ("A-2", "duplicate"), ("A-3", "new"),
    ]  # fmt: skip
    received = filing.file_invoices(tenant, "x.json", content.encode(), via="command")
    assert filing.counts(received) == {"accepted": 1, "duplicate": 1, "rejected": 2}


_KILLED = """
import os, signal, sys
import django
django.setup()
from invoices import filing
from invoices.filing import batches
from invoices.filing_models import FilingRun
batches.BATCH_ITEMS = 50
def moved(run):
    if run.items >= 150:
        os.kill(os.getpid(), signal.SIGKILL)
filing.go_on(FilingRun.objects.get(pk=int(sys.argv[1])), moved=moved)
"""


@pytest.mark.django_db(transaction=True)
def test_worker_killed_in_the_middle_loses_and_doubles_nothing(tenant):
    run = begin(tenant, table(400))
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}" if connection.vendor == "sqlite" else os.environ["DATABASE_URL"]
    if connection.vendor == "postgresql":
        url = f"{url.rpartition('/')[0]}/{name}"
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(run.pk)], env=environment, check=False
    )

    run.refresh_from_db()
    assert (killed.returncode, run.items) == (-signal.SIGKILL, 150)
    assert not filing.go_on(run), "the dead worker's lease lasts"
    FilingRun.objects.update(lease_until=run.started_at)
    assert tasks.follow_filings() == 1
    assert filing.go_on(run)
    assert (run.items, Invoice.objects.count(), InvoiceExport.objects.count()) == (400, 400, 400)
    positions = ReceivedItem.objects.order_by("position").values_list("position", "outcome")
    assert list(positions) == [(n, "accepted") for n in range(1, 401)]
