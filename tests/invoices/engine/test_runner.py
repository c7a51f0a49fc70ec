"""A worker at its exports: how many requests at once, for whom, and what it waits for."""

from __future__ import annotations

import collections
import json
import re
import threading
import time

import pytest
from django.db import connection, connections
from django.utils import timezone
from django_q.models import OrmQ

from integrations import limits
from integrations.clients import client_for
from integrations.models import Tenant
from integrations.procountor import NotSubmitted, now
from invoices import engine, exports, filing, triggers
from invoices.enums import ExportStatus
from invoices.models import InvoiceExport, Lane, PreparedPayload, SubmissionAttempt
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

LATENCY_SECONDS = 0.4


@pytest.fixture
def beta(make_tenant):
    return make_tenant(name="Beta Oy", business_id="0112038-9")


def take_in(tenant, count, prefix="A", *, queue=True):
    invoices = [factories.invoice(f"{prefix}-{number}") for number in range(count)]
    content = json.dumps({"invoices": invoices}).encode()
    filing.file_invoices(tenant, "own.json", content, via="command", queue=queue)


def posts(sandbox):
    """When each POST was answered, and for which company."""
    return [
        (moment, company_id)
        for moment, method, path, _status, company_id in sandbox.requests
        if (method, path) == ("POST", "/invoices")
    ]


def statuses():
    return set(InvoiceExport.objects.values_list("status", flat=True))


def test_lane_keeps_its_number_of_requests_under_way(tenant, sandbox, settings):
    settings.EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT = 3
    take_in(tenant, 9)
    sandbox.latency_seconds = LATENCY_SECONDS

    engine.run_lane(tenant.pk)

    moments = [moment for moment, _company in posts(sandbox)]
    assert statuses() == {ExportStatus.RECONCILED}
    # Each takes the latency, so a fourth within it would have been a fourth at the same time.
    gaps = [later - earlier for earlier, later in zip(moments, moments[3:], strict=False)]
    assert min(gaps) >= LATENCY_SECONDS * 0.95
    assert moments[2] - moments[0] < LATENCY_SECONDS


def test_worker_keeps_within_its_own_number_for_all_lanes(tenant, beta, sandbox, settings):
    settings.EXPORT_REQUESTS_IN_FLIGHT = 2
    for each in (tenant, beta):
        take_in(each, 4)
    sandbox.latency_seconds = LATENCY_SECONDS

    engine.run_lanes()

    moments = [moment for moment, _company in posts(sandbox)]
    assert statuses() == {ExportStatus.RECONCILED}
    gaps = [later - earlier for earlier, later in zip(moments, moments[2:], strict=False)]
    assert min(gaps) >= LATENCY_SECONDS * 0.95


def test_few_of_one_tenant_do_not_wait_for_the_many_of_another(tenant, beta, sandbox):
    take_in(tenant, 60)
    take_in(beta, 3, "B")
    sandbox.latency_seconds = 0.02

    engine.run_lanes()

    companies = [company for _moment, company in posts(sandbox)]
    last_of_beta = max(n for n, company in enumerate(companies) if company == beta.company.id)
    assert len(companies) == 63
    assert last_of_beta < 20


def test_no_statement_about_invoices_is_asked_once_an_invoice(tenant, sandbox):
    """A field that a query left out is fetched row by row, and the worker becomes half as fast
    without anything failing."""
    take_in(tenant, 60)
    asked = collections.Counter()

    def count(execute, sql, parameters, many, context):
        asked[re.sub(r"\(%s(, %s)*\)", "(…)", sql)] += 1
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(count):
        engine.run_lane(tenant.pk)

    assert statuses() == {ExportStatus.RECONCILED}
    often = {sql: n for sql, n in asked.items() if '"invoices_' in sql and n >= 60}
    assert not often


def test_full_worker_serves_lanes_in_turns(tenant, beta, sandbox, settings):
    settings.EXPORT_REQUESTS_IN_FLIGHT = settings.EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT = 1
    settings.EXPORT_LANE_SLICE_SECONDS = 0.3
    take_in(tenant, 70)
    take_in(beta, 2, "B")
    sandbox.latency_seconds = 0.05

    engine.run_lanes()

    companies = [company for _moment, company in posts(sandbox)]
    assert companies[-1] == tenant.company.id
    assert companies.count(beta.company.id) == 2


def test_full_worker_calls_one_other_for_the_lanes_that_wait(tenant, beta, sandbox, settings):
    settings.EXPORT_REQUESTS_IN_FLIGHT = settings.EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT = 1
    take_in(tenant, 20)
    take_in(beta, 20, "B")
    OrmQ.objects.all().delete()
    sandbox.latency_seconds = 0.1

    engine.run_lanes()

    assert [task.func() for task in OrmQ.objects.all()] == ["invoices.tasks.run_lanes"]


def test_worker_with_all_lanes_in_hand_calls_nobody(tenant, beta, sandbox):
    take_in(tenant, 20)
    take_in(beta, 20, "B")
    OrmQ.objects.all().delete()

    engine.run_lanes()

    assert OrmQ.objects.count() == 0


def test_attempts_are_committed_and_the_database_is_free_during_requests(tenant, sandbox):
    take_in(tenant, 1)
    sandbox.fault(kind="slow", method="POST", path="/invoices", delay_seconds=3)
    worker = threading.Thread(target=_run_and_close, args=[tenant.pk])
    worker.start()
    try:
        until(lambda: SubmissionAttempt.objects.filter(finished_at__isnull=True).exists())
        # With a transaction of the worker open this would wait, or not see the attempt.
        Tenant.objects.filter(pk=tenant.pk).update(contact_name="Written meanwhile")
        assert sandbox.ledger() == []
        assert InvoiceExport.objects.get().status == ExportStatus.SUBMITTING
    finally:
        worker.join()
    assert statuses() == {ExportStatus.RECONCILED}


def _run_and_close(tenant_pk):
    engine.run_lane(tenant_pk)
    connections.close_all()


def until(condition, seconds=20):
    """Wait for another thread; the time is a safety net."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.01)


def test_two_workers_at_once_submit_everything_once(tenant, beta, sandbox):
    for each in (tenant, beta):
        take_in(each, 20)
    workers = [threading.Thread(target=_run_all_and_close) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    engine.run_lanes()

    assert statuses() == {ExportStatus.RECONCILED}
    assert (len(posts(sandbox)), sandbox.duplicates()) == (40, [])


def _run_all_and_close():
    engine.run_lanes()
    connections.close_all()


def test_asked_to_slow_down_everyone_waits(tenant, beta, sandbox):
    for each in (tenant, beta):
        take_in(each, 6)
    sandbox.latency_seconds = 0.05
    sandbox.fault(kind="rate_limited", retry_after=1, skip=2, method="POST", path="/invoices")

    engine.run_lanes()

    moments = sorted(logged[0] for logged in sandbox.requests)
    limited = next(logged[0] for logged in sandbox.requests if logged[3] == 429)
    # What was under way already comes in at once; then nothing comes for as long as was asked.
    after = [moment for moment in moments if moment > limited + 0.3]
    assert after[0] - limited >= 0.95
    assert ExportStatus.SUBMITTING not in statuses()


def test_turns_of_a_process_end_when_another_was_told_to_slow_down(settings):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 100
    turns = limits.Turns("test")
    turns.refill(5)
    time.sleep(0.11)
    limits.hold_back("test", 30)

    assert turns.refill(5) == 0
    assert turns.take() is None


@pytest.mark.parametrize("changed", ["tenant", "account", "check"])
def test_what_is_queued_after_a_change_leaves_by_the_new_settings(
    tenant, sandbox, settings, changed
):
    settings.EXPORT_LINGER_SECONDS = 10
    take_in(tenant, 1, "FIRST")
    take_in(tenant, 1, "SECOND", queue=False)
    worker = threading.Thread(target=_run_all_and_close)
    worker.start()
    reconciled = InvoiceExport.objects.filter(status=ExportStatus.RECONCILED)
    while worker.is_alive() and not reconciled.exists():
        time.sleep(0.05)

    _change(tenant, changed)
    second = InvoiceExport.objects.get(invoice__number="SECOND-0")
    exports.queue(second, reason="changed")
    assert worker.is_alive()
    while worker.is_alive() and second.status in (ExportStatus.DRAFT, ExportStatus.QUEUED):
        time.sleep(0.05)
        second.refresh_from_db()
    settings.EXPORT_LINGER_SECONDS = 0
    worker.join()

    second.refresh_from_db()
    assert {
        "tenant": lambda: '"penaltyPercent":7.5' in second.attempts.get().request_body,
        "account": lambda: second.problems[0]["code"] == "bank_account_not_active",
        "check": lambda: second.parked_reason == "closed_period",
    }[changed]()


_OTHER_ACCOUNT = "FI5542345670000081"


def _change(tenant, what):
    if what == "tenant":
        Tenant.objects.filter(pk=tenant.pk).update(penalty_percent="7.50")
    elif what == "account":
        account = tenant.invoice_account
        account.set_number(_OTHER_ACCOUNT)
        account.save()
    else:
        newest = tenant.checks.order_by("-started_at").first()
        periods = [[start, end, False] for start, end, _open in newest.reference_data["periods"]]
        newest.pk, newest.started_at = None, timezone.now()
        newest.reference_data = newest.reference_data | {
            "periods": periods,
            "active_accounts": None,
        }
        newest.save()


def test_lane_left_by_a_dead_worker_is_taken_after_its_lease(tenant, sandbox):
    take_in(tenant, 1)
    Lane.objects.create(tenant=tenant, holder="dead", lease_until=timezone.now())

    engine.run_lanes()

    assert statuses() == {ExportStatus.RECONCILED}


def test_request_whose_claim_is_too_old_never_leaves(tenant, sandbox):
    client = client_for(tenant)
    client.authenticate()
    before = len(sandbox.requests)

    with pytest.raises(NotSubmitted, match="too_late"):
        client.create_invoice(b"{}", leave_by=now() - 0.001)

    assert len(sandbox.requests) == before


def test_claim_of_a_batch_leaves_out_what_a_person_skipped_meanwhile(tenant, admin_user):
    take_in(tenant, 3)
    due = exports.due(tenant.pk, ExportStatus.QUEUED, 10)
    exports.skip(InvoiceExport.objects.get(pk=due[1].pk), by=admin_user, reason="not ours")

    taken = exports.claim_and_open([(e, b"{}") for e in due], tenant.active_credential)

    assert [export.pk for export, _attempt in taken] == [due[0].pk, due[2].pk]
    assert SubmissionAttempt.objects.count() == 2


def test_one_invoice_that_no_rule_foresaw_does_not_stop_its_lane(tenant, sandbox, damaged):
    take_in(tenant, 3)
    damaged("A-1")

    engine.run_lane(tenant.pk)

    held = InvoiceExport.objects.get(invoice__number="A-1")
    assert (held.status, held.problems[0]["code"]) == ("needs_attention", "engine_failed")
    assert len(sandbox.ledger()) == 2


@pytest.fixture
def damaged():
    """Spoil an invoice's stored content, as no part of the program can."""

    def spoil(number):
        triggers.drop_triggers(connection)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE invoices_invoice SET content = %s WHERE number = %s", ["{}", number]
            )
        triggers.create_triggers(connection)
        PreparedPayload.objects.filter(export__invoice__number=number).delete()

    return spoil
