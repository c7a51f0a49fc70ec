"""One order, however often and however changed it comes: filed once, told once."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from integrations.mapping_models import MappingVersion
from invoices.models import Invoice, InvoiceExport, ReceivedFile, ReceivedItem
from invoices.shop_models import ShopOrder
from invoices.shops.reading import READERS, objects
from invoices.shops.taking import Refund, Taking
from tests.invoices.shops import made
from tests.invoices.shops.conftest import connect, order_of, refunded

pytestmark = pytest.mark.django_db


def take(connection, order, *, again=False, backfill=False):
    """As a webhook brings it: refunds with their own text for WooCommerce, in the order else."""
    connection.refresh_from_db()
    raw, data = next(objects(json.dumps(order)))
    refunds = []
    if READERS[connection.kind].facts_of(data).refund_ids:
        listed = connection.refunds_there if connection.kind == "woocommerce" else order["refunds"]
        refunds = [Refund(made.loaded(each), "") for each in listed]
    taking = Taking(connection, again=again, backfill=backfill)
    return [(each.outcome, each.reason) for each in taking.take(raw, data, refunds)]


def codes():
    return [p["code"] for item in ReceivedItem.objects.order_by("pk") for p in item.problems]


def later(order, at, **fields):
    column = "date_modified_gmt" if "date_modified_gmt" in order else "updated_at"
    return order | {column: at + ("" if column == "date_modified_gmt" else "Z")} | fields


def test_an_order_that_comes_again_is_filed_once(kind, connected):
    order = order_of(kind)
    assert take(connected, order) == [("accepted", "")]
    assert take(connected, order) == [("here", "")]
    paid = {"status": "completed"} if kind == "woocommerce" else {"note": "Delivered"}
    assert take(connected, later(order, "2026-10-03T10:00:00", **paid)) == [("here", "")]

    assert ReceivedFile.objects.count() == InvoiceExport.objects.count() == 1


def test_queued_at_once_where_the_connection_says_so(shop, kind, tenant):
    connection = connect(shop, tenant, queue=True)
    words = {"bacs": "BANK_TRANSFER", "shopify_payments": "CLEARING"}
    MappingVersion.objects.create(
        tenant=tenant, table="payment", since="2026-01-01", entries=words, reason="Shop"
    )
    take(connection, order_of(kind))

    assert InvoiceExport.objects.get().status == "queued"


def test_a_word_for_payment_that_no_table_knows_holds_the_invoice(kind, connected):
    take(connected, order_of(kind))

    export = InvoiceExport.objects.get()
    assert export.status == "needs_attention"
    assert [problem["code"] for problem in export.problems] == ["payment_method_unmapped"]


def test_a_changed_order_is_a_changed_duplicate_once_and_no_second_export(kind, connected):
    order = order_of(kind)
    take(connected, order)
    lines = [made.wc_line(1, "99.00")] if kind == "woocommerce" else [made.sh_line(1, "99.00")]
    changed = order_of(kind, at="2026-10-03T10:00:00")
    changed |= {"line_items": lines}
    changed |= _totals(kind, lines)

    assert take(connected, changed) == [("rejected", "")]
    assert take(connected, changed) == [("here", "")]
    assert take(connected, later(changed, "2026-10-04T10:00:00")) == [("here", "")]

    assert codes() == ["changed_duplicate"]
    assert InvoiceExport.objects.count() == 1


def _totals(kind, lines):
    made_up = made.wc_order(lines) if kind == "woocommerce" else made.sh_order(lines)
    return {k: made_up[k] for k in ("total", "total_tax", "total_price") if k in made_up}


def test_a_change_of_settings_makes_no_order_a_changed_one(kind, connected):
    order = order_of(kind)
    take(connected, order)
    connected.tenant.invoice_language = "SWEDISH"
    connected.tenant.save()
    connected.goods_only = True
    connected.save(update_fields=["goods_only"])

    assert take(connected, later(order, "2026-10-03T10:00:00")) == [("here", "")]
    assert codes() == []


def test_an_order_that_is_paid_later_is_taken_in_when_its_status_says_so(kind, connected):
    word = {"status": "pending"} if kind == "woocommerce" else {"financial_status": "pending"}
    order = order_of(kind)
    assert take(connected, order | word) == [("left_out", "status")]
    assert not ReceivedFile.objects.exists()

    assert take(connected, later(order, "2026-10-03T10:00:00")) == [("accepted", "")]


def test_a_rejected_order_is_told_once_and_taken_in_when_it_is_put_right(kind, connected):
    key = "billing" if kind == "woocommerce" else "billing_address"
    order = order_of(kind)
    nobody = {key: {}, "customer": {}}
    assert take(connected, order | nobody) == [("rejected", "")]
    assert take(connected, order | nobody) == [("here", "")]
    assert take(connected, order | nobody, again=True) == [("rejected", "")]
    assert ReceivedFile.objects.count() == 2

    assert take(connected, later(order, "2026-10-03T10:00:00")) == [("accepted", "")]
    assert ShopOrder.objects.get().state == "accepted"


def test_older_news_are_no_news(kind, connected):
    order = order_of(kind)
    take(connected, later(order, "2026-10-05T10:00:00"))

    assert take(connected, order) == [("old", "")]


def test_an_earlier_order_comes_with_a_back_fill_only(kind, connected):
    order = order_of(kind, at="2026-08-20T10:00:00")
    assert take(connected, order) == [("left_out", "earlier")]
    assert take(connected, order, backfill=True) == [("accepted", "")]


def test_a_refund_becomes_a_credit_note_once(shop, kind, connected):
    order = order_of(kind)
    take(connected, order)
    refunded(shop, order)
    connected.refunds_there = shop.refunds.get("1001", [])
    order = later(order, "2026-10-05T10:00:00")

    assert take(connected, order) == [("here", ""), ("accepted", "")]
    assert take(connected, order) == [("here", ""), ("here", "")]

    totals = Invoice.objects.values_list("gross_total", flat=True)
    assert sum(totals, Decimal(0)) == 0
    assert Invoice.objects.get(is_credit_note=True).document.corrects_number == "W-1001"


def test_a_refund_of_an_order_that_was_not_invoiced_is_no_credit_note(shop, kind, connected):
    word = {"status": "refunded"} if kind == "woocommerce" else {"financial_status": "refunded"}
    order = order_of(kind, **word)
    refunded(shop, order)
    connected.refunds_there = shop.refunds.get("1001", [])

    assert take(connected, order) == [("left_out", "status"), ("left_out", "order")]
    assert not ReceivedFile.objects.exists()


def test_a_refund_of_an_order_from_before_the_connection_is_told(shop, kind, connected):
    order = order_of(kind, at="2026-08-20T10:00:00")
    refunded(shop, order)
    connected.refunds_there = shop.refunds.get("1001", [])

    assert take(connected, order) == [("left_out", "earlier"), ("rejected", "")]
    assert codes() == ["shop_refund_unknown_order"]

    assert take(connected, order, backfill=True) == [("accepted", ""), ("accepted", "")]
    assert Invoice.objects.count() == 2


def test_an_order_that_is_cancelled_after_its_invoice_is_told_once(kind, connected):
    order = order_of(kind)
    take(connected, order)
    word = {"cancelled_at": "2026-10-05T10:00:00Z"}
    word = {"status": "cancelled"} if kind == "woocommerce" else word
    cancelled = later(order, "2026-10-05T10:00:00", **word)

    assert take(connected, cancelled) == [("rejected", "")]
    assert take(connected, cancelled) == [("here", "")]
    assert codes() == ["shop_order_cancelled"]


def test_two_orders_of_one_number_are_never_one_invoice(kind, connected):
    take(connected, order_of(kind))
    other = order_of(kind) | {"id": 7777}

    assert take(connected, other) == [("rejected", "")]
    assert codes() == ["shop_number_taken"]


def test_two_shops_of_a_tenant_have_numbers_of_their_own(shop, kind, connected, tenant):
    second = connect(shop, tenant, prefix="V-")
    take(connected, order_of(kind))
    take(second, order_of(kind))

    assert set(Invoice.objects.values_list("number", flat=True)) == {"W-1001", "V-1001"}


def test_foreign_vat_is_told_in_words_where_the_file_is(kind, connected, client):
    tax = {"rate_code": "DE-MWST-1"} if kind == "woocommerce" else {}
    order = order_of(kind)
    for line in order.get("tax_lines", []):
        line |= tax
    for line in order["line_items"]:
        for each in line.get("tax_lines", []):
            each["title"] = "DE VAT"

    assert take(connected, order) == [("rejected", "")]
    assert codes() == ["shop_foreign_vat"]
