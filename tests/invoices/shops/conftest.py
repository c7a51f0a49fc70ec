"""Simulated shops over real HTTP, and their connections."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest

from invoices.shop_models import ShopConnection
from invoices.shops import connections
from invoices.shops.sandbox import SandboxShop, ShopServer
from tests.invoices.shops import made

KEY, SECRET = "ck_canary_4f1a", "cs_canary_9b2c"
HOOK_SECRET = "hook-canary-77d3"
FIRST_DAY = dt.date(2026, 9, 1)


@pytest.fixture(params=["woocommerce", "shopify"])
def kind(request):
    return request.param


@pytest.fixture
def shop(settings, kind):
    """A simulated shop of either kind; `shop.server` is where it is."""
    settings.SHOPS_ALLOW_LOCAL = True
    stand_in = SandboxShop(kind, key=KEY, secret=SECRET)
    with ShopServer(stand_in) as server:
        stand_in.server = server
        yield stand_in


@pytest.fixture
def connected(shop, tenant):
    return connect(shop, tenant)


def connect(shop, tenant, **fields):
    new = ShopConnection(
        tenant=tenant,
        kind=shop.kind,
        address=shop.server.address,
        statuses=connections.DEFAULT_STATUSES[shop.kind],
        business_id_fields="_billing_y_tunnus, Y-tunnus",
        **{"name": "Puoti", "prefix": "W-", "queue": False, "since": FIRST_DAY} | fields,
    )
    return connections.connect(
        new, api_key=KEY, api_secret=SECRET, webhook_secret=HOOK_SECRET, by=None
    )


def order_of(kind, number=1001, *, at="2026-10-01T08:00:00", **fields):
    """An order with a number, changed at a moment (UTC)."""
    if kind == "woocommerce":
        own = {"id": number, "number": str(number), "date_modified_gmt": at, "date_created_gmt": at}
        return made.wc_order(**own | fields)
    own = {"id": number, "name": f"#{number}", "updated_at": f"{at}Z", "created_at": f"{at}Z"}
    return made.sh_order(**own | fields)


def refunded(shop, order, number=2001, **fields):
    """Refund all of an order in the simulated shop."""
    if shop.kind == "woocommerce":
        refund = made.wc_refund(order, number=number, everything=True, **fields)
        shop.refunds.setdefault(str(order["id"]), []).append(refund)
        order["refunds"] = [*order["refunds"], {"id": number, "total": f"-{refund['amount']}"}]
    else:
        refund = made.sh_refund(order, number=number, everything=True, **fields)
        order["refunds"] = [*order["refunds"], refund]
    return refund


def bring(client, connection, order, *, secret=HOOK_SECRET, topic="", **headers):
    """The shop's webhook; `body` in headers goes instead of the order."""
    body = headers.pop("body", None)
    body = json.dumps(order).encode() if body is None else body
    signed = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    if connection.kind == "woocommerce":
        own = {
            "X-WC-Webhook-Signature": signed,
            "X-WC-Webhook-Topic": topic or "order.updated",
            "X-WC-Webhook-Delivery-ID": "the-same-each-second",
        }
    else:
        own = {
            "X-Shopify-Hmac-Sha256": signed,
            "X-Shopify-Topic": topic or "orders/updated",
            "X-Shopify-Shop-Domain": "127.0.0.1",
            "X-Shopify-Webhook-Id": hashlib.sha256(body).hexdigest()[:20],
        }
    own |= headers
    return client.post(
        f"/shops/{connection.hook_id}/",
        body,
        content_type="application/json",
        headers={name: value for name, value in own.items() if value is not None},
    )
