import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.mapping.references import (
    finnish_check_digit,
    is_damaged,
    is_finnish_reference,
    normalise,
)

# Finance Finland's rules, as worked out in finnish-invoicing, chapter 4.
GENERATED = [
    "1232",
    "1009",
    "1234561",
    "2348236",
    "12345672",
    "3012396",
    "999991",
    "100007",
    "12345678901234567894",
]


@pytest.mark.parametrize("reference", GENERATED)
def test_check_digit_of_known_bases(reference):
    assert finnish_check_digit(reference[:-1]) == int(reference[-1])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("1232", "1232"),
        ("1009", "1009"),
        ("26013", "26013"),
        ("1070", "1070"),
        ("12 34561", "1234561"),
        ("00000000000002004486", "2004486"),
        ("101074450001009462", "101074450001009462"),
        ("1 23456 71234 56784", "1234567123456784"),
        ("\u00a01232\n", "1232"),
    ],
)
def test_valid_finnish_reference_is_normalised(given, code):
    assert normalise(given) == (code, "FI")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("RF341234561", "RF341234561"),
        ("RF332348236", "RF332348236"),
        ("RF063012396", "RF063012396"),
        ("RF181009", "RF181009"),
        ("RF111232", "RF111232"),
        ("rf18 5390 0754 7034", "RF18539007547034"),
        ("RF97 1234 56", "RF97123456"),
    ],
)
def test_valid_rf_reference_is_normalised(given, code):
    assert normalise(given) == (code, "RF")


@pytest.mark.parametrize(
    "given",
    ["1234562", "6001", "1042005", "1043002", "123", "000440", "123456789012345678901", "12A4", ""]
    + ["RF17539007547034", "RF061234561", "RF351234561", "RF", "RF18", "RF11" + "1" * 22]
    + ["\u0661\u0662\u0663\u0662", "1,01074E+17", "-1232", "0", "²232"],
)
def test_invalid_reference_is_none(given):
    assert normalise(given) is None


@pytest.mark.parametrize("given", ["1,01074E+17", "1.0E17", "1E+5", "1232.0", "1232,00"])
def test_reference_damaged_by_a_spreadsheet_is_seen(given):
    assert is_damaged(given)


@pytest.mark.parametrize("given", ["1232", "RF111232", "12A4", "E+17", "TILAUS 1.2.3"])
def test_other_references_are_not_called_damaged(given):
    assert not is_damaged(given)


@given(st.integers(min_value=100, max_value=10**19 - 1))
def test_every_base_with_its_digit_is_valid_and_with_another_is_not(base):
    digit = finnish_check_digit(str(base))

    assert is_finnish_reference(f"{base}{digit}")
    assert not is_finnish_reference(f"{base}{(digit + 1) % 10}")


@given(st.text())
def test_any_text_is_judged_without_raising(text):
    known = normalise(text)

    assert known is None or normalise(known[0]) == known
