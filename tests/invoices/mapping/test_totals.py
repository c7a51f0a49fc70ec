from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.mapping.totals import agree, rounded, row_amount, tolerance, totals_of, without_vat

MONEY = st.decimals(-(10**9), 10**9, places=8)
PERCENT = st.decimals(0, 100, places=2)


def row(quantity, price, vat, discount="0"):
    return {
        "quantity": Decimal(quantity),
        "unitPrice": Decimal(price),
        "discountPercent": Decimal(discount),
        "vatPercent": Decimal(vat),
    }


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("0.005", "0.01"), ("-0.005", "-0.01"), ("0.015", "0.02"), ("2.3449", "2.34"), ("1", "1.00")],
)
def test_rounding_is_half_away_from_zero(amount, expected):
    assert rounded(Decimal(amount)) == Decimal(expected)


def test_row_amount_is_after_discount():
    assert row_amount(Decimal(3), Decimal("9.99"), Decimal("12.5")) == Decimal("26.22")


def test_vat_is_counted_once_for_each_rate():
    rows = [row(1, "0.10", "25.5")] * 3 + [row(1, "10", "13.5")]

    totals = totals_of(rows, prices_include_vat=False)

    assert totals == (Decimal("10.30"), Decimal("1.43"), Decimal("11.73"))


def test_equal_rates_written_differently_are_one_rate():
    rows = [row(1, "0.10", "25.5"), row(1, "0.10", "25.50")]

    assert totals_of(rows, prices_include_vat=False).vat == Decimal("0.05")


def test_prices_with_vat_keep_their_gross_total():
    totals = totals_of([row(1, "10.00", "25.5")], prices_include_vat=True)

    assert totals == (Decimal("7.97"), Decimal("2.03"), Decimal("10.00"))


def test_tolerance_is_a_cent_a_row_and_one_more():
    assert tolerance(3) == Decimal("0.04")
    assert agree(Decimal("10.04"), Decimal("10.00"), 3)
    assert not agree(Decimal("10.05"), Decimal("10.00"), 3)


@given(MONEY, PERCENT)
def test_amount_is_its_net_part_and_its_vat(amount, percent):
    gross = rounded(amount)
    net = without_vat(gross, percent)

    assert abs(net * (100 + percent) / 100 - gross) <= Decimal("0.0101")


@given(st.lists(st.tuples(MONEY, MONEY, PERCENT, PERCENT), max_size=8), st.booleans())
def test_totals_have_cents_and_net_and_vat_make_gross(figures, gross_prices):
    totals = totals_of([row(*each) for each in figures], prices_include_vat=gross_prices)

    assert all(amount.as_tuple().exponent == -2 for amount in totals)
    assert totals.net + totals.vat == totals.gross


@given(st.lists(st.tuples(MONEY, MONEY, PERCENT, PERCENT), max_size=5), st.booleans())
def test_totals_of_the_opposite_are_the_opposite(figures, gross_prices):
    rows = [row(*each) for each in figures]
    negated = [item | {"quantity": -item["quantity"]} for item in rows]

    totals = totals_of(rows, prices_include_vat=gross_prices)

    opposite = totals_of(negated, prices_include_vat=gross_prices)
    assert opposite == tuple(-amount for amount in totals)
