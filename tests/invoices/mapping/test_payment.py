from dataclasses import replace
from decimal import Decimal

import pytest

from invoices.mapping import ReferenceData
from tests.invoices.mapping.build import IBAN, SETTINGS, document, mapped, payload, told


def payment(settings=SETTINGS, **changes):
    return payload(document(**changes), settings)["paymentInfo"]


def test_payment_of_a_plain_invoice():
    assert payment() == {
        "paymentMethod": "BANK_TRANSFER",
        "currency": "EUR",
        "currencyRate": 1,
        "dueDate": "2026-03-16",
        "bankAccount": {"accountNumber": IBAN},
        "bankReferenceCode": "",
    }


@pytest.mark.parametrize(
    ("given", "code", "kind"), [("12 34561", "1234561", "FI"), ("RF11 1232", "RF111232", "RF")]
)
def test_reference_is_carried_with_its_type(given, code, kind):
    found = payment(reference_number=given)

    assert (found["bankReferenceCode"], found["bankReferenceCodeType"]) == (code, kind)


def test_dropped_reference_is_kept_in_the_notes():
    settings = replace(SETTINGS, drop_invalid_reference=True)
    body = payload(document(reference_number="1234562"), settings)

    assert body["paymentInfo"]["bankReferenceCode"] == ""
    assert body["notes"] == "Reference number in the source (failed its check): 1234562"


def test_valid_reference_is_kept_when_invalid_ones_are_dropped():
    settings = replace(SETTINGS, drop_invalid_reference=True)

    assert payment(settings, reference_number="1232")["bankReferenceCode"] == "1232"


def test_damaged_reference_stops_even_when_invalid_ones_are_dropped():
    settings = replace(SETTINGS, drop_invalid_reference=True)

    result = mapped(document(reference_number="1,01E+17"), settings)

    assert told(result.problems) == [("reference_damaged", "reference_number")]


def test_due_date_is_counted_from_the_tenant_s_term():
    settings = replace(SETTINGS, days_to_pay=21)

    assert payment(settings, due_date=None)["dueDate"] == "2026-03-23"


def test_due_date_may_be_the_invoice_date():
    assert payment(due_date="2026-03-02")["dueDate"] == "2026-03-02"


@pytest.mark.parametrize(
    ("changes", "days", "code"),
    [
        ({"due_date": None}, 1000, "due_date_too_late"),
        ({"due_date": None, "date": "9999-12-31"}, 14, "due_date_too_late"),
        ({"due_date": None}, -1, "due_date_before_date"),
        ({"due_date": "2028-11-26"}, 14, "due_date_too_late"),
    ],
)
def test_impossible_due_dates_stop(changes, days, code):
    result = mapped(document(**changes), replace(SETTINGS, days_to_pay=days))

    assert told(result.problems) == [(code, "due_date")]


def test_longest_term_passes_with_a_warning():
    result = mapped(document(due_date="2028-11-25"))

    assert result.payload["paymentInfo"]["dueDate"] == "2028-11-25"
    assert told(result.warnings) == [("payment_term_long", "due_date")]


def test_accounts_are_compared_without_spaces():
    known = ReferenceData(active_accounts=frozenset({"FI21 1234 5600 0007 85"}))

    result = mapped(document(seller_account="fi21 1234 5600 0007 85"), reference=known)

    assert (result.problems, result.warnings) == ((), ())


def test_foreign_currency_has_its_rate():
    found = payment(currency="SEK", currency_rate="11.2345")

    assert (found["currency"], found["currencyRate"]) == ("SEK", Decimal("11.2345"))


@pytest.mark.parametrize("rate", ["1", "1000000.01"])
def test_impossible_currency_rate_stops(rate):
    result = mapped(document(currency="SEK", currency_rate=rate))

    assert told(result.problems) == [("currency_rate_invalid", "currency_rate")]


def test_cash_discounts_are_carried():
    discounts = [{"days": 7, "percent": "2.00"}, {"days": 3, "percent": "3.5"}]

    assert payment(cash_discounts=discounts)["cashDiscount"] == {
        "cashDiscountsTermType": "FROM_INV_DATE",
        "optionList": [
            {"numberOfDays": 7, "discountPercentage": 2},
            {"numberOfDays": 3, "discountPercentage": Decimal("3.5")},
        ],
    }


@pytest.mark.parametrize(
    ("own", "tenant", "expected"),
    [("9.555", "8", "9.56"), (None, "8.00", "8"), ("0", "8", "0")],
)
def test_late_interest_is_the_document_s_then_the_tenant_s(own, tenant, expected):
    settings = replace(SETTINGS, penalty_percent=Decimal(tenant))

    body = payload(document(penalty_percent=own), settings)

    assert body["penaltyPercent"] == Decimal(expected)


def test_late_interest_is_not_invented():
    assert "penaltyPercent" not in payload(document())
