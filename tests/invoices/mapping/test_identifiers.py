import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.mapping import to_bytes
from invoices.mapping.identifiers import finnish_business_id, is_personal, is_vat_number
from tests.invoices.mapping.build import document, eu_goods, mapped, payload, told


@pytest.mark.parametrize(
    ("given", "expected"),
    [(value, value) for value in ("2077474-0", "1572860-0", "0737546-2", "2345678-0", "7654321-2")]
    + [("01120389", "0112038-9"), ("FI01120389", "0112038-9"), ("fi 0112038-9", "0112038-9")]
    + [("112038-9", "0112038-9")],
)
def test_valid_business_id_is_normalised(given, expected):
    assert finnish_business_id(given) == expected


@pytest.mark.parametrize(
    "given",
    ["2077474-1", "1234567-8", "0123456-7", "", "12345", "1000008-5", "abc", "²0774740"]
    + [f"1000008-{digit}" for digit in range(10)],
)
def test_invalid_business_id_is_none(given):
    assert finnish_business_id(given) is None


@pytest.mark.parametrize("given", ["131052-308T", "010203A1234", "131052+308t", " 131052Y308T "])
def test_personal_identity_code_is_recognised(given):
    assert is_personal(given)


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d")
def test_personal_identity_code_is_recognised_by_any_dash(dash):
    assert is_personal(f"131052{dash}308T")


@pytest.mark.parametrize("given", ["131052308T", "131052/308T", "FI131052308T", "131052 308T"])
def test_personal_identity_code_without_its_sign_is_told_by_its_check(given):
    assert is_personal(given)
    assert not is_personal(given.replace("T", "S"))


@pytest.mark.parametrize(
    "given",
    ["FI131052-308T", "HETU: 131052-308T", "131052 \u2013 308 T", "131052308T", "131052/308T"],
)
@pytest.mark.parametrize("field", ["business_id", "vat_number", "customer_number"])
def test_personal_identity_code_in_disguise_is_refused_and_not_shown(field, given):
    result = mapped(document(**{f"buyer__{field}": given}))

    assert told(result.problems) == [("personal_id_refused", f"buyer.{field}")]
    assert "308" not in repr(result)


def test_customer_number_of_ten_bare_digits_passes_even_when_a_check_holds():
    body = payload(document(buyer__customer_number="0101010090"))

    assert is_personal("0101010090")
    assert body["counterParty"]["customerNumber"] == "0101010090"


@given(st.from_regex("(FI|HETU )?131052[-\u2010\u2013\u2212+A/ ]?308T", fullmatch=True))
def test_personal_identity_code_never_reaches_the_wire(code):
    for field in ("business_id", "vat_number", "customer_number"):
        result = mapped(document(**{f"buyer__{field}": code}))

        assert result.payload is None or b"308T" not in to_bytes(result.payload)
        assert "308T" not in repr(result.warnings)


@pytest.mark.parametrize(
    "given",
    ["0112038-9", "FI01120389", "10025", "556677-8899", "", "NL123456789B01", "1310523080"],
)
def test_other_identifiers_are_not_personal(given):
    assert not is_personal(given)


@given(st.text() | st.from_regex(r"[A-Z]{2}[A-Z0-9+*]{2,13}", fullmatch=True))
def test_any_text_is_judged_without_raising(text):
    assert is_vat_number(text) in (True, False)
    assert finnish_business_id(text) is None or finnish_business_id(text).count("-") == 1


@pytest.mark.parametrize("field", ["business_id", "vat_number", "customer_number"])
def test_personal_identity_code_is_refused_and_not_shown(field):
    result = mapped(document(**{f"buyer__{field}": "131052-308T"}))

    assert told(result.problems) == [("personal_id_refused", f"buyer.{field}")]
    assert "308T" not in repr(result)


def test_customer_number_of_that_shape_passes_when_its_check_fails():
    body = payload(document(buyer__customer_number="131052-3080"))

    assert body["counterParty"]["customerNumber"] == "131052-3080"


def test_finnish_vat_number_is_normalised():
    body = payload(document(buyer__vat_number="0112038-9"))

    assert body["counterParty"]["taxCode"] == "FI01120389"


def test_foreign_registration_of_a_buyer_in_finland_is_kept():
    body = payload(document(buyer__business_id="SE556677-8899"))

    assert body["counterParty"]["identifier"] == "SE556677-8899"


def test_foreign_vat_number_outside_the_eu_is_kept():
    invoice = document(buyer__address__country="NO", buyer__vat_number="NO 974 760 673 MVA")

    assert payload(invoice)["counterParty"]["taxCode"] == "NO974760673MVA"
    assert mapped(invoice).warnings == ()


def test_wrong_domestic_numbers_are_left_out_and_kept_in_the_notes():
    body = payload(document(buyer__business_id="2077474-1", buyer__vat_number="FI20774741"))

    assert {"identifier", "taxCode"}.isdisjoint(body["counterParty"])
    assert "2077474-1" in body["notes"]
    assert "FI20774741" in body["notes"]


def test_finnish_reverse_charge_is_not_served_by_a_wrong_business_id():
    invoice = document(
        buyer__business_id="2077474-1",
        row__vat_category="AE",
        row__vat_percent="0",
        gross_total="100",
        additional_information="Käännetty verovelvollisuus, AVL 8 c §",
    )

    assert told(mapped(invoice).problems) == [("vat_number_missing", "buyer.vat_number")]


def test_finnish_reverse_charge_is_served_by_a_business_id():
    invoice = document(
        row__vat_category="AE",
        row__vat_percent="0",
        gross_total="100",
        additional_information="Käännetty verovelvollisuus, AVL 8 c §",
    )

    assert payload(invoice)["vatStatus"] == 7


def test_invalid_eu_number_stops_eu_goods():
    result = mapped(eu_goods(buyer__vat_number="SE12"))

    assert told(result.problems) == [("vat_number_invalid", "buyer.vat_number")]
