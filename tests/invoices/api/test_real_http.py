"""Over real HTTP, many at once: one invoice, one export, one answer; and no token in any log."""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.db import connections

from flashnode.logs import MaskingFormatter
from invoices.api import tokens
from invoices.models import AuditEvent, Invoice, InvoiceExport, ReceivedItem
from tests import factories
from tests.invoices.api.conftest import BATCH, EXPORTS, INVOICES

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 20


@pytest.fixture
def post(live_server, tenant, make_token):
    token = make_token(tenant, queue=True)

    def post(path, content, **headers):
        return requests.post(
            live_server.url + path,
            data=json.dumps(content),
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
            }
            | headers,
            timeout=60,
        )

    post.token = token
    return post


def at_once(work):
    """What `work` gives in THREADS threads that begin together."""
    barrier = threading.Barrier(THREADS)

    def begin(number):
        barrier.wait()
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_twenty_at_once_make_one_invoice_and_get_one_answer(post):
    answers = at_once(lambda n: post(INVOICES, factories.invoice("A/1")))

    assert sorted(answer.status_code for answer in answers) == [200] * (THREADS - 1) + [201]
    assert len({answer.content for answer in answers}) == 1
    assert (Invoice.objects.count(), InvoiceExport.objects.count()) == (1, 1)
    assert ReceivedItem.objects.filter(outcome="accepted").count() == 1
    assert AuditEvent.objects.filter(action="export.queued").count() == 1


def test_twenty_at_once_with_one_key_take_effect_once(post):
    def until_answered(number):
        while True:
            answer = post(INVOICES, factories.invoice("A-1"), **{"Idempotency-Key": "one"})
            if answer.status_code != 409:
                return answer
            assert answer.headers["Retry-After"] == "1"

    answers = at_once(until_answered)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert InvoiceExport.objects.count() == ReceivedItem.objects.count() == 1


def test_twenty_versions_at_once_leave_one_and_refuse_the_others(post):
    answers = at_once(lambda n: post(INVOICES, factories.invoice("A-1", order_reference=f"PO {n}")))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [409] * (THREADS - 1)
    kept = Invoice.objects.get().content["order_reference"]
    told = [answer.json() for answer in answers if answer.status_code == 409]
    assert {each["differences"][0]["old"] for each in told} == {kept}


def test_batches_that_overlap_make_each_invoice_once(post):
    def batch(number):
        numbers = [f"A-{n}" for n in range(number % 5, number % 5 + 5)]
        return post(BATCH, {"invoices": [factories.invoice(n) for n in numbers]})

    answers = at_once(batch)

    assert {answer.status_code for answer in answers} == {200}
    assert Invoice.objects.count() == InvoiceExport.objects.count() == 9
    receipts = {}
    for answer in answers:
        for each in answer.json()["results"]:
            receipts.setdefault(each["number"], set()).add(json.dumps(each["invoice"]))
    assert all(len(found) == 1 for found in receipts.values())


def test_body_in_chunks_is_asked_for_its_length(live_server, post):
    answer = requests.post(
        live_server.url + INVOICES,
        data=(piece for piece in [b"{", b"}"]),
        headers={"Authorization": f"Bearer {post.token}", "Content-Type": "application/json"},
        timeout=30,
    )

    assert (answer.status_code, answer.headers["Content-Type"]) == (411, "application/problem+json")


@pytest.mark.parametrize("number", ["2026/701", "a b/c", "../x", "Ä//ö", "batch", "~"])
def test_address_of_a_number_survives_clients_and_servers(live_server, post, number):
    href = post(INVOICES, factories.invoice(number)).json()["href"]

    answer = requests.get(
        live_server.url + href, headers={"Authorization": f"Bearer {post.token}"}, timeout=30
    )

    assert answer.json()["number"] == number


def test_token_is_in_no_log_no_page_and_no_row(live_server, post, client, caplog):
    """A canary: everything that is written while a token is used, right and wrong."""
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(MaskingFormatter("%(levelname)s %(name)s %(message)s"))
    clear = post.token
    post(INVOICES, factories.invoice("A-1"))
    post(INVOICES, {"number": clear})
    requests.get(f"{live_server.url}{EXPORTS}?access_token={clear}", timeout=30)
    requests.get(f"{live_server.url}{INVOICES}/{clear}", timeout=30)
    post("/api/v1/none", {})
    requests.get(live_server.url + EXPORTS, headers={"Authorization": f"Basic {clear}"}, timeout=30)
    client.force_login(factories.UserFactory(role="Administrator"))
    pages = [client.get(f"/admin/invoices/{name}/") for name in ("apitoken", "auditevent")]

    secret = clear.removeprefix(tokens.PREFIX)
    assert caplog.text
    assert secret not in caplog.text
    assert not any(secret in page.content.decode() for page in pages)
    assert secret not in str(list(AuditEvent.objects.values_list("data", flat=True)))
