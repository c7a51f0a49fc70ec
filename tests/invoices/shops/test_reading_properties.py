"""Whatever a shop counts: the document's total is the order's to the cent, VAT within a cent a
row, and all given back is all that was invoiced."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from invoices.intake.figures import tolerance
from invoices.mapping.totals import totals_of
from invoices.shops.reading import READERS, Unreadable, objects
from tests.invoices.shops import made

ORDERS = st.one_of(
    made.wc_orders().map(lambda order: ("woocommerce", order)),
    made.sh_orders().map(lambda order: ("shopify", order)),
)


def total_of(order):
    return Decimal(order.get("total", order.get("total_price")))


def counted(document):
    """The totals as mapping, and so Procountor, counts them from the rows."""
    rows = [
        {
            "vatPercent": row.vat_percent,
            "quantity": row.quantity,
            "unitPrice": row.unit_price,
            "discountPercent": row.discount_percent,
        }
        for row in document.rows
    ]
    return totals_of(rows, prices_include_vat=document.prices_include_vat)


def refund_of(kind, order):
    make = made.wc_refund if kind == "woocommerce" else made.sh_refund
    return make(order, everything=True)


@given(ORDERS)
def test_rows_give_the_orders_total_to_the_cent(found):
    kind, order = found
    read = READERS[kind].read_order(made.loaded(order), made.settings())

    assert read.problems == ()
    totals = counted(read.document)
    assert totals.gross == read.document.gross_total == total_of(order)
    assert abs(totals.vat - Decimal(order["total_tax"])) <= tolerance(len(read.document.rows))


@given(ORDERS)
def test_vat_of_each_rate_is_the_shops_within_a_cent_a_row(found):
    kind, order = found
    document = READERS[kind].read_order(made.loaded(order), made.settings()).document
    parts = [*order["line_items"], *order["shipping_lines"], *order.get("fee_lines", [])]
    stated: dict[Decimal, Decimal] = {}
    for part in parts:
        for tax in part.get("taxes", []):
            rate = Decimal(tax["id"] - 1) / 10
            stated[rate] = stated.get(rate, Decimal(0)) + Decimal(tax["total"])
        for tax in part.get("tax_lines", []):
            rate = Decimal(str(tax["rate"])) * 100
            stated[rate] = stated.get(rate, Decimal(0)) + Decimal(tax["price"])

    for rate, amount in stated.items():
        rows = [row for row in document.rows if row.vat_percent == rate]
        own = totals_of(
            [
                {"vatPercent": r.vat_percent, "quantity": r.quantity, "unitPrice": r.unit_price,
                 "discountPercent": 0}
                for r in rows
            ],
            prices_include_vat=document.prices_include_vat,
        )  # fmt: skip
        assert abs(own.vat - amount) <= Decimal("0.01") * (len(rows) + 1)


@given(ORDERS)
def test_all_given_back_is_all_that_was_invoiced(found):
    kind, order = found
    assume(total_of(order) > 0)
    reader, data = READERS[kind], made.loaded(order)
    invoice = reader.read_order(data, made.settings()).document
    refund = made.loaded(refund_of(kind, order))

    read = reader.read_refund(data, refund, made.settings())

    assert read.problems == ()
    note = read.document
    assert note.kind == "credit_note"
    assert note.corrects_number == invoice.number != note.number
    assert note.gross_total == counted(note).gross == -invoice.gross_total
    assert note.vat_total == -invoice.vat_total
    assert all(row.unit_price >= 0 for row in note.rows)


@given(ORDERS, st.data())
def test_refunds_of_single_lines_add_up_to_one_of_all(found, data):
    kind, order = found
    lines = [line for line in order["line_items"] if _amount(kind, line)]
    assume(lines)
    make = made.wc_refund if kind == "woocommerce" else made.sh_refund
    reader, loaded = READERS[kind], made.loaded(order)

    def net(chosen, number):
        refund = made.loaded(make(order, chosen, number=number))
        read = reader.read_refund(loaded, refund, made.settings())
        assert read.problems == ()
        return read.document.gross_total

    single = [net([line], 3000 + position) for position, line in enumerate(lines)]
    assert sum(single) == net(lines, 2999)


def _amount(kind, line):
    return Decimal(line["total"]) if kind == "woocommerce" else made.sh_amount(line)


WORDS = ["id", "number", "name", "line_items", "total", "tax_lines", "taxes", "billing", "rate"]
WORDS += ["refunds", "price", "amount", "transactions", "quantity", "date_created_gmt", "currency"]
WORDS += ["created_at", "shipping_lines", "total_price", "billing_address", "company", "subtotal"]


@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(WORDS), inner),
))  # fmt: skip
def test_no_json_makes_a_reader_stumble(found):
    order = found if isinstance(found, dict) else {"line_items": found}
    data = made.loaded(order)
    for reader in READERS.values():
        reader.facts_of(data)
        assert reader.read_order(data, made.settings()).document is None
        reader.read_refund(data, data, made.settings())


@given(st.text())
def test_no_text_makes_the_splitter_stumble(text):
    try:
        list(objects(text))
        list(objects(text, "orders"))
    except Unreadable:
        return


@pytest.mark.parametrize("text", ["", "[", "[{}", "[{}{}]", "3", '{"x": []}', "[" * 100_000])
def test_what_is_no_list_of_objects_is_unreadable(text):
    with pytest.raises(Unreadable):
        list(objects(text, "orders"))


def test_each_order_of_a_page_keeps_its_own_text():
    text = '{ "orders" : [ {"id": 1, "a": "ä\\u00e4"} , {"id":2.50} ] }'

    found = list(objects(text, "orders"))

    assert [raw for raw, __ in found] == ['{"id": 1, "a": "ä\\u00e4"}', '{"id":2.50}']
    assert [data["id"] for __, data in found] == [1, Decimal("2.50")]
