"""Workers that die, and several at once, on the database that the tests run on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from invoices.models import Invoice, InvoiceExport, ReceivedFile
from invoices.shop_models import ShopOrder, ShopRun
from invoices.shops import inbox, pulling, talking
from invoices.shops.reading import objects
from invoices.shops.sandbox import Fault
from invoices.shops.taking import Refund, Taking
from tests.invoices.shops import made
from tests.invoices.shops.conftest import bring, connect, order_of, refunded
from tests.invoices.shops.test_pulling import many

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[3]


def _database_url():
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    user = found["USER"] + (f":{found['PASSWORD']}" if found["PASSWORD"] else "")
    return f"postgres://{user}@{found['HOST']}:{found['PORT'] or 5432}/{found['NAME']}"


def _worker(run):
    environment = os.environ | {
        "DATABASE_URL": _database_url(),
        "SHOPS_ALLOW_LOCAL": "true",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.invoices.shops.worker", str(run.pk), "3"]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def _wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("woocommerce", "between pages"),
        ("shopify", "between pages"),
        # A page of Shopify is one request: nothing is waited for in its middle.
        ("woocommerce", "in the middle of a page"),
    ],
    indirect=["kind"],
)
def test_a_worker_killed_while_it_asks_leaves_nothing_twice_or_missing(
    shop, kind, tenant, monkeypatch, where
):
    monkeypatch.setattr(talking, "PAGE", 3)
    connected = connect(shop, tenant)
    shop.orders = many(kind, 9)
    stuck = threading.Event()
    if where == "between pages":
        quick = [Fault("slow") for _page in range(2)]
        shop.faults = [*quick, Fault("slow", seconds=60, then=stuck.set)]
    else:
        # The fifth order has a refund, which has to be asked for.
        refunded(shop, shop.orders[4])
        shop.faults = [Fault("slow", path="/refunds", seconds=60, then=stuck.set)]
    run = pulling.begin(connected, "pull")
    worker = _worker(run)
    try:
        _wait(stuck.is_set)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    before = Invoice.objects.count()
    assert 0 < before < 9

    # As if its lease were over.
    ShopRun.objects.filter(pk=run.pk).update(lease_until=timezone.now(), not_before=timezone.now())
    while pulling.advance(run.pk):
        continue

    run.refresh_from_db()
    assert run.state == "done"
    orders = Invoice.objects.filter(is_credit_note=False)
    assert sorted(orders.values_list("number", flat=True)) == [f"W-{100 + n}" for n in range(9)]
    assert Invoice.objects.count() - orders.count() == len(shop.refunds)
    assert ReceivedFile.objects.count() == Invoice.objects.count() == InvoiceExport.objects.count()


def _all_at_once(*jobs):
    gate, errors = threading.Barrier(len(jobs)), []

    def run(job):
        try:
            gate.wait(30)
            job()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert errors == []


def test_a_webhook_and_a_pull_of_the_same_orders_make_each_one_invoice(client, shop, kind, tenant):
    connected = connect(shop, tenant)
    shop.orders = many(kind, 6)
    refunded(shop, shop.orders[2])
    for order in shop.orders:
        bring(client, connected, order)
    run = pulling.begin(connected, "pull")

    _all_at_once(inbox.take_up, inbox.take_up, lambda: pulling.advance(run.pk), inbox.take_up)
    while pulling.advance(run.pk):
        continue
    inbox.take_up()

    found = Counter(Invoice.objects.values_list("number", flat=True))
    assert found == Counter([*(f"W-{100 + n}" for n in range(6)), "W-102-R2001"])
    assert ReceivedFile.objects.count() == InvoiceExport.objects.count() == 7
    assert ShopOrder.objects.filter(state="accepted").count() == 7


def test_one_order_taken_by_many_at_once_is_filed_once(shop, kind, tenant):
    connected = connect(shop, tenant)
    order = order_of(kind)
    raw, data = next(objects(json.dumps(order)))
    refund = made.wc_refund if kind == "woocommerce" else made.sh_refund
    refunds = [Refund(made.loaded(refund(order, everything=True)), "")]

    _all_at_once(*[lambda: Taking(connected).take(raw, data, refunds)] * 6)

    assert Invoice.objects.count() == ReceivedFile.objects.count() == 2


def test_the_same_webhook_many_times_at_once_is_kept_once(client, shop, kind, tenant):
    connected = connect(shop, tenant)
    order = order_of(kind)

    def post():
        assert bring(type(client)(), connected, order).status_code == 200

    _all_at_once(*[post] * 6)

    connected.refresh_from_db()
    assert (connected.deliveries, connected.replays) == (1, 5)
    assert connected.inbox.count() == 1
