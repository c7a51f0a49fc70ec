"""Reading Procountor: pages, what it costs, and everything that may go wrong on the way."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import time_machine
from django.utils import timezone

from integrations import limits, outages
from integrations.models import Circuit, Tenant
from integrations.sandbox import by_hand
from invoices import filing, ledger
from invoices.ledger import reading
from invoices.ledger_models import LedgerDay, LedgerRead, ReadInvoice
from invoices.models import InvoiceExport
from tests import factories
from tests.invoices.ledger.conftest import DAY, drive

pytestmark = pytest.mark.django_db(transaction=True)

READS = {"method": "GET", "path": "/invoices"}


@pytest.fixture
def many(books):
    """Thousands of invoices of one day that are in Procountor, without a request for each."""

    def make(count):
        numbers = [f"M-{n:05d}" for n in range(count)]
        content = {"invoices": [factories.invoice(n) for n in numbers]}
        filing.file_invoices(
            books.tenant, "many.json", json.dumps(content).encode(), via="command", queue=True
        )
        exports = list(InvoiceExport.objects.select_related("invoice").order_by("pk"))
        for export in exports:
            made = books.enter(number=export.invoice.number, total="125.50")
            export.remote_id, export.status = made["id"], "reconciled"
            export.remote_total, export.not_before = export.invoice.gross_total, None
        fields = ["remote_id", "status", "remote_total", "not_before"]
        InvoiceExport.objects.bulk_update(exports, fields, batch_size=200)

    return make


def test_small_tenant_costs_four_requests(books):
    books.exported("A-1", "A-2")
    before = len(books.sandbox.requests)

    books.read(DAY, DAY + dt.timedelta(days=6))

    assert books.asked(before) == [
        ("GET", "/users/rights"),
        ("GET", "/sessioninfo"),
        ("GET", "/invoices"),
        ("GET", "/users/rights"),
    ]


def test_thousands_are_read_page_by_page_in_two_rounds(books, many):
    many(1001)
    before = len(books.sandbox.requests)

    day = books.read()

    assert (day.verdict, len(day.entries), len(day.seal.lines)) == ("equal", 1001, 1001)
    assert books.asked(before).count(("GET", "/invoices")) == 2 * 6
    assert ReadInvoice.objects.count() == 0


def test_page_that_changes_while_it_is_read_is_read_again(books, many, monkeypatch):
    many(201)
    before = len(books.sandbox.requests)
    step = reading._step
    pages = []

    def changing(read, desk):
        step(read, desk)
        pages.append(read.after_id)
        if len(pages) == 3:  # between the rounds
            books.change("M-00000", total="1.00")

    monkeypatch.setattr(reading, "_step", changing)

    day = books.read()

    assert day.verdict == "different"
    assert books.open() == [("other_total", "M-00000")]
    assert books.asked(before).count(("GET", "/invoices")) == 3 * 2


def test_day_that_never_stands_still_is_left_as_it_was(books, many, monkeypatch):
    many(201)
    step, turn = reading._step, [0]

    def changing(read, desk):
        turn[0] += 1
        books.change("M-00000", total=f"{turn[0]}.00")
        step(read, desk)

    monkeypatch.setattr(reading, "_step", changing)

    assert books.read() is None
    assert LedgerRead.objects.get().cause == "changed_meanwhile"


def test_key_that_sees_own_invoices_only_is_never_green(books):
    books.exported("A-1")
    assert books.read().verdict == "equal"
    books.company.set_right("sales.personalSalesInvoicesOnly", True)

    day = books.read()

    assert (day.verdict, day.cause) == ("refused", "sees_own_invoices_only")
    assert day.seal is not None


def test_key_that_is_blinded_while_it_reads_is_never_green(books, monkeypatch):
    books.exported("A-1")
    page = reading._page

    def blinded(read, desk):
        books.company.set_right("sales.personalSalesInvoicesOnly", True)
        page(read, desk)

    monkeypatch.setattr(reading, "_page", blinded)

    assert books.read().verdict == "refused"


def test_missing_right_and_refused_key_are_not_comparable(books):
    books.exported("A-1")
    books.company.set_right("sales.salesInvoiceSearch", "NO_ACCESS")
    assert (books.read().verdict, books.day().cause) == ("refused", "rights_refused")

    books.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")
    assert books.read().verdict == "equal"

    books.sandbox.fault(kind="expired_token", times=4, **READS)
    assert (books.read().verdict, books.day().cause) == ("refused", "credential_refused")


def test_tenant_that_is_not_active_is_not_read(books):
    Tenant.objects.filter(pk=books.tenant.pk).update(state="paused")
    before = len(books.sandbox.requests)

    assert books.read().cause == "tenant_not_active"
    assert len(books.sandbox.requests) == before


@pytest.mark.parametrize(
    "fault", [{"kind": "html_500"}, {"kind": "rate_limited", "retry_after": 1}, {"kind": "reset"}]
)
def test_failed_page_is_read_later_and_nothing_is_forgotten(books, many, fault):
    many(201)
    books.sandbox.fault(skip=1, **fault, **READS)

    assert books.read() is None
    read = LedgerRead.objects.get()
    assert (read.state, read.pages, read.failures) == ("reading", 1, 1)
    assert read.not_before > timezone.now()

    LedgerRead.objects.update(not_before=timezone.now())
    limits.SpeedLimit.objects.update(held_until=0)
    drive()
    assert books.day().verdict == "equal"


def test_reading_that_fails_again_and_again_leaves_the_day_as_it_was(books):
    books.exported("A-1")
    books.read()
    books.sandbox.fault(kind="html_500", times=5, **READS)
    ledger.read_days(books.tenant, DAY, DAY)
    for _try in range(5):
        LedgerRead.objects.update(not_before=timezone.now())
        drive()

    assert LedgerRead.objects.first().state == "gave_up"
    assert books.day().verdict == "equal"


def test_nothing_is_read_in_an_outage(books):
    Circuit.objects.create(environment="test", state="open", probe_at=timezone.now())
    before = len(books.sandbox.requests)

    assert books.read() is None
    assert len(books.sandbox.requests) == before
    read = LedgerRead.objects.get()
    assert (read.cause, read.failures) == ("outage", 0)


def test_nobody_reads_while_procountor_wants_us_slower(books):
    limits.hold_back("test", 60)
    before = len(books.sandbox.requests)

    assert books.read() is None
    assert len(books.sandbox.requests) == before
    assert LedgerRead.objects.get().cause == "rate_limited"


def test_failures_are_told_to_the_circuit(books):
    books.sandbox.fault(kind="reset", times=20, method="GET", path="/")
    for _try in range(10):
        ledger.read_days(books.tenant, DAY, DAY)
        LedgerRead.objects.update(not_before=timezone.now())
        drive()

    assert outages.allowed_in_flight("test") == 0


def test_killed_worker_costs_one_request(books, many, monkeypatch):
    many(401)
    ledger.read_days(books.tenant, DAY, DAY)
    keep, pages = reading._keep, []

    class Killed(BaseException):
        pass

    def dying(read, found, *, round):
        pages.append(round)
        if len(pages) == 2:
            raise Killed
        keep(read, found, round=round)

    monkeypatch.setattr(reading, "_keep", dying)
    with pytest.raises(Killed):
        drive()
    monkeypatch.undo()

    assert not ledger.advance()  # its lease still holds
    assert LedgerDay.objects.count() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=6)):
        drive()
    assert books.day().verdict == "equal"
    assert LedgerRead.objects.get().requests == 2 + 2 * 3 + 1 + 1


def test_reader_whose_lease_ended_writes_nothing(books, monkeypatch):
    books.exported("A-1")
    ledger.read_days(books.tenant, DAY, DAY)
    page = reading._page

    def slow(read, desk):
        page(read, desk)
        LedgerRead.objects.update(holder="somebody else")

    monkeypatch.setattr(reading, "_page", slow)
    ledger.advance()

    assert LedgerDay.objects.count() == 0


def test_reading_takes_no_turn_that_somebody_wants(books, settings):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 10
    limits.reserve("test", 30)  # the next three seconds are taken

    assert not limits._take_spare("test")

    limits.SpeedLimit.objects.update(next_at=0)
    assert limits._take_spare("test")
    assert not limits._take_spare("test")


def test_reading_goes_on_slowly_beside_a_full_load(books, settings):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 20
    limits.reserve("test", 10)

    limits.wait_for_spare_turn("test", patience_seconds=0.1)

    assert limits.SpeedLimit.objects.get().next_at > 0


def test_invoice_is_found_whatever_the_bounds_of_a_search_mean(books):
    """The days around are asked for too, and not counted."""
    books.exported("A-1")
    books.exported("A-0", date=DAY - dt.timedelta(days=1))

    assert [entry[1] for entry in books.read().entries] == ["A-1"]


def test_sum_that_the_list_does_not_show_is_asked_for(books):
    (export,) = books.exported("A-1")
    shown = by_hand.enter(books.sandbox, books.company, number="", date=DAY)
    invoice = books.sandbox.books[books.company.id].invoices[export.remote_id]
    invoice["invoiceSumInfo"].append(
        {"currency": "USD", "inAccountingCurrency": False, "invoiceSumTotal": 1}
    )
    invoice["invoiceSumInfo"][0]["inAccountingCurrency"] = True

    invoice["invoiceSumInfo"].append(dict(invoice["invoiceSumInfo"][1], currency="SEK"))
    before = len(books.sandbox.requests)

    assert books.read().verdict == "equal"
    assert ("GET", f"/invoices/{export.remote_id}") in books.asked(before)
    assert shown["id"] != export.remote_id
