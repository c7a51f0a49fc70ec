"""Readers and blotters that must stand whatever an answer holds."""

from __future__ import annotations

from decimal import Decimal

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from integrations.procountor import (
    Company,
    CompanyBankAccount,
    FiscalYear,
    FoundInvoice,
    InvoiceTransaction,
    RemoteInvoice,
    ServiceStatus,
    SessionInfo,
    UserRights,
    VatDefaults,
)
from integrations.procountor.answers import NotJson, parsed, retry_after_seconds
from integrations.procountor.errors import redacted, remote_errors
from integrations.procountor.schemas import amount, day

READERS = [
    Company,
    CompanyBankAccount,
    FiscalYear,
    InvoiceTransaction,
    ServiceStatus,
    SessionInfo,
    UserRights,
    VatDefaults,
]
NAMES = st.sampled_from(
    [
        *("id", "iban", "country", "name", "rights", "sales", "invoiceSumInfo", "vatInformation"),
        *("percentages", "vatPercent", "vatStatuses", "vatStatus", "trackingPeriods", "startDate"),
        *("businessIdentifier", "code", "paymentInfo", "currency", "counterParty", "errors"),
        *("counterPartyAddress", "status", "field", "message", "error"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=10)


@given(OBJECTS)
def test_readers_accept_any_object(data):
    for reader in READERS:
        assert type(reader.read(data)) is reader


@given(OBJECTS, st.integers())
def test_invoices_accept_any_object_with_an_id(data, remote_id):
    assert RemoteInvoice.read(data | {"id": remote_id}).id == remote_id


@given(OBJECTS, st.none() | st.booleans() | st.text() | st.decimals())
def test_invoices_without_an_integer_id_are_refused(data, remote_id):
    with pytest.raises(ValueError, match="integer id"):
        FoundInvoice.read(data | {"id": remote_id})


@given(JSON)
def test_remote_errors_accept_anything(data):
    assert type(remote_errors(data)) is tuple


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_amounts_come_through_json_exactly(value):
    text = simplejson.dumps({"x": value}, use_decimal=True)

    assert amount(parsed(text.encode())["x"]) == value


@given(st.binary())
def test_parsing_gives_a_value_without_floats_or_not_json(content):
    try:
        assert not isinstance(parsed(content), float)
    except NotJson as error:
        assert error.__context__ is None


@given(st.text())
def test_retry_after_is_seconds_or_nothing(value):
    found = retry_after_seconds({"Retry-After": value})

    assert found is None or found >= 0


@given(st.text(), st.text(min_size=6), st.text())
def test_blotted_text_never_holds_the_secret(before, secret, after):
    shown = redacted(before + secret + after, [secret])

    assert secret not in shown.replace("[redacted]", "") or secret in before + after


@given(st.text() | st.integers() | st.none())
def test_days_are_dates_or_nothing(value):
    assert day(value) is None or day(value).year >= 1


@pytest.mark.parametrize("value", [True, None, "", "x", "NaN", Decimal("Infinity"), [], {}])
def test_what_is_no_finite_number_is_no_amount(value):
    assert amount(value) is None


SUMS = [
    {"currency": "EUR", "inAccountingCurrency": True, "invoiceSumTotal": Decimal("1.10")},
    {"currency": "SEK", "inAccountingCurrency": False, "invoiceSumTotal": Decimal("12.30")},
]


@pytest.mark.parametrize(
    ("sums", "payment", "expected"),
    [
        (SUMS, {"currency": "SEK"}, ("SEK", Decimal("12.30"))),
        (SUMS, {"currency": "EUR"}, ("EUR", Decimal("1.10"))),
        (SUMS, {"currency": "USD"}, ("USD", None)),
        (SUMS, {}, ("SEK", Decimal("12.30"))),
        (SUMS[:1], {}, ("EUR", Decimal("1.10"))),
        (SUMS[:1] * 2, {"currency": "EUR"}, ("EUR", None)),
        ([], {}, ("", None)),
    ],
)
def test_gross_total_is_the_one_in_the_invoice_currency(sums, payment, expected):
    invoice = RemoteInvoice.read({"id": 1, "invoiceSumInfo": sums, "paymentInfo": payment})

    assert (invoice.currency, invoice.gross_total) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"access_token": "abc", "x": 1}', '{"access_token": "[redacted]", "x": 1}'),
        (
            "client_id=1&client_secret=abc&api_key=d",
            "client_id=1&client_secret=[redacted]&api_key=[redacted]",
        ),
        ("token eyJhbGciOi.eyJzdWIi.c2lnbg end", "token [redacted] end"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_what_looks_like_a_secret_is_blotted(text, expected):
    assert redacted(text, []) == expected
