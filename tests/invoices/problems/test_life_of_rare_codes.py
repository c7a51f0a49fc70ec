"""Codes that need more than one answer of the sandbox: a closed port, a stopped worker, an
outage, a damaged key, an invoice twice in Procountor. Told in both languages, put right, sent."""

from __future__ import annotations

import datetime as dt
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests
from django.core.cache import cache
from django.db import connection, connections
from django.utils import timezone, translation

from integrations import custody, limits
from integrations.clients import client_for
from integrations.mapping_models import MappingVersion
from integrations.models import Circuit, Credential
from integrations.secrets import seal
from invoices import engine, entered, plans, problems, tasks, triggers
from invoices.document import Problem
from invoices.engine import draining
from invoices.models import InvoiceExport, PreparedPayload, SubmissionAttempt
from invoices.plan_models import BulkPlan
from tests import factories
from tests.bulk import work
from tests.invoices.problems.desk import EXEMPT, Desk, booked_once, said_in_both_languages
from tests.invoices.problems.front import Front
from tests.staff import url

pytestmark = pytest.mark.django_db(transaction=True)

POST, SEARCH = b"POST /api/invoices ", b"GET /api/invoices?"
_LARGE = 20_000_001


def _raw(status, *headers, body=b""):
    lines = [f"HTTP/1.1 {status} Odd", *(headers or (f"Content-Length: {len(body)}",)), "", ""]
    return "\r\n".join(lines).encode() + body


#: What a front answers a POST with; the engine asks Procountor, and submits again.
ANSWERED = {
    "bad_header": _raw(200, "Content-Length: 5, 6"),
    "too_large": _raw(200, body=b" " * _LARGE),
    "http_other": _raw(206, body=b"{}"),
}


#: Every code that has its test here; `test_life_of_codes` counts them.
SHOWN = {
    "connect_error", "connect_timeout", "tls_error", "no_token", "no_results", "paging",
    "bad_header", "too_large", "http_other", "http_401", "too_late", "key_unreadable",
    "lane_stopped", "drained", "outage", "engine_failed", "several_found", "not_found_again",
    "total_differs", "bulk_stopped", "payment_method_unmapped", "country_not_supported",
}  # fmt: skip


@pytest.fixture
def front(sandbox, settings):
    """Between the program and the sandbox, from the first request on."""
    config = settings.PROCOUNTOR["test"]
    between = Front(urlsplit(config["base_url"]).port)
    config = config | {"base_url": between.base_url}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}
    yield between
    between.close()


@pytest.fixture
def fronted(front, desk):
    """A desk whose program has an access token already."""
    client_for(desk.tenant).authenticate()
    return desk


def told(desk, key):
    """A call that failed before the POST: the export's panel has the words of its cause."""
    for language in ("fi", "en"):
        with translation.override(language):
            (found,) = [each for each in desk.explained() if each.key == "not_reached"]
            cause = str(problems.words_for(Problem(key)).cause)
            assert cause.rstrip(".") in found.cause
        page = desk.page(language)
        assert found.cause in page and found.remedy in page


def settles(desk):
    assert desk.until("reconciled", "needs_attention", "parked") == "reconciled"
    booked_once(desk)


def test_closed_port_is_explained_and_the_invoice_sent_when_it_opens(fronted, front):
    front.close()

    fronted.run()
    assert fronted.export.status == "queued"
    said_in_both_languages(fronted, "connect_error")

    front.reopen()
    settles(fronted)


def test_port_that_takes_nobody_is_explained_and_the_invoice_sent_later(fronted, front):
    fronted.settings.PROCOUNTOR_CONNECT_TIMEOUT_SECONDS = 0.3
    front.fill()

    fronted.run()
    assert fronted.export.status == "queued"
    said_in_both_languages(fronted, "connect_timeout")

    front.reopen()
    settles(fronted)


@pytest.mark.parametrize("key", ANSWERED)
def test_odd_answer_is_explained_and_settled(fronted, front, key):
    front.script.append((POST, ANSWERED[key]))

    fronted.run()
    assert fronted.export.status == "unknown"
    said_in_both_languages(fronted, key)

    settles(fronted)


def test_tls_to_a_plain_port_is_explained_and_the_invoice_sent_later(desk, settings):
    plain = settings.PROCOUNTOR
    address = plain["test"]["base_url"].replace("http:", "https:")
    settings.PROCOUNTOR = plain | {"test": plain["test"] | {"base_url": address}}

    desk.run()
    assert desk.export.status == "queued"
    told(desk, "tls_error")

    settings.PROCOUNTOR = plain
    settles(desk)


def test_token_that_does_not_come_is_explained_and_the_invoice_sent_later(desk):
    cache.clear()
    desk.sandbox.fault(kind="not_json", method="POST", path="/oauth/token")

    desk.run()
    assert desk.export.status == "queued"
    told(desk, "no_token")

    settles(desk)


_ENDLESS = _raw(200, body=b'{"results": [{"id": 1}], "meta": {"pageSize": 1}}')
LISTS = {"no_results": [_raw(200, body=b"{}")], "paging": [_ENDLESS, _ENDLESS]}


@pytest.mark.parametrize("key", LISTS)
def test_list_that_cannot_be_read_is_explained_and_asked_for_again(fronted, front, key):
    fronted.fault("rate_limited", retry_after=0)
    fronted.run()
    front.script += [(SEARCH, answer) for answer in LISTS[key]]

    fronted.later()
    fronted.run()
    assert fronted.export.status == "queued"
    told(fronted, key)

    settles(fronted)


def test_refusal_without_a_list_is_explained_and_sent_with_a_new_key(desk):
    desk.fault("html", status=401, times=2)

    desk.run()
    assert desk.export.status == "parked"
    said_in_both_languages(desk, "http_401")

    custody.file_api_key(desk.tenant, desk.company.new_api_key(), via="email")
    desk.check()
    desk.export.refresh_from_db()
    settles(desk)


def test_request_that_is_too_late_is_explained_and_sent_later(desk, settings):
    client_for(desk.tenant).authenticate()
    limits.hold_back("test", 1)
    settings.EXPORT_LEASE_SECONDS = 2

    desk.run()
    late = desk.export.attempts.get(number=1)
    assert late.cause == "too_late"
    of_another(desk, late, "too_late")

    settings.EXPORT_LEASE_SECONDS = 600
    settles(desk)


def of_another(desk, attempt, key):
    """The panel of an attempt that need not be the newest any more."""
    for language in ("fi", "en"):
        with translation.override(language):
            (found,) = problems.explain_attempt(
                cause=attempt.cause, http_status=attempt.http_status, errors=attempt.errors, body=""
            )
            assert found.key == key
            cause, remedy = found.cause, found.remedy
        page = desk.page(language)
        assert cause in page and remedy in page


def test_key_that_cannot_be_opened_is_explained_and_replaced(desk):
    client_for(desk.tenant).authenticate()
    (credential,) = Credential.objects.filter(tenant=desk.tenant)
    Credential.objects.update(api_key=seal("x" * 40, "another owner"))
    desk.fault("expired_token")

    desk.run()
    assert desk.export.status == "queued"
    said_in_both_languages(desk, "key_unreadable")

    custody.file_api_key(desk.tenant, desk.company.new_api_key(), via="email")
    desk.check()
    settles(desk)


@pytest.fixture
def three(desk, queued):
    """Two more invoices of the desk's tenant; one request at a time."""
    desk.settings.EXPORT_REQUESTS_IN_FLIGHT = desk.settings.EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT = 1
    queued("A-2", "A-3")
    client_for(desk.tenant).authenticate()
    return desk


def given_back(desk, why):
    """Look at the export whose attempt was given back for that."""
    attempt = SubmissionAttempt.objects.filter(cause=why).order_by("pk").first()
    assert attempt is not None, list(SubmissionAttempt.objects.values_list("cause", flat=True))
    desk.export = attempt.export
    desk.export.refresh_from_db()
    assert desk.export.status == "queued"
    said_in_both_languages(desk, why)


def all_booked(desk, count):
    for _round in range(8):
        if not InvoiceExport.objects.exclude(status="reconciled").exists():
            break
        InvoiceExport.objects.exclude(not_before=None).update(not_before=timezone.now())
        InvoiceExport.objects.filter(status="queued").update(not_before=timezone.now())
        engine.run_lane(desk.tenant.pk)
    assert set(InvoiceExport.objects.values_list("status", flat=True)) == {"reconciled"}
    assert (len(desk.sandbox.ledger()), desk.sandbox.duplicates()) == (count, [])


def test_lane_that_stopped_is_explained_and_goes_on(three):
    three.fault("expired_token", times=2)
    # The next request is under way while the first one's answer stops the lane; the third waits.
    three.sandbox.latency_seconds = 1.0

    three.run()
    three.sandbox.latency_seconds = 0.0
    given_back(three, "lane_stopped")

    three.check()
    InvoiceExport.objects.filter(status="parked").update(status="queued")
    all_booked(three, 3)


def test_worker_that_was_stopped_is_explained_and_another_goes_on(three, monkeypatch):
    limits.hold_back("test", 30)

    def work_on():
        try:
            engine.run_lane(three.tenant.pk)
        finally:
            connections.close_all()

    worker = threading.Thread(target=work_on)
    worker.start()
    deadline = time.monotonic() + 20
    while not SubmissionAttempt.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    monkeypatch.setattr(draining._Worker, "told_to_stop", True)
    worker.join(20)
    monkeypatch.undo()
    assert not worker.is_alive()
    given_back(three, "drained")

    connection.cursor().execute("UPDATE integrations_speedlimit SET held_until = 0")
    all_booked(three, 3)


def test_outage_is_explained_and_the_invoices_sent_when_it_ends(desk, queued):
    client_for(desk.tenant).authenticate()
    queued(*[f"B-{number}" for number in range(25)])
    desk.sandbox.fault(kind="status", status=503, method="", path="", times=10_000)
    # Slower than the worker fetches: some wait for their turn when the outage is seen.
    desk.settings.PROCOUNTOR_REQUESTS_PER_SECOND = 15

    desk.run()
    given_back(desk, "outage")

    desk.settings.PROCOUNTOR_REQUESTS_PER_SECOND = 2000
    desk.sandbox.faults.clear()
    for _round in range(3):
        InvoiceExport.objects.exclude(not_before=None).update(not_before=timezone.now())
        past = timezone.now() - dt.timedelta(seconds=1)
        Circuit.objects.exclude(probe_at=None).update(probe_at=past)
        engine.run_lanes()
    all_booked(desk, 26)


def _content(desk, content):
    triggers.drop_triggers(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM invoices_invoice")
        (before,) = cursor.fetchone()
        cursor.execute("UPDATE invoices_invoice SET content = %s", [content])
    triggers.create_triggers(connection)
    PreparedPayload.objects.all().delete()
    return before


def test_fault_of_ours_is_explained_and_the_invoice_sent_when_it_is_mended(desk):
    before = _content(desk, "{}")

    desk.run()
    assert desk.export.status == "needs_attention"
    said_in_both_languages(desk, "engine_failed")

    _content(desk, before)
    desk.queue_again()
    settles(desk)


def test_several_in_procountor_are_explained_and_the_right_one_is_adopted(desk):
    desk.fault("html_500", after_effect=True)
    desk.run()
    body = desk.export.attempts.get().request_body.encode()
    twin = client_for(desk.tenant).create_invoice(body)

    assert desk.until("needs_attention") == "needs_attention"
    said_in_both_languages(desk, "several_found")

    _invalidate(desk, twin.id)
    desk.queue_again()
    assert desk.until("reconciled", "needs_attention", "parked") == "reconciled"
    live = [each for each in desk.sandbox.ledger() if each["status"] != "INVALIDATED"]
    assert [each["originalInvoiceNumber"] for each in live] == ["A-1"]


def _invalidate(desk, remote_id):
    """As the customer does in Procountor."""
    address = desk.settings.PROCOUNTOR["test"]["base_url"]
    token = client_for(desk.tenant)._tokens.get().value
    answer = requests.put(
        f"{address}/invoices/{remote_id}/invalidate", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.ok, answer.text


def test_what_procountor_does_not_show_again_is_explained_and_never_sent_again(desk, settings):
    settings.EXPORT_READ_AGAIN_SECONDS = []
    desk.sandbox.fault(kind="html_500", method="GET", path="/invoices/")

    desk.run()
    assert desk.export.status == "submitted"
    said_in_both_languages(desk, "not_found_again")

    desk.queue_again()
    assert desk.export.status == "submitted"
    booked_once(desk)


def test_other_total_in_procountor_is_explained_and_never_sent_again(desk):
    desk.sandbox.fault(kind="html_500", method="GET", path="/invoices/")
    desk.run()
    (booked,) = desk.sandbox.ledger()
    _more_expensive(desk, booked["id"])

    desk.later()
    desk.run()
    assert desk.export.status == "submitted"
    said_in_both_languages(desk, "total_differs")

    desk.queue_again()
    assert desk.export.status == "submitted"
    booked_once(desk)


def _more_expensive(desk, remote_id):
    """As somebody may change the saved copy in Procountor."""
    for books in desk.sandbox.books.values():
        sums = books.invoices[remote_id]["invoiceSumInfo"]
        sums[0]["invoiceSumTotal"] += 1


@pytest.mark.parametrize("desk", [EXEMPT], indirect=True, ids=["exempt"])
def test_stopped_plan_is_explained_and_resumed(desk):
    desk.tenant.vat_status_by_category = {"E": 12}
    desk.tenant.save(update_fields=["vat_status_by_category"])
    plan = plans.make(InvoiceExport.objects.all(), by=desk.user, filter_words="All")
    page = url("invoices_bulkplan_plan", plan.pk)
    desk.client.post(page, {"start": "1", "reason": "Mapped"})
    tasks.advance_plan(plan.pk)
    desk.client.post(page, {"stop": "1"})
    desk.export.refresh_from_db()

    assert desk.export.status == "parked"
    said_in_both_languages(desk, "bulk_stopped")

    desk.client.post(page, {"resume": "1"})
    assert work(BulkPlan.objects.get()).state == "finished"
    settles(desk)


_FOREIGN = factories.invoice()["buyer"]["address"] | {"country": "ZZ"}
#: Fields, table, its entries: what the tenant's own tables put right.
TABLES = {
    "payment_method_unmapped": ({"payment_method": "Visa"}, "payment", {"visa": "CLEARING"}),
    "country_not_supported": (
        {"buyer": factories.invoice()["buyer"] | {"address": _FOREIGN}},
        "country",
        {"ZZ": "SWEDEN"},
    ),
}


@pytest.mark.parametrize("key", TABLES)
def test_word_without_an_entry_is_explained_mapped_and_sent(
    tenant, queued, sandbox, settings, client, key
):
    fields, table, entries = TABLES[key]
    desk = Desk(tenant, queued, sandbox, settings, client, fields)
    assert desk.export.status == "needs_attention"
    said_in_both_languages(desk, key)

    since = desk.export.invoice.date
    MappingVersion.objects.create(
        tenant=tenant, table=table, since=since, entries=entries, reason="x", created_by=desk.user
    )
    desk.queue_again()
    settles(desk)


@pytest.mark.parametrize("desk", [EXEMPT], indirect=True, ids=["exempt"])
def test_number_that_is_looked_up_holds_the_invoice_until_it_is_settled(desk):
    assert entered.say(desk.export, 4711, by=desk.user, reason="Typed in")
    desk.tenant.vat_status_by_category = {"E": 12}
    desk.tenant.save(update_fields=["vat_status_by_category"])

    for language in ("fi", "en"):
        with translation.override(language):
            words = problems.words_for(Problem("entry_being_looked_up"))
            assert words.cause and words.remedy
    desk.queue_again()
    assert desk.export.status == "needs_attention"

    entered.look_up(desk.export.entries.get().pk)
    desk.queue_again()
    settles(desk)
