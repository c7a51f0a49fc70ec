"""The simulated shop as a program: it says what it is, and its orders can be taken in."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from invoices.models import Invoice, ReceivedItem
from invoices.shop_models import ShopConnection
from invoices.shops import connections
from invoices.shops.sandbox import SandboxShop, ShopServer
from invoices.shops.sandbox.orders import sample_orders
from tests.invoices.shops.test_pulling import pull

ROOT = Path(__file__).parents[3]


def test_it_says_that_it_is_simulated_and_ends_when_told():
    program = subprocess.Popen(
        [sys.executable, "manage.py", "shop_sandbox", "--kind", "shopify"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        address = re.search(r"http://\S+", program.stdout.readline())[0]
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.read() == b"This shop is simulated."
            assert answer.headers["X-Simulated-Shop"] == "yes"
        program.terminate()
    assert program.returncode == 0


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["woocommerce", "shopify"])
def test_its_orders_become_invoices_except_what_is_foreign_or_unpaid(settings, tenant, kind):
    settings.SHOPS_ALLOW_LOCAL = True
    shop = SandboxShop(kind)
    shop.orders = sample_orders(kind)
    with ShopServer(shop) as server:
        connection = connections.connect(
            ShopConnection(
                tenant=tenant,
                kind=kind,
                name="Demo",
                address=server.address,
                statuses=connections.DEFAULT_STATUSES[kind],
                business_id_fields=connections.DEFAULT_BUSINESS_ID_FIELDS,
                since="2020-01-01",
            ),
            api_key=shop.key,
            api_secret=shop.secret,
            webhook_secret="",
            by=None,
        )
        connection.refresh_from_db()
        run = pull(connection)

    assert run.state == "done"
    assert run.counts["left_out"] == {"status": 1}
    told = [p["code"] for item in ReceivedItem.objects.all() for p in item.problems]
    assert set(told) == {"shop_foreign_vat"}
    assert Invoice.objects.count() == 12 - 1 - run.counts["rejected"] == 8
