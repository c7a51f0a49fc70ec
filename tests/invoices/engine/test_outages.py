"""An outage: nothing more is sent, nothing is lost, and it ends by itself."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.utils import timezone

from integrations import outages
from integrations.models import Circuit, RequestTally
from integrations.procountor import NotSubmitted, OutcomeUnknown, Rejected
from invoices import engine, filing
from invoices.enums import ExportStatus
from invoices.models import AuditEvent, InvoiceExport, SubmissionAttempt
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def many(tenant):
    invoices = [factories.invoice(f"A-{number}") for number in range(90)]
    content = json.dumps({"invoices": invoices}).encode()
    filing.file_invoices(tenant, "own.json", content, via="command", queue=True)


def statuses():
    return list(InvoiceExport.objects.values_list("status", flat=True))


def let_time_pass():
    InvoiceExport.objects.exclude(not_before=None).update(not_before=timezone.now())
    Circuit.objects.exclude(probe_at=None).update(probe_at=timezone.now() - dt.timedelta(seconds=1))


@pytest.fixture
def outage(tenant, many, sandbox):
    sandbox.fault(kind="status", status=503, method="", path="", times=10_000)
    engine.run_lanes()
    return Circuit.objects.get()


def test_failing_requests_open_the_circuit_and_the_rest_stays_queued(outage, sandbox):
    assert outage.state == "open"
    assert ExportStatus.QUEUED in statuses()
    assert SubmissionAttempt.objects.filter(outcome="unknown").count() < 90
    assert AuditEvent.objects.filter(action="outage.began").count() == 1
    before = len(sandbox.requests)

    engine.run_lanes()

    assert len(sandbox.requests) == before


def test_probe_that_fails_leaves_the_outage_as_it_is(outage, sandbox):
    let_time_pass()
    before = len(sandbox.requests)

    engine.run_lanes()

    outage.refresh_from_db()
    assert outage.state == "open"
    assert outage.probe_at > timezone.now()
    assert [r[2] for r in list(sandbox.requests)[before:]] == ["/status"]


def test_probe_that_is_answered_lets_requests_through_and_all_is_booked_once(outage, sandbox):
    sandbox.faults.clear()

    for _round in range(8):
        let_time_pass()
        engine.run_lanes()

    outage.refresh_from_db()
    assert outage.state == "closed"
    assert set(statuses()) == {ExportStatus.RECONCILED}
    assert (len(sandbox.ledger()), sandbox.duplicates()) == (90, [])
    assert AuditEvent.objects.filter(action="outage.ended").count() == 1


def test_outage_that_comes_back_while_ramping_opens_the_circuit_again(outage, sandbox):
    outages.probed("test", True)
    assert outages.allowed_in_flight("test") == 1

    tally = outages.Tally("test")
    tally.count(OutcomeUnknown("http_503"))
    tally.flush()

    assert outages.allowed_in_flight("test") == 0


def test_answers_while_ramping_let_ever_more_through(outage):
    outages.probed("test", True)
    seen = []
    for _batch in range(12):
        seen.append(outages.allowed_in_flight("test"))
        tally = outages.Tally("test")
        for _answer in range(8):
            tally.count(None)
        tally.flush()

    rising = [allowed for allowed in seen if allowed is not None]
    assert rising == sorted(rising)
    assert (seen[0], seen[-1]) == (1, None)


def test_only_one_worker_probes_at_a_time(outage):
    let_time_pass()

    assert [outages.claim_probe("test") for _worker in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    "error",
    [Rejected("http_400"), NotSubmitted("rate_limited"), None],
    ids=["refused", "told to slow down", "answered"],
)
def test_answers_of_any_kind_are_no_outage(error):
    tally = outages.Tally("test")
    for _request in range(50):
        tally.count(error)
    tally.flush()

    assert outages.allowed_in_flight("test") is None


def test_few_failures_are_no_outage_and_old_ones_do_not_count():
    tally = outages.Tally("test")
    for _request in range(9):
        tally.count(OutcomeUnknown("read_timeout"))
    tally.flush()
    assert outages.allowed_in_flight("test") is None

    RequestTally.objects.update(minute=timezone.now() - dt.timedelta(minutes=7))
    tally.count(OutcomeUnknown("read_timeout"))
    tally.flush()
    assert outages.allowed_in_flight("test") is None


def test_outage_of_the_test_environment_does_not_stop_production():
    tally = outages.Tally("test")
    for _request in range(20):
        tally.count(NotSubmitted("connect_error"))
    tally.flush()

    assert (outages.allowed_in_flight("test"), outages.allowed_in_flight("production")) == (0, None)


def test_clock_put_back_does_not_keep_the_circuit_open_for_hours(outage):
    far = timezone.now() + dt.timedelta(hours=5)
    Circuit.objects.update(probe_at=far)

    assert outages.closed_to_requests() == []
    assert outages.claim_probe("test")
