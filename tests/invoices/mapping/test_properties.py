"""What holds for every document the model takes, however odd."""

from decimal import Decimal

import simplejson
from hypothesis import HealthCheck, given, settings

from integrations.sandbox import Sandbox
from integrations.sandbox.rules import check_invoice
from integrations.sandbox.sums import sum_info
from integrations.sandbox.validation import validate
from invoices.mapping import map_invoice, period_problem, to_bytes
from invoices.mapping.totals import agree, totals_of
from invoices.problems import CATALOGUE, sentence
from tests.invoices.mapping import strategies
from tests.invoices.mapping.build import SETTINGS, ReferenceData

slow = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def leaves(value):
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def assert_fit_to_submit(payload):
    """Keeps the contract, holds nothing but exact values, and survives the wire."""
    raw = to_bytes(payload)
    values = leaves(payload)
    assert validate("Invoice", payload) == []
    assert {type(value) for value in values} <= {str, int, bool, Decimal}
    assert simplejson.loads(raw, use_decimal=True) == payload
    assert all(value.encode("cp1252") for value in values if isinstance(value, str) and value)


@slow
@given(strategies.documents(), strategies.settings(), strategies.references())
def test_any_document_gives_a_fit_payload_or_problems(document, choices, reference):
    result = map_invoice(document, choices, reference)

    assert (result.payload is None) == bool(result.problems)
    if result.payload is not None:
        assert_fit_to_submit(result.payload)
    for problem in (*result.problems, *result.warnings):
        assert problem.code in CATALOGUE
        assert len(problem.value) <= 200 and len(problem.expected) <= 200
        assert sentence(problem)
    assert result.gross_total.as_tuple().exponent == -2
    assert period_problem(document.date, reference) is None or reference.periods is not None


@slow
@given(strategies.documents(text=strategies.TIDY, rates=strategies.RATES), strategies.references())
def test_any_tidy_document_gives_a_fit_payload_or_problems(document, reference):
    result = map_invoice(document, SETTINGS, reference)

    assert (result.payload is None) == bool(result.problems)
    if result.payload is not None:
        assert_fit_to_submit(result.payload)


@slow
@given(strategies.good_documents())
def test_good_document_always_maps_and_keeps_its_money(document):
    result = map_invoice(document, SETTINGS, ReferenceData())

    assert result.problems == ()
    assert_fit_to_submit(result.payload)
    source = [
        {
            "quantity": row.quantity,
            "unitPrice": row.unit_price,
            "discountPercent": row.discount_percent,
            "vatPercent": row.vat_percent,
        }
        for row in document.rows
    ]
    gross_prices = document.prices_include_vat
    stated = totals_of(source, prices_include_vat=gross_prices).gross
    assert agree(result.gross_total, stated, len(document.rows))
    counted = totals_of(result.payload["invoiceRows"], prices_include_vat=gross_prices).gross
    assert counted == result.gross_total


@slow
@given(strategies.good_documents())
def test_stated_totals_that_are_right_never_stop_a_good_document(document):
    gross = map_invoice(document, SETTINGS, ReferenceData()).gross_total

    stated = document.model_copy(update={"gross_total": gross})

    assert map_invoice(stated, SETTINGS, ReferenceData()).problems == ()


@slow
@given(strategies.good_documents())
def test_total_off_by_more_than_rounding_always_stops(document):
    gross = map_invoice(document, SETTINGS, ReferenceData()).gross_total
    off = Decimal("0.01") * (len(document.rows) + 2)

    stated = document.model_copy(update={"gross_total": gross + off})

    result = map_invoice(stated, SETTINGS, ReferenceData())
    assert [problem.code for problem in result.problems] == ["totals_differ"]


@slow
@given(strategies.good_documents())
def test_sandbox_takes_every_good_document_and_counts_the_same_total(document):
    company = Sandbox().add_company(bank_accounts=[SETTINGS.bank_account], today=document.date)

    result = map_invoice(document, SETTINGS, ReferenceData())

    assert check_invoice(result.payload, company) == []
    total = sum_info(result.payload, "EUR")[0]["invoiceSumTotal"]
    assert agree(total, result.gross_total, len(document.rows))
