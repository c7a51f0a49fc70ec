"""The generic validator: one refusal per kind of rule in the contract."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.sandbox.checkdigits import (
    fi_reference,
    finnish_iban,
    has_wrong_check_digit,
    is_fi_reference,
    is_iban,
    is_rf_reference,
    rf_reference,
)
from integrations.sandbox.validation import contract, validate
from integrations.sandbox.wire import BadJson, dumps, loads

from .conftest import invoice, row

INVALID = "Value of the '{0}' field is invalid: {1}"
BLANK = "Value of the '{0}' cannot be blank."


def complaints(body, model="Invoice"):
    return [(e["field"], e["message"]) for e in validate(model, body)]


def test_minimal_example_passes():
    assert validate("Invoice", invoice()) == []


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"date": None}, "date", BLANK),
        ({"counterParty": {}}, "counterParty.counterPartyAddress", BLANK),
        ({"counterParty__counterPartyAddress__name": " "},
         "counterParty.counterPartyAddress.name", BLANK),
        ({"invoiceRows": [row(product="")]}, "invoiceRows[0].product", BLANK),
        ({"invoiceRows": [row(), None]}, "invoiceRows[1]", BLANK),
        ({"date": "2026-02-30"}, "date", "not a date"),
        ({"date": "2.3.2026"}, "date", "not a date"),
        ({"date": 20260302}, "date", "not a text"),
        ({"version": "2026-03-02"}, "version", "not a date and time"),
        ({"originalInvoiceNumber": "x" * 41}, "originalInvoiceNumber",
         "longer than 40 characters"),
        ({"invoiceRows": [row(comment="x" * 513)]}, "invoiceRows[0].comment",
         "longer than 512 characters"),
        ({"language": "KLINGON"}, "language", "not one of the allowed values"),
        ({"deliveryMethod": "DRONE"}, "deliveryMethod", "not one of the allowed values"),
        ({"extraInfo__accountingByRow": 1}, "extraInfo.accountingByRow", "not true or false"),
        ({"vatStatus": "1"}, "vatStatus", "not an integer"),
        ({"vatStatus": True}, "vatStatus", "not an integer"),
        ({"partnerId": 2**31}, "partnerId", "out of range"),
        ({"discountPercent": "0"}, "discountPercent", "not a number"),
        ({"discountPercent": 101}, "discountPercent", "more than 100"),
        ({"discountPercent": Decimal("1.00001")}, "discountPercent", "more than 4 decimals"),
        ({"penaltyPercent": Decimal("9.555")}, "penaltyPercent", "more than 2 decimals"),
        ({"paymentInfo__currencyRate": -1}, "paymentInfo.currencyRate", "less than 0"),
        ({"invoiceRows": {}}, "invoiceRows", "not a list"),
        ({"extraInfo": []}, "extraInfo", "not an object"),
        ({"extraInfo__madeUp": 1}, "extraInfo.madeUp", "unknown field"),
    ],
)  # fmt: skip
def test_one_contradiction_is_named_with_its_path(change, field, message):
    text = message.format(field) if message == BLANK else INVALID.format(field, message)

    assert complaints(invoice(**change)) == [(field, text)]


def test_all_contradictions_come_at_once():
    body = invoice(date=None, language="KLINGON", invoiceRows=[row(unit="X", quantity="1")])

    assert [field for field, _ in complaints(body)] == [
        "date", "invoiceRows[0].quantity", "invoiceRows[0].unit", "language",
    ]  # fmt: skip


def test_trailing_zeros_are_no_decimals_and_null_is_left_out():
    body = invoice(discountPercent=Decimal("1.000000"))
    body["notes"] = None

    assert complaints(body) == []


def test_body_that_is_no_object_has_an_error_without_field():
    assert validate("Invoice", []) == [{"status": 400, "message": "The body is not an object."}]


def test_unknown_model_is_a_key_error():
    with pytest.raises(KeyError):
        validate("Bill", {})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
FIELDS = sorted(contract()["models"]["Invoice"]["fields"])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FIELDS), VALUES)
def test_any_value_in_any_field_is_judged_and_never_raises(field, value):
    errors = validate("Invoice", invoice() | {field: value})

    assert all(error["field"].startswith(field) for error in errors)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimal_crosses_the_wire_unchanged(number):
    found = loads(dumps([number]).encode())[0]

    assert Decimal(found) == number


def test_number_is_written_digit_by_digit():
    body = b'{"a":100.00,"b":[1e3,1,true,null,"\xc3\xa4"]}'

    assert dumps(loads(body)) == '{"a":100.00,"b":[1000,1,true,null,"\u00e4"]}'


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"NaN", b"[1e99999999999999999999]", b"[" * 100_000, b"1" * 5000]
)
def test_what_is_not_json_is_bad_json(body):
    with pytest.raises(BadJson):
        loads(body)


@given(st.integers(100, 10**19 - 1))
def test_generated_references_pass_and_a_changed_digit_does_not(base):
    code = fi_reference(str(base))
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)

    assert (is_fi_reference(code), is_fi_reference(wrong)) == (True, False)
    assert is_rf_reference(rf_reference(code))


@given(st.integers(0, 9_999))
def test_generated_accounts_are_ibans(serial):
    assert is_iban(finnish_iban(serial))


@pytest.mark.parametrize(
    ("code", "wrong"),
    [("2077474-0", False), ("0112038-9", False), ("2077474-1", True), ("1234567-2", True),
     ("FI20774740", False), ("", False), ("12345", False)],
)  # fmt: skip
def test_only_a_wrong_digit_in_finnish_form_counts(code, wrong):
    assert has_wrong_check_digit(code) is wrong


@pytest.mark.parametrize(
    ("code", "good"),
    [("1232", True), ("1231", False), ("12a2", False), ("", False), ("123", False)],
)
def test_fi_reference_needs_digits_and_the_right_last_one(code, good):
    assert is_fi_reference(code) is good


@pytest.mark.parametrize(
    ("code", "good"), [("RF18539007547034", True), ("RF19539007547034", False)]
)
def test_rf_reference_needs_its_check_number(code, good):
    assert is_rf_reference(code) is good
