import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.intake.values import UnreadableValue, json_place, money, parse_date, parse_number

NUMBERS = {
    "1234,50": "1234.50",
    "1 234,50 €": "1234.50",
    "1\u00a0234,50": "1234.50",
    "1.234,50": "1234.50",
    "1,234.50": "1234.50",
    "0,000": "0.000",
    "0.500": "0.500",
    "25.5": "25.5",
    "\u221212,5": "-12.5",
    "-100": "-100",
    "00044": "44",
}


@pytest.mark.parametrize(("text", "expected"), NUMBERS.items())
def test_parse_number_reads_what_people_write(text, expected):
    assert parse_number(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    ["", "neljä", "12,", ",5", "1,2,3", "1.2.3,4", "100-", "1E5", "NaN", "Infinity", "$13.50"]
    + ["1,234567890", "9" * 13, "٣", "--1"],
)
def test_parse_number_refuses_damage(text):
    with pytest.raises(UnreadableValue, match="not_a_number"):
        parse_number(text)


def test_parse_number_point_before_three_digits_is_ambiguous():
    with pytest.raises(UnreadableValue, match="number_ambiguous"):
        parse_number("1.234")


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_parse_number_reads_back_every_finvoice_amount(amount):
    assert parse_number(str(amount).replace(".", ",")) == amount


@given(st.text())
def test_parse_number_gives_a_number_or_its_own_error(text):
    try:
        assert parse_number(text).is_finite()
    except UnreadableValue as error:
        assert error.code in ("not_a_number", "number_ambiguous")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("20260105", "CCYYMMDD"),
        ("20260105", ""),
        ("05012026", "DDMMCCYY"),
        ("2026-01-05", ""),
        ("2026-01-05T08:30:00Z", ""),
        ("5.1.2026", ""),
        (" 05.01.2026 ", "DD.MM.CCYY"),
    ],
)
def test_parse_date_reads_known_shapes(text, form):
    assert parse_date(text, form) == dt.date(2026, 1, 5)


@pytest.mark.parametrize("text", ["20260231", "00010101", "21000101", "1/2/2026", "", "2026"])
def test_parse_date_refuses_what_is_no_date(text):
    with pytest.raises(UnreadableValue, match="not_a_date"):
        parse_date(text)


@given(st.dates(dt.date(1990, 1, 1), dt.date(2099, 12, 31)))
def test_parse_date_reads_back_every_finvoice_date(day):
    assert parse_date(day.strftime("%Y%m%d")) == day


@given(st.text())
def test_parse_date_gives_a_date_or_its_own_error(text):
    try:
        assert 1990 <= parse_date(text).year <= 2099
    except UnreadableValue as error:
        assert error.code == "not_a_date"


@pytest.mark.parametrize(
    ("raw", "rounded"), [("2.345", "2.35"), ("-2.345", "-2.35"), ("2.344", "2.34")]
)
def test_money_rounds_half_away_from_zero(raw, rounded):
    assert money(Decimal(raw)) == Decimal(rounded)


def test_json_place_counts_from_one():
    assert json_place(("rows", 1, "vat_percent")) == "rows[2].vat_percent"
