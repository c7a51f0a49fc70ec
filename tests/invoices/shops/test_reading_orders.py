"""Orders of both shops as invoices: what is kept, what is refused and with which words."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from invoices.shops.reading import READERS, LeftOut, Payments, left_out
from tests.invoices.shops import made

WC, SH = READERS["woocommerce"], READERS["shopify"]


def read(reader, order, **settings):
    return reader.read_order(made.loaded(order), made.settings(**settings))


def codes(found):
    return [problem.code for problem in found.problems]


def test_an_order_of_a_consumer_as_an_invoice_with_prices_as_the_buyer_saw_them():
    order = made.wc_order([made.wc_line(1, "80.00", 2)], [made.wc_shipping()], [made.wc_fee()])

    document = read(WC, order).document

    assert (document.number, document.order_reference) == ("W-1001", "1001")
    assert document.date == dt.date(2026, 10, 1)  # in Helsinki
    assert document.buyer.address.name == "Maija Meikäläinen"
    assert document.buyer.contact_person == ""
    assert document.delivery_address.street == "Testitie 1"
    assert document.prices_include_vat
    assert [(r.name, r.quantity, r.unit_price, r.vat_percent) for r in document.rows] == [
        ("Tuote 1", 2, Decimal("100.40"), Decimal("25.5")),
        ("Posti", 1, Decimal("6.28"), Decimal("25.5")),
        ("Pientoimituslisä", 1, Decimal("2.51"), Decimal("25.5")),
    ]
    assert document.gross_total == Decimal("209.59")
    assert document.payment_method == "bacs"


def test_a_price_that_four_decimals_cannot_give_becomes_one_piece():
    order = made.wc_order([made.wc_line(1, "10.00", 3, off="0.01")], inclusive=False)

    row = read(WC, order).document.rows[0]

    assert (row.quantity, row.unit_price, row.net_amount) == (1, Decimal("29.99"), Decimal("29.99"))


@pytest.mark.parametrize("inclusive", [True, False])
def test_discounts_are_taken_off_once_and_told(inclusive):
    line = made.wc_line(1, "100.00", off="20.00")
    row = read(WC, made.wc_order([line], inclusive=inclusive)).document.rows[0]

    assert row.net_amount == Decimal("80.00")
    told = "25.10" if inclusive else "20.00"
    assert row.comment == f"Hinnasta on vähennetty alennus: {told}"


def test_shopify_shares_an_orders_discount_out_to_its_lines():
    line = made.sh_line(1, "50.00", 2, off="10.00", total_discount="10.00")
    order = made.sh_order([line], [made.sh_shipping("5.90", off="5.90")], total_discounts="15.90")

    document = read(SH, order).document

    assert document.gross_total == Decimal("90.00")
    assert len(document.rows) == 1
    assert document.rows[0].comment == "Hinnasta on vähennetty alennus: 10.00"


def test_a_company_is_known_by_name_and_numbers_from_the_fields_that_are_set():
    billing = made.BILLING | {"company": "Ostaja Oy"}
    given = {"_billing_y_tunnus": "0112038-9", "_billing_vat": "fi 01120389"}
    meta = [{"key": key, "value": value} for key, value in given.items()]
    document = read(WC, made.wc_order(billing=billing, meta_data=meta)).document

    assert document.buyer.address.name == "Ostaja Oy"
    assert document.buyer.contact_person == "Maija Meikäläinen"
    assert (document.buyer.business_id, document.buyer.vat_number) == ("0112038-9", "FI01120389")


def test_a_personal_identity_code_in_such_a_field_is_not_kept():
    notes = [{"name": "Y-tunnus", "value": "131052-308T"}]
    found = read(SH, made.sh_order(note_attributes=notes))

    assert found.document.buyer.business_id == ""
    assert [warning.code for warning in found.warnings] == ["personal_id_dropped"]
    assert "131052" not in str(found)


def test_rounding_of_the_whole_order_becomes_a_row_outside_vat():
    document = read(WC, made.wc_order(rounding="0.02")).document

    row = document.rows[-1]
    assert (row.name, row.unit_price, row.vat_category) == ("Pyöristys", Decimal("0.02"), "O")
    assert document.gross_total == Decimal("12.57")


@pytest.mark.parametrize(("rounding", "allowed"), [("0.02", False), ("0.50", True)])
def test_a_difference_that_is_no_rounding_is_refused_with_both_numbers(rounding, allowed):
    found = read(WC, made.wc_order(rounding=rounding), rounding_row=allowed)

    problem = found.problems[0]
    stated = str(Decimal("12.55") + Decimal(rounding))
    assert (problem.code, problem.value, problem.expected) == ("totals_differ", stated, "12.55")
    assert found.document is None


def test_two_taxes_on_one_line_are_refused():
    line = made.wc_line(1)
    line["taxes"].append({"id": 141, "total": "1.00", "subtotal": "1.00"})

    assert codes(read(WC, made.wc_order([line]))) == ["shop_several_taxes"]


def test_a_tax_whose_rate_the_shop_does_not_tell_is_refused():
    order = made.wc_order(tax_lines=[])

    assert codes(read(WC, order)) == ["shop_rate_missing"]


def test_vat_that_is_not_amount_times_rate_is_refused_with_both_numbers():
    line = made.sh_line(1, "125.50")
    line["tax_lines"][0]["price"] = "24.00"

    problem = read(SH, made.sh_order([line])).problems[0]

    assert (problem.code, problem.value) == ("shop_tax_differs", "24.00")
    assert problem.expected == "25.50 (25.5 %)"
    assert problem.place == "line_items[1]"


def test_everything_wrong_is_told_at_once():
    line = made.wc_line(1, total="x")
    order = made.wc_order([made.wc_line(1)], billing={}, currency="euro", date_created_gmt="soon")
    order["line_items"] = [line]

    assert {"missing", "not_a_number", "not_a_date"} <= set(codes(read(WC, order)))


def german(kind, rate="19", **fields):
    address = {"country": "DE"} if kind == "woocommerce" else {"country_code": "DE"}
    if kind == "woocommerce":
        where = made.BILLING | address
        order = made.wc_order([made.wc_line(1, rate=rate)], billing=where, shipping=where)
        for tax in order["tax_lines"]:
            tax["rate_code"] = "DE-MWST-1"
        return order | fields
    where = made.ADDRESS | address
    line = made.sh_line(1, rate=rate)
    for tax in line["tax_lines"]:
        tax["title"] = "DE VAT"
    return made.sh_order([line], billing_address=where, shipping_address=where) | fields


@pytest.mark.parametrize("kind", ["woocommerce", "shopify"])
def test_vat_of_another_country_is_no_finnish_vat(kind):
    problem = read(READERS[kind], german(kind)).problems[0]

    assert (problem.code, problem.value, problem.expected) == ("shop_foreign_vat", "19 %", "DE")


def test_finnish_vat_of_a_sale_to_another_country_is_kept_when_the_tax_says_so():
    order = german("woocommerce", rate="14")
    order["tax_lines"][0]["rate_code"] = "FI-ALV-1"
    assert read(WC, order).document.rows[0].vat_category == "S"

    order["tax_lines"][0]["rate_code"] = "ALV-1"
    assert codes(read(WC, order)) == ["shop_foreign_vat"]


def free_of_vat(country, *, numbers=(), goods=True):
    where = made.ADDRESS | {"country_code": country}
    notes = [{"name": "VAT", "value": number} for number in numbers]
    line = made.sh_line(1, rate=None, requires_shipping=goods)
    return made.sh_order(
        [line], billing_address=where, shipping_address=where, note_attributes=notes
    )


@pytest.mark.parametrize(
    ("order", "category"),
    [
        (free_of_vat("NO"), "G"),
        (free_of_vat("NO", goods=False), None),
        (free_of_vat("GB"), None),
        (free_of_vat("FI"), None),
        (free_of_vat("DE"), None),
        (free_of_vat("DE", numbers=["DE123456789"]), "K"),
        (free_of_vat("DE", numbers=["FI01120389"]), None),
        (free_of_vat("GR", numbers=["EL123456789"]), "K"),
        (free_of_vat("DE", numbers=["DE123456789"], goods=False), None),
    ],
)
def test_zero_percent_gets_a_category_only_where_one_answer_is_left(order, category):
    document = read(SH, order).document

    assert document.rows[0].vat_category == category
    assert bool(document.additional_information) == (category == "K")


def test_woocommerce_does_not_tell_goods_from_services_so_a_setting_does():
    where = made.BILLING | {"country": "NO"}
    order = made.wc_order([made.wc_line(1, rate=None)], billing=where, shipping=where)

    assert read(WC, order).document.rows[0].vat_category is None
    assert read(WC, order, goods_only=True).document.rows[0].vat_category == "G"

    picked_up = made.wc_shipping("0", rate=None) | {"method_id": "local_pickup"}
    order["shipping_lines"] = [picked_up]
    assert read(WC, order, goods_only=True).document.rows[0].vat_category is None


def test_a_gift_card_pays_and_is_no_discount():
    names = ["gift_card", "shopify_payments"]
    document = read(SH, made.sh_order(payment_gateway_names=names)).document

    assert document.gross_total == Decimal("12.55")
    assert document.payment_method == "shopify_payments"
    only = read(SH, made.sh_order(payment_gateway_names=["gift_card"])).document
    assert only.payment_method == "gift_card"


def test_a_gift_card_that_is_sold_stays_open():
    line = made.sh_line(1, rate=None, gift_card=True, requires_shipping=False)

    assert read(SH, made.sh_order([line])).document.rows[0].vat_category is None


@pytest.mark.parametrize("as_line", [True, False])
def test_a_tip_is_a_row_once(as_line):
    lines = [made.sh_line(1)]
    tip = made.sh_line(2, "3.00", rate=None, tip_payment_gateway="shopify_payments", name="Tip")
    order = made.sh_order([*lines, tip] if as_line else lines, total_tip_received="3.00")
    if not as_line:
        order["total_price"] = "15.55"

    document = read(SH, order).document

    assert [row.unit_price for row in document.rows] == [Decimal("12.55"), Decimal("3.00")]
    assert document.rows[1].vat_category is None


def test_import_duties_are_refused():
    duties = {"shop_money": {"amount": "7.10", "currency_code": "EUR"}}
    order = made.sh_order(current_total_duties_set=duties)

    assert codes(read(SH, order)) == ["shop_duties"]


def test_a_buyer_who_saw_another_currency_is_told():
    found = read(SH, made.sh_order(presentment_currency="SEK"))

    assert [w.code for w in found.warnings] == ["shop_other_currency"]
    assert found.document.currency == "EUR"


def test_a_free_line_takes_the_rate_of_the_others():
    lines = [made.wc_line(1), made.wc_line(2, "0", rate=None)]

    assert [row.vat_percent for row in read(WC, made.wc_order(lines)).document.rows] == [
        Decimal("25.5"),
        Decimal("25.5"),
    ]


def test_an_order_below_zero_is_refused():
    fee = made.wc_fee("-20.00")

    assert "not_allowed" in codes(read(WC, made.wc_order(fees=[fee])))


def test_a_number_of_more_than_forty_characters_is_refused():
    found = read(WC, made.wc_order(number="9" * 40))

    assert codes(found) == ["too_long"]
    assert len(found.number) == 40


@pytest.mark.parametrize(
    ("kind", "fields", "given", "why"),
    [
        ("woocommerce", {"status": "pending"}, {}, LeftOut.STATUS),
        ("woocommerce", {"status": "checkout-draft"}, {}, LeftOut.STATUS),
        ("woocommerce", {"status": "cancelled"}, {}, LeftOut.CANCELLED),
        ("woocommerce", {}, {"payments": Payments.UNPAID}, LeftOut.PAID),
        ("woocommerce", {"date_paid_gmt": None}, {"payments": Payments.PAID}, LeftOut.UNPAID),
        ("woocommerce", {"total": "0.00"}, {}, LeftOut.FREE),
        ("woocommerce", {"total": "0.00"}, {"free_orders": True}, None),
        ("woocommerce", {}, {"since": dt.date(2026, 10, 2)}, LeftOut.EARLIER),
        ("woocommerce", {}, {"since": dt.date(2026, 10, 1)}, None),
        ("shopify", {"test": True}, {}, LeftOut.TEST),
        ("shopify", {"cancelled_at": "2026-10-02T10:00:00Z"}, {}, LeftOut.CANCELLED),
        ("shopify", {"financial_status": "voided"}, {}, LeftOut.CANCELLED),
        ("shopify", {"financial_status": "pending"}, {}, LeftOut.STATUS),
        ("shopify", {}, {}, None),
    ],
)
def test_which_orders_become_invoices(kind, fields, given, why):
    order = made.wc_order(**fields) if kind == "woocommerce" else made.sh_order(**fields)
    facts = READERS[kind].facts_of(made.loaded(order))

    assert left_out(facts, dt.date(2026, 10, 1), made.settings(**given)) == why


def test_nothing_that_changes_with_payment_or_delivery_is_in_the_document():
    first = made.wc_order(status="processing", date_paid_gmt=None)
    after = {"status": "completed", "date_modified_gmt": "2026-10-09T00:00:00"}
    later = made.wc_order(**after, refunds=[{"id": 1}])

    assert read(WC, first).document == read(WC, later).document
