from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.document import VatCategory
from tests.invoices.intake.builders import ROW, document, error_codes, read_one, warning_codes

EUR = 'AmountCurrencyIdentifier="EUR"'


def test_quantity_prefers_invoiced_over_delivered_over_ordered():
    more = "<DeliveredQuantity>5</DeliveredQuantity><OrderedQuantity>6</OrderedQuantity>"
    rows = ROW.replace("<InvoicedQuantity", f"{more}<InvoicedQuantity")
    (row,) = document(rows=rows).rows
    assert (row.quantity, row.unit) == (4, "kpl")


def test_quantity_missing_with_an_amount_is_one():
    rows = ROW.replace('<InvoicedQuantity QuantityUnitCode="kpl">4</InvoicedQuantity>', "")
    rows = rows.replace(f"<UnitPriceAmount {EUR}>25,00</UnitPriceAmount>", "")
    (row,) = document(rows=rows).rows
    assert (row.quantity, row.unit_price, row.net_amount) == (1, 100, 100)


def test_text_row_goes_to_the_comment_of_the_row_after_it():
    text = "<InvoiceRow><RowFreeText>Elokuun työt</RowFreeText></InvoiceRow>"
    (row,) = document(rows=text + ROW).rows
    assert row.comment == "Elokuun työt"


def test_text_row_at_the_end_goes_to_the_row_before_it():
    text = "<InvoiceRow><RowFreeText>a</RowFreeText><RowFreeText>b</RowFreeText></InvoiceRow>"
    (row,) = document(rows=ROW + text).rows
    assert row.comment == "a\nb"


def test_text_row_padded_with_zero_amounts_is_a_text_row():
    padded = f"""<InvoiceRow><ArticleName>Huom</ArticleName><RowVatExcludedAmount {EUR}>0,00
    </RowVatExcludedAmount></InvoiceRow>"""
    (row,) = document(rows=padded + ROW).rows
    assert row.comment == "Huom"


def test_name_falls_back_to_the_first_free_text():
    rows = ROW.replace(
        "<ArticleName>Takorauta</ArticleName>",
        "<RowFreeText>Tavara</RowFreeText><RowFreeText>lisää</RowFreeText>",
    )
    (row,) = document(rows=rows).rows
    assert (row.name, row.comment) == ("Tavara", "lisää")


def test_row_discount_percent_is_kept_when_it_gives_the_net():
    rows = ROW.replace(">25,00<", ">50,00<").replace(
        "<RowVatRatePercent>", "<RowDiscountPercent>50</RowDiscountPercent><RowVatRatePercent>"
    )
    (row,) = document(rows=rows).rows
    assert (row.quantity, row.unit_price, row.discount_percent) == (4, 50, 50)


def test_row_with_a_fixed_discount_gets_the_price_that_gives_its_net():
    discount = f"<RowDiscountAmount {EUR}>20,00</RowDiscountAmount><RowVatRatePercent>"
    rows = ROW.replace(">25,00<", ">30,00<").replace("<RowVatRatePercent>", discount)
    (row,) = document(rows=rows).rows
    assert (row.quantity, row.unit_price, row.discount_percent) == (4, 25, 0)
    assert row.comment == "4 kpl × 30,00 -20,00"


def test_row_whose_price_cannot_be_exact_becomes_one_times_net():
    rows = ROW.replace(">4<", ">3<").replace(">25,00<", ">40,00<")
    item = read_one(rows=rows)
    (row,) = item.document.rows
    assert (row.quantity, row.unit_price, row.net_amount) == (1, 100, 100)
    assert row.comment == "3 kpl × 40,00"
    assert warning_codes(item) == {"row_recomputed"}


def test_row_charge_is_in_the_price_and_told():
    charge = f"<RowChargeDetails><Amount {EUR}>4,00</Amount></RowChargeDetails><RowVatRatePercent>"
    rows = ROW.replace(">25,00<", ">24,00<").replace("<RowVatRatePercent>", charge)
    (row,) = document(rows=rows).rows
    assert (row.quantity, row.unit_price, row.comment) == (4, 25, "4 kpl × 24,00 +4,00")


def test_price_per_base_quantity_is_divided():
    base = "<UnitPriceBaseQuantity>100</UnitPriceBaseQuantity><RowVatRatePercent>"
    rows = ROW.replace(">25,00<", ">2500,00<").replace("<RowVatRatePercent>", base)
    (row,) = document(rows=rows).rows
    assert (row.quantity, row.unit_price) == (4, 25)


def test_negative_price_becomes_a_negative_quantity():
    minus = ROW.replace(">4<", ">1<").replace("25,00<", "-25,00<").replace(">100,00", ">-25,00")
    first, second = document(rows=ROW + minus, totals=("75,00", "19,13", "94,13")).rows
    assert (second.quantity, second.unit_price, second.net_amount) == (-1, 25, -25)


def test_credit_note_with_positive_quantities_gets_the_sign_of_its_amounts():
    rows = ROW.replace(">100,00", ">-100,00")
    read = document(rows=rows, kind="INV02", totals=("-100,00", "-25,50", "-125,50"))
    assert (read.kind, read.rows[0].quantity, read.rows[0].unit_price) == ("credit_note", -4, 25)


def test_row_without_a_rate_is_an_error_at_its_place():
    item = read_one(rows=ROW + ROW.replace("<RowVatRatePercent>25,5</RowVatRatePercent>", ""))
    (found,) = item.problems
    assert (found.code, found.place) == ("missing", "InvoiceRow[2]/RowVatRatePercent")


SUB = f"""<InvoiceRow><SubInvoiceRow><SubArticleName>Yhteenveto</SubArticleName>
<SubRowVatExcludedAmount {EUR}>{{}}</SubRowVatExcludedAmount></SubInvoiceRow></InvoiceRow>"""


def test_sub_row_that_repeats_the_rows_is_skipped_with_a_warning():
    item = read_one(rows=ROW + SUB.format("100,00"))
    assert item.document.rows[0].comment == "Yhteenveto"
    assert warning_codes(item) == {"sub_row_skipped"}


def test_sub_row_that_carries_money_of_its_own_refuses_the_invoice():
    item = read_one(rows=ROW + SUB.format("50,00"), totals=("150,00", "38,25", "188,25"))
    assert error_codes(item) == {"totals_differ"}


def test_sub_row_with_no_total_to_judge_it_is_an_error():
    assert "sub_row_unclear" in error_codes(read_one(rows=ROW + SUB.format("50,00"), totals=None))


ZERO = ROW.replace(">25,5<", ">0<")
ZERO_TOTALS = ("100,00", "0,00", "100,00")


@pytest.mark.parametrize(
    ("version", "country", "code", "expected"),
    [
        ("3.0", "FI", "E", VatCategory.EXEMPT),
        ("3.0", "SE", "K", VatCategory.INTRA_COMMUNITY),
        ("3.0", "FI", "AE", VatCategory.REVERSE_CHARGE),
        ("2.01", "SE", "E", VatCategory.INTRA_COMMUNITY),
        ("1.3", "FI", "E", None),
        ("1.3", "FI", "Z", VatCategory.ZERO),
        ("2.01", "FI", "ZEG", None),
        ("3.0", "FI", "S", None),
        ("3.0", "FI", "", None),
    ],
)
def test_zero_rate_code_is_understood_by_version_and_country(version, country, code, expected):
    rows = ZERO.replace(">S<", f">{code}<")
    read = document(rows=rows, totals=ZERO_TOTALS, version=version, country=country)
    assert read.rows[0].vat_category is expected


def test_positive_rate_without_a_code_is_standard():
    read = document(rows=ROW.replace("<RowVatCode>S</RowVatCode>", ""))
    assert read.rows[0].vat_category is VatCategory.STANDARD


def test_row_takes_the_code_the_vat_specification_gives_its_rate():
    spec = """<VatSpecificationDetails><VatRatePercent>0,000</VatRatePercent><VatCode>G</VatCode>
    </VatSpecificationDetails>"""
    rows = ZERO.replace("<RowVatCode>S</RowVatCode>", "")
    read = document(rows=rows, totals=ZERO_TOTALS, details=spec)
    assert read.rows[0].vat_category is VatCategory.EXPORT


def test_positive_rate_with_a_zero_rate_code_is_an_error():
    assert error_codes(read_one(rows=ROW.replace(">S<", ">AE<"))) == {"vat_code_conflict"}


amounts = st.decimals(min_value="0.01", max_value=10**6, places=2)


@given(st.decimals(min_value="0.01", max_value=10**4, places=2), amounts, amounts)
def test_quantity_times_price_gives_the_stated_net_whatever_the_row_says(quantity, price, net):
    def comma(value: Decimal) -> str:
        return f"{value:f}".replace(".", ",")

    vat = (net * Decimal("0.255")).quantize(Decimal("0.01"))
    rows = ROW.replace(">4<", f">{comma(quantity)}<").replace(">25,00<", f">{comma(price)}<")
    rows = rows.replace(">100,00<", f">{comma(net)}<")
    (row,) = document(rows=rows, totals=(comma(net), comma(vat), comma(net + vat))).rows
    counted = row.quantity * row.unit_price * (1 - row.discount_percent / 100)
    assert row.net_amount == net
    assert abs(counted - net) <= Decimal("0.01")
