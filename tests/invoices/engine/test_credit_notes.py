"""A credit note goes to Procountor after the invoice it credits, over real HTTP."""

import datetime as dt
import io
import json

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoices import credit_notes, engine, exports, filing
from invoices.models import InvoiceExport
from tests import factories
from tests.invoices.problems.desk import Desk, said_in_both_languages

pytestmark = pytest.mark.django_db(transaction=True)

ROW = factories.invoice()["rows"][0]


def note(number, credited, **fields):
    return factories.invoice(
        number,
        kind="credit_note",
        corrects_number=credited,
        rows=[ROW | {"quantity": "-1"}],
        gross_total="-125.50",
        **fields,
    )


def take_in(tenant, *invoices, queue=True):
    content = json.dumps({"invoices": list(invoices)}).encode()
    received = filing.file_invoices(tenant, "own.json", content, via="command", queue=queue)
    assert filing.counts(received)["accepted"] == len(invoices), list(received.items.values())


def export_of(number):
    return InvoiceExport.objects.get(invoice__number=number)


def run(tenant):
    """Until nothing is due: with a turn of the sweep in between, as it comes every minute."""
    for _round in range(4):
        engine.sweep()
        InvoiceExport.objects.filter(status="queued").update(not_before=timezone.now())
        engine.run_lane(tenant.pk)


def booked(sandbox):
    return [row["originalInvoiceNumber"] for row in sandbox.ledger()]


def test_credit_note_before_its_invoice_in_the_file_goes_after_it(tenant, sandbox):
    take_in(tenant, note("C-1", "A-1"), factories.invoice("A-1"))

    run(tenant)

    assert booked(sandbox) == ["A-1", "C-1"]
    assert export_of("C-1").status == "reconciled"


def test_credit_note_goes_in_the_turn_that_submitted_its_invoice(tenant, sandbox, settings):
    settings.EXPORT_LINGER_SECONDS = 2
    take_in(tenant, note("C-1", "A-1"), factories.invoice("A-1"))

    engine.run_lane(tenant.pk)

    assert booked(sandbox) == ["A-1", "C-1"]


@pytest.mark.parametrize("number", ["1001", "true", "1.50", "null"])
def test_number_that_could_be_json_is_a_text(tenant, sandbox, number):
    take_in(tenant, note("C-1", number), factories.invoice(number))

    run(tenant)

    assert booked(sandbox) == [number, "C-1"]


def test_credit_note_waits_while_its_invoice_needs_attention(tenant, sandbox):
    take_in(tenant, factories.invoice("A-1"), note("C-1", "A-1"))
    refused = {"kind": "status", "status": 400, "message": "ERROR_BRN_CODE", "field": "x"}
    sandbox.fault(**refused, method="POST", path="/invoices")

    run(tenant)

    assert (export_of("A-1").status, booked(sandbox)) == ("needs_attention", [])
    waiting = export_of("C-1")
    assert (waiting.status, waiting.parked_reason) == ("parked", "credited_invoice")
    assert waiting.attempts.count() == 0

    exports.queue(export_of("A-1"))
    run(tenant)
    assert booked(sandbox) == ["A-1", "C-1"]
    assert sandbox.duplicates() == []


def test_credit_note_queued_by_a_person_waits_all_the_same(tenant, sandbox):
    take_in(tenant, factories.invoice("A-1"), queue=False)
    take_in(tenant, note("C-1", "A-1"))
    run(tenant)

    exports.queue(export_of("C-1"), by=factories.UserFactory(), reason="now")
    run(tenant)

    assert (export_of("C-1").parked_reason, booked(sandbox)) == ("credited_invoice", [])


def test_invoice_whose_answer_was_lost_lets_its_credit_note_wait(tenant, sandbox):
    take_in(tenant, factories.invoice("A-1"), note("C-1", "A-1"))
    sandbox.fault(kind="reset", method="POST", path="/invoices")
    engine.run_lane(tenant.pk)

    assert export_of("A-1").status == "unknown"
    assert export_of("C-1").parked_reason == "credited_invoice"
    InvoiceExport.objects.filter(status="unknown").update(not_before=timezone.now())
    for _round in range(3):
        engine.run_lane(tenant.pk)
        InvoiceExport.objects.filter(status="unknown").update(not_before=timezone.now())
    run(tenant)
    assert booked(sandbox) == ["A-1", "C-1"]


def test_invoice_that_a_person_decided_not_to_export_lets_the_credit_note_go(tenant, sandbox):
    take_in(tenant, factories.invoice("A-1"), queue=False)
    take_in(tenant, note("C-1", "A-1"))
    run(tenant)
    exports.skip(export_of("A-1"), by=factories.UserFactory(), reason="before our time")

    run(tenant)

    assert (export_of("C-1").status, booked(sandbox)) == ("reconciled", ["C-1"])


@pytest.mark.parametrize("credited", ["OLD-7", "C-1", "C-2"])
def test_what_is_not_an_invoice_here_keeps_nobody_waiting(tenant, sandbox, credited):
    take_in(tenant, note("C-1", credited), note("C-2", "C-1"))

    run(tenant)

    assert sorted(booked(sandbox)) == ["C-1", "C-2"]


def test_invoice_of_another_tenant_keeps_nobody_waiting(tenant, make_tenant, sandbox):
    other = make_tenant("Other Oy", "0112038-9")
    take_in(other, factories.invoice("A-1"), queue=False)
    take_in(tenant, note("C-1", "A-1"))

    run(tenant)

    assert booked(sandbox) == ["C-1"]


def test_credit_note_of_several_invoices_waits_for_the_last(tenant, sandbox):
    take_in(tenant, factories.invoice("A-1"), note("C-1", "A-1, A, 2"))
    take_in(tenant, factories.invoice("A, 2"), queue=False)
    run(tenant)
    take_in(tenant, note("C-2", "A, 2"))
    run(tenant)

    assert (export_of("C-2").parked_reason, booked(sandbox)[0]) == ("credited_invoice", "A-1")


def test_invoice_may_still_come_with_a_file_that_is_being_taken_in(tenant, sandbox):
    content = json.dumps({"invoices": [note("C-1", "A-1"), factories.invoice("A-1")]}).encode()
    run_of_file = filing.begin(tenant, "own.json", io.BytesIO(content), via="command", queue=True)
    take_in(tenant, note("C-2", "A-1"))
    run(tenant)
    assert (export_of("C-2").parked_reason, booked(sandbox)) == ("credited_invoice", [])

    assert filing.go_on(run_of_file, seconds=60)
    run(tenant)

    found = booked(sandbox)
    assert found[0] == "A-1"
    assert sorted(found) == ["A-1", "C-1", "C-2"]


def test_a_thousand_waiting_credit_notes_are_looked_at_in_few_queries(
    tenant, django_assert_max_num_queries
):
    take_in(tenant, factories.invoice("A-1"), queue=False)
    take_in(tenant, *(note(f"C-{n}", "A-1") for n in range(1000)), queue=False)
    notes = InvoiceExport.objects.filter(invoice__is_credit_note=True)
    notes.update(status="parked", parked_reason="credited_invoice", changed_at=timezone.now())

    with django_assert_max_num_queries(10):
        assert credit_notes.release() == 0


def test_words_say_what_it_waits_for(tenant, queued, sandbox, settings, client):
    desk = Desk(tenant, queued, sandbox, settings, client, {})
    InvoiceExport.objects.update(not_before=timezone.now() + dt.timedelta(days=1))
    take_in(tenant, note("C-1", "A-1"))
    desk.export = export_of("C-1")

    desk.run()

    said_in_both_languages(desk, "waits_for_invoice")
    assert "A-1" in desk.page("fi")


@given(order=st.permutations(["A-1", "A-2", "C-1", "C-2"]), at_once=st.integers(1, 4))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_the_order_they_come_in_each_note_follows_its_invoice(
    tenant, sandbox, order, at_once
):
    run_number = InvoiceExport.objects.count()

    def document(name):
        number = f"{name}/{run_number}"
        return (
            note(number, number.replace("C", "A")) if name[0] == "C" else factories.invoice(number)
        )

    take_in(tenant, *map(document, order), queue=False)
    before = len(booked(sandbox))
    drafts = list(InvoiceExport.objects.filter(status="draft").order_by("pk"))
    for start in range(0, len(drafts), at_once):
        for export in drafts[start : start + at_once]:
            exports.queue(export)
        engine.run_lane(tenant.pk)
    run(tenant)

    mine = booked(sandbox)[before:]
    assert len(mine) == 4
    for number in "12":
        assert mine.index(f"A-{number}/{run_number}") < mine.index(f"C-{number}/{run_number}")
