from decimal import Decimal

import pytest

from tests.invoices.mapping.build import document, mapped, payload, told


def only_row(**changes):
    (row,) = payload(document(**changes))["invoiceRows"]
    return row


def test_row_of_a_plain_invoice():
    assert only_row() == {
        "product": "Konsultointi",
        "quantity": 2,
        "unit": "HOUR",
        "unitPrice": 50,
        "discountPercent": 0,
        "vatPercent": Decimal("25.5"),
    }


def test_row_carries_code_comment_discount_and_dates():
    row = only_row(
        row__code="K-1",
        row__comment="Helmikuu\nja maaliskuu",
        row__discount_percent="12.50",
        row__start_date="2026-02-01",
        row__end_date="2026-02-28",
        gross_total="109.81",
    )

    assert row["productCode"] == "K-1"
    assert row["comment"] == "Helmikuu\nja maaliskuu"
    assert row["discountPercent"] == Decimal("12.5")
    assert (row["startDate"], row["endDate"]) == ("2026-02-01", "2026-02-28")


def test_rest_of_a_long_name_and_unknown_unit_come_before_the_comment():
    row = only_row(row__name="Asiantuntijatyö " * 6, row__unit="tynnyri", row__comment="Kevään erä")

    assert row["product"] == ("Asiantuntijatyö " * 5).strip()
    assert row["unit"] == "NO_UNIT"
    assert row["comment"] == "Asiantuntijatyö\ntynnyri\nKevään erä"


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "expected"),
    [
        ("1000", "0.1234567", "0", (1, "123.46", "1000 h × 0.1234567")),
        ("-1000", "0.1234567", "10", (-1, "111.11", "-1000 h × 0.1234567 - 10 %")),
        ("0.00000001", "100000000", "0", (1, "1", "0.00000001 h × 100000000")),
        ("3", "10", "33.33333", (1, "20.00", "3 h × 10 - 33.33333 %")),
    ],
)
def test_figures_too_fine_become_one_at_the_amount(quantity, price, discount, expected):
    amount = Decimal(expected[1]) * expected[0]
    row = only_row(
        row__quantity=quantity,
        row__unit_price=price,
        row__discount_percent=discount,
        gross_total=str(round(amount * Decimal("1.255"), 2)),
        **({"kind": "credit_note", "corrects_number": "1"} if amount < 0 else {}),
    )

    assert (row["quantity"], row["unitPrice"], row["comment"]) == (
        expected[0],
        Decimal(expected[1]),
        expected[2],
    )
    assert row["discountPercent"] == 0


def test_six_decimals_are_kept():
    row = only_row(row__quantity="1000", row__unit_price="0.12345600", gross_total="154.94")

    assert row["unitPrice"] == Decimal("0.123456")
    assert "comment" not in row


def test_negative_price_moves_its_sign_to_the_quantity():
    rows = [
        {"name": "Työ", "quantity": 1, "unit_price": "100", "vat_percent": "25.5"},
        {"name": "Alennus", "quantity": 1, "unit_price": "-10", "vat_percent": "25.5"},
    ]

    body = payload(document(rows=rows, gross_total="112.95"))

    assert [(row["quantity"], row["unitPrice"]) for row in body["invoiceRows"]] == [
        (1, 100),
        (-1, 10),
    ]


@pytest.mark.parametrize(("net", "problems"), [("100.02", 0), ("99.98", 0), ("100.03", 1)])
def test_stated_amount_of_a_row_may_differ_by_rounding_only(net, problems):
    assert len(mapped(document(row__net_amount=net)).problems) == problems


def test_stated_amount_is_without_vat_when_prices_have_it():
    invoice = document(
        prices_include_vat=True,
        row__quantity="1",
        row__unit_price="10.00",
        row__net_amount="7.97",
        gross_total="10.00",
    )

    assert payload(invoice)["extraInfo"]["unitPricesIncludeVat"] is True


def test_row_without_unit_has_no_warning():
    assert told(mapped(document(row__unit="")).warnings) == []
    assert only_row(row__unit="")["unit"] == "NO_UNIT"
