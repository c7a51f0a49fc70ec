"""Webhooks over the front door: signatures on the bytes, replays, limits, both secrets."""

from __future__ import annotations

import json

import pytest

from integrations import offboarding
from invoices.models import Invoice, ReceivedFile, ReceivedItem
from invoices.shop_models import ShopDelivery
from invoices.shops import connections, inbox
from invoices.shops.signing import signature_of
from tests import factories
from tests.invoices.shops.conftest import HOOK_SECRET, bring, order_of, refunded

pytestmark = pytest.mark.django_db


def test_an_order_that_is_brought_becomes_an_invoice_in_the_background(client, kind, connected):
    answer = bring(client, connected, order_of(kind))

    assert answer.status_code == 200
    assert not Invoice.objects.exists()
    assert inbox.take_up() == 1
    invoice = Invoice.objects.get()
    assert invoice.number == "W-1001"
    file = ReceivedFile.objects.get()
    assert (file.format, file.received_via) == (kind, "shop")
    assert json.loads(bytes(file.content)) == order_of(kind)
    connected.refresh_from_db()
    assert connected.deliveries == 1 and connected.last_delivery_at


def test_what_was_taken_up_leaves_no_personal_data_in_the_inbox(client, kind, connected):
    bring(client, connected, order_of(kind))
    inbox.take_up()

    assert bytes(ShopDelivery.objects.get().body) == b""


@pytest.mark.parametrize("wrong", ["other secret", "other bytes", "none", "garbage"])
def test_a_wrong_signature_leaves_nothing_but_a_count(client, kind, connected, wrong):
    order = order_of(kind)
    name = "X-WC-Webhook-Signature" if kind == "woocommerce" else "X-Shopify-Hmac-Sha256"
    body = json.dumps(order).encode()
    right = signature_of(HOOK_SECRET, body)
    given = {
        "other secret": {name: signature_of("guess", body)},
        "other bytes": {name: right, "body": body + b" "},
        "none": {name: None},
        "garbage": {name: "é=="},
    }

    assert bring(client, connected, order, **given[wrong]).status_code == 401

    connected.refresh_from_db()
    assert (connected.refused, connected.deliveries) == (1, 0)
    assert not ShopDelivery.objects.exists()
    assert bring(client, connected, order, **{name: right}).status_code == 200


@pytest.mark.parametrize("kind", ["shopify"], indirect=True)
def test_another_shop_that_has_the_app_is_refused(client, connected):
    """One secret signs for all of them."""
    headers = {"X-Shopify-Shop-Domain": "evil.myshopify.com"}

    assert bring(client, connected, order_of("shopify"), **headers).status_code == 401
    assert not ShopDelivery.objects.exists()


def test_a_replay_is_answered_counted_and_without_effect(client, kind, connected):
    order = order_of(kind)
    for _time in range(3):
        assert bring(client, connected, order).status_code == 200
    inbox.take_up()
    other_id = {"X-WC-Webhook-Delivery-ID": "new", "X-Shopify-Webhook-Id": "new"}
    assert bring(client, connected, order, **other_id).status_code == 200
    assert inbox.take_up() == 0

    connected.refresh_from_db()
    assert (connected.deliveries, connected.replays) == (1, 3)
    assert ReceivedFile.objects.count() == 1


def test_a_replay_after_its_digest_is_forgotten_has_no_effect_either(client, kind, connected):
    first = order_of(kind)
    later = order_of(kind, at="2026-10-02T08:00:00")
    bring(client, connected, first)
    bring(client, connected, later)
    inbox.take_up()
    files = ReceivedFile.objects.count()
    ShopDelivery.objects.all().delete()

    bring(client, connected, first)

    assert inbox.take_up() == 1
    assert ReceivedFile.objects.count() == files
    assert Invoice.objects.count() == 1


def test_two_orders_of_one_second_are_no_replays(client, kind, connected):
    """WooCommerce gives them the same delivery id."""
    bring(client, connected, order_of(kind, 1))
    bring(client, connected, order_of(kind, 2))
    inbox.take_up()

    assert set(Invoice.objects.values_list("number", flat=True)) == {"W-1", "W-2"}


def test_a_body_that_is_too_large_is_refused_unread(client, connected):
    answer = bring(client, connected, {}, body=b"[" + b" " * inbox.LONGEST_BODY_BYTES + b"]")

    assert answer.status_code == 413
    assert not ShopDelivery.objects.exists()


def test_only_posts_to_known_addresses_are_answered(client, connected):
    assert client.get(f"/shops/{connected.hook_id}/").status_code == 405
    assert client.post("/shops/no-such-shop/", b"{}", "application/json").status_code == 404


@pytest.mark.parametrize("kind", ["woocommerce"], indirect=True)
def test_woocommerce_makes_sure_that_somebody_is_here(client, connected):
    ping = client.post(
        f"/shops/{connected.hook_id}/",
        "webhook_id=42",
        content_type="application/x-www-form-urlencoded",
    )

    assert ping.status_code == 200
    assert not ShopDelivery.objects.exists()
    connected.refresh_from_db()
    assert (connected.deliveries, connected.refused) == (0, 0)


def test_both_secrets_count_while_they_are_changed(client, kind, connected):
    connections.replace_webhook_secret(connected, "new-secret-1", by=None)

    assert bring(client, connected, order_of(kind, 1)).status_code == 200
    assert bring(client, connected, order_of(kind, 2), secret="new-secret-1").status_code == 200

    assert connections.end_old_webhook_secret(connected, by=None)
    assert not connections.end_old_webhook_secret(connected, by=None)
    assert bring(client, connected, order_of(kind, 3)).status_code == 401
    assert bring(client, connected, order_of(kind, 4), secret="new-secret-1").status_code == 200


def test_what_is_about_no_order_is_thanked_for_and_dropped(client, kind, connected):
    topic = "product.updated" if kind == "woocommerce" else "products/update"

    assert bring(client, connected, {"id": 1}, topic=topic).status_code == 200
    assert not ShopDelivery.objects.exists()


def test_a_paused_shop_is_heard_and_taken_in_later(client, kind, connected):
    connections.pause(connected, by=None)
    assert bring(client, connected, order_of(kind)).status_code == 200
    assert inbox.take_up() == 0

    connections.resume(connected, by=None)
    assert inbox.take_up() == 1
    assert Invoice.objects.get().number == "W-1001"


def test_a_shop_that_brings_more_than_is_taken_up_is_sent_away(
    client, kind, connected, monkeypatch
):
    monkeypatch.setattr(inbox, "_MOST_WAITING", 1)
    bring(client, connected, order_of(kind, 1))

    assert bring(client, connected, order_of(kind, 2)).status_code == 503


def test_the_end_of_the_tenants_connection_ends_its_shops(client, kind, connected, tenant):
    bring(client, connected, order_of(kind))
    offboarding.close(
        tenant,
        by=factories.UserFactory(),
        reason="Left",
        destroy_on=offboarding.default_date(),
    )

    connected.refresh_from_db()
    assert connected.state == "ended"
    assert (connected.api_key, connected.api_secret, connected.webhook_secret) == (None,) * 3
    assert not ShopDelivery.objects.exists()
    assert bring(client, connected, order_of(kind)).status_code == 410
    assert inbox.take_up() == 0


def test_a_refund_that_is_brought_is_credited(client, kind, connected, shop):
    order = order_of(kind)
    shop.orders = [order]
    bring(client, connected, order)
    inbox.take_up()
    refund = refunded(shop, order)
    order |= order_of(kind, at="2026-10-05T09:00:00") | {"refunds": order["refunds"]}
    if kind == "shopify":
        bring(client, connected, refund, topic="refunds/create")
    else:
        bring(client, connected, order)

    inbox.take_up()

    note = Invoice.objects.get(is_credit_note=True)
    credited = Invoice.objects.get(number="W-1001")
    assert (note.number, note.gross_total) == ("W-1001-R2001", -credited.gross_total)
    assert note.document.corrects_number == "W-1001"


def test_an_order_that_is_deleted_after_its_invoice_is_told_once(client, kind, connected):
    topic = "order.deleted" if kind == "woocommerce" else "orders/delete"
    order = order_of(kind)
    bring(client, connected, order)
    inbox.take_up()
    bring(client, connected, {"id": order["id"]}, topic=topic)
    bring(client, connected, {"id": order["id"], "again": 1}, topic=topic)
    bring(client, connected, {"id": 999}, topic=topic)
    inbox.take_up()

    items = ReceivedItem.objects.filter(outcome="rejected")
    assert [item.problems[0]["code"] for item in items] == ["shop_order_cancelled"]
    assert items[0].number == "W-1001"
    assert Invoice.objects.count() == 1


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"id": 1e999}'])
def test_signed_bytes_that_are_no_order_are_kept_and_told(client, connected, body):
    assert bring(client, connected, {}, body=body).status_code == 200
    inbox.take_up()

    item = ReceivedFile.objects.get().items.get()
    assert [problem["code"] for problem in item.problems] == ["shop_unreadable"]
