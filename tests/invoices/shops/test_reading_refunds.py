"""Refunds of both shops as credit notes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from invoices.shops.reading import READERS, LeftOut
from tests.invoices.shops import made

WC, SH = READERS["woocommerce"], READERS["shopify"]
LINES = [made.wc_line(1, "80.00", 2), made.wc_line(2, "10.00", rate="14")]


def read(reader, order, refund, **settings):
    return reader.read_refund(made.loaded(order), made.loaded(refund), made.settings(**settings))


def codes(found):
    return [problem.code for problem in found.problems]


def test_a_refunded_line_is_a_credit_note_of_its_invoice():
    order = made.wc_order(LINES)
    document = read(WC, order, made.wc_refund(order, [LINES[1]])).document

    assert (document.kind, document.number) == ("credit_note", "W-1001-R2001")
    assert document.corrects_number == "W-1001"
    row = document.rows[0]
    assert (row.quantity, row.unit_price, row.vat_percent) == (-1, Decimal("11.40"), 14)
    assert document.gross_total == Decimal("-11.40")


def test_shipping_is_given_back_in_either_form_of_shopify():
    order = made.sh_order([made.sh_line(1)], [made.sh_shipping()])
    new = made.sh_refund(order, [], amount="5.90")
    new["refund_shipping_lines"] = made.sh_refund(order, everything=True)["refund_shipping_lines"]
    old = made.sh_refund(order, [], amount="5.90")
    old["order_adjustments"] = [
        {"kind": "shipping_refund", "amount": "-4.70", "tax_amount": "-1.20"}
    ]

    for refund in (new, old):
        document = read(SH, order, refund).document
        assert document.gross_total == Decimal("-5.90")
        assert [(row.name, row.vat_percent) for row in document.rows] == [
            ("Posti", Decimal("25.5"))
        ]


@pytest.mark.parametrize("kind", ["woocommerce", "shopify"])
def test_an_amount_without_lines_is_refused_or_one_row_by_setting(kind):
    make = made.wc_order if kind == "woocommerce" else made.sh_order
    order, refund = make(), (made.wc_refund if kind == "woocommerce" else made.sh_refund)
    given = refund(order, amount="5.00")

    refused = read(READERS[kind], order, given)
    assert codes(refused)[0] == "shop_refund_without_lines"
    assert refused.problems[0].value == "-5.00"

    document = read(READERS[kind], order, given, amount_only_row=True).document
    row = document.rows[0]
    assert (row.name, row.quantity, row.unit_price) == ("Hyvitys", -1, Decimal("5.00"))
    assert (document.gross_total, document.vat_total) == (Decimal("-5.00"), Decimal("-1.02"))


def test_an_amount_without_lines_of_an_order_with_two_rates_is_always_refused():
    order = made.wc_order(LINES)
    found = read(WC, order, made.wc_refund(order, amount="5.00"), amount_only_row=True)

    assert codes(found)[0] == "shop_refund_without_lines"


def test_lines_that_do_not_give_the_amount_are_refused_with_both_numbers():
    order = made.wc_order(LINES)
    found = read(WC, order, made.wc_refund(order, [LINES[1]], amount="20.00"))

    assert (found.problems[0].code, found.problems[0].value, found.problems[0].expected) == (
        "totals_differ",
        "-20.00",
        "-11.40",
    )


def test_a_refund_of_the_shop_that_has_not_been_paid_out_waits():
    order = made.sh_order()
    found = read(SH, order, made.sh_refund(order, everything=True, status="pending"))

    assert (found.document, found.left_out) == (None, LeftOut.NOT_SETTLED)


def test_goods_taken_out_of_an_order_without_money_are_credited_by_their_lines():
    order = made.sh_order([made.sh_line(1), made.sh_line(2, "20.00")])
    refund = made.sh_refund(order, [order["line_items"][1]], amount="0")

    assert read(SH, order, refund).document.gross_total == Decimal("-20.00")


def test_goods_returned_for_nothing_are_no_credit_note():
    order = made.sh_order()
    refund = made.sh_refund(order, order["line_items"], amount="0")
    refund["order_adjustments"] = [{"kind": "refund_discrepancy", "amount": "12.55"}]

    assert read(SH, order, refund).left_out == LeftOut.NOTHING


def test_refunds_of_one_order_have_numbers_of_their_own():
    order = made.wc_order(LINES)
    numbers = {
        read(WC, order, made.wc_refund(order, [line], number=number)).document.number
        for number, line in enumerate(LINES, 1)
    }

    assert numbers == {"W-1001-R1", "W-1001-R2"}
