import datetime as dt
from dataclasses import replace

import pytest

from integrations.sandbox.validation import validate
from invoices.mapping import FiscalPeriod, Mapped, ReferenceData, period_problem
from tests.invoices.mapping.build import (
    SETTINGS,
    credit_note,
    document,
    eu_goods,
    mapped,
    payload,
    told,
)

MARCH = FiscalPeriod(dt.date(2026, 3, 1), dt.date(2026, 3, 31), is_open=True)


def test_plain_invoice_maps_without_problems_or_warnings():
    result = mapped(document())

    assert (result.problems, result.warnings) == ((), ())
    assert str(result.gross_total) == "125.50"
    assert validate("Invoice", result.payload) == []


def test_header_of_a_plain_invoice():
    body = payload(document())

    header = {
        name: value
        for name, value in body.items()
        if name not in ("counterParty", "billingAddress", "paymentInfo", "invoiceRows")
    }
    assert header == {
        "type": "SALES_INVOICE",
        "date": "2026-03-02",
        "originalInvoiceNumber": "2026-1001",
        "deliveryAddress": {},
        "extraInfo": {"accountingByRow": False, "unitPricesIncludeVat": False},
        "discountPercent": 0,
        "vatStatus": 1,
        "invoiceChannel": "NO_SENDING",
        "language": "FINNISH",
        "deliveryStartDate": "2026-02-28",
        "deliveryEndDate": "2026-02-28",
    }


def test_header_texts_are_carried():
    invoice = document(
        order_reference="PO-1",
        agreement_number="S-2",
        buyer_reference="KP-3",
        seller_reference="M-4",
        additional_information="Kiitos!\nTervetuloa uudelleen.",
        language="SV",
    )

    body = payload(invoice, replace(SETTINGS, accounting_by_row=True))

    assert body["orderReference"] == "PO-1"
    assert body["agreementNumber"] == "S-2"
    assert body["buyerReferenceIdentifier"] == "KP-3"
    assert body["sellerReferenceIdentifier"] == "M-4"
    assert body["additionalInformation"] == "Kiitos!\nTervetuloa uudelleen."
    assert body["language"] == "SWEDISH"
    assert body["extraInfo"]["accountingByRow"] is True


def test_order_reference_na_is_none():
    assert "orderReference" not in payload(document(order_reference="NA"))


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("FI", "Hyvityslasku laskulle 2026-1000"),
        ("SV", "Kreditfaktura för faktura 2026-1000"),
        ("EN", "Credit note for invoice 2026-1000"),
        ("ET", "Credit note for invoice 2026-1000"),
    ],
)
def test_credit_note_names_its_invoice_in_the_invoice_s_language(language, sentence):
    body = payload(credit_note(language=language, additional_information="Virheellinen hinta"))

    assert body["additionalInformation"] == f"{sentence}\nVirheellinen hinta"
    assert (body["invoiceRows"][0]["quantity"], body["invoiceRows"][0]["unitPrice"]) == (-2, 50)
    assert body["type"] == "SALES_INVOICE"
    assert validate("Invoice", body) == []


def test_credit_note_does_not_name_its_invoice_twice():
    text = "Hyvityslasku laskulle 2026-1000"

    assert payload(credit_note(additional_information=text))["additionalInformation"] == text


def test_goods_to_the_eu_have_their_status_and_the_buyer_s_vat_number():
    body = payload(eu_goods())

    assert (body["vatStatus"], body["invoiceRows"][0]["vatPercent"]) == (5, 0)
    assert body["counterParty"]["taxCode"] == "SE123456789701"
    assert validate("Invoice", body) == []


def test_every_problem_is_told_at_once_with_its_place():
    invoice = document(
        due_date="2026-03-01",
        reference_number="1234562",
        row__vat_percent="19",
        gross_total="150.00",
    )

    result = mapped(invoice)

    assert result.payload is None
    assert told(result.problems) == [
        ("vat_rate_not_finnish", "rows[1].vat_percent"),
        ("due_date_before_date", "due_date"),
        ("reference_invalid", "reference_number"),
        ("totals_differ", "gross_total"),
    ]
    assert str(result.gross_total) == "119.00"


@pytest.mark.parametrize(
    ("field", "value", "stops"),
    [("gross_total", "125.52", False), ("gross_total", "125.53", True)]
    + [("net_total", "99.98", False), ("net_total", "99.97", True)]
    + [("vat_total", "25.52", False), ("vat_total", "25.53", True)],
)
def test_stated_total_may_differ_by_rounding_only(field, value, stops):
    result = mapped(document(**{field: value}))

    assert told(result.problems) == ([("totals_differ", field)] if stops else [])


@pytest.mark.parametrize("number", ["2026\u00a01001", "A\u0308-1", "1  2", "\u22125"])
def test_number_that_would_change_on_the_way_stops(number):
    result = mapped(document(number=number))

    assert told(result.problems) == [("characters_not_supported", "number")]


def test_control_characters_are_shown_and_not_stored():
    (problem,) = mapped(document(buyer__address__city="Es\x00poo")).problems

    assert (problem.value, problem.expected) == ("Es\\x00poo", "Espoo")


def test_document_and_settings_give_equal_results_each_time():
    assert mapped(eu_goods()) == mapped(eu_goods())
    assert isinstance(mapped(document()), Mapped)


@pytest.mark.parametrize(
    ("day", "periods", "code"),
    [
        ("2026-03-01", (MARCH,), None),
        ("2026-03-31", (MARCH,), None),
        ("2026-04-01", (MARCH,), "period_closed"),
        ("2026-03-15", (replace(MARCH, is_open=False),), "period_closed"),
        ("2026-03-15", (replace(MARCH, is_open=False), MARCH), None),
        ("2026-03-15", (), "period_closed"),
        ("2026-03-15", None, None),
    ],
)
def test_period_problem_when_the_date_is_in_no_open_period(day, periods, code):
    problem = period_problem(dt.date.fromisoformat(day), ReferenceData(periods=periods))

    assert (problem and problem.code) == code


def test_closed_period_is_not_among_the_mapping_s_problems():
    assert mapped(document(), reference=ReferenceData(periods=())).problems == ()
