"""Every code the mapping can tell: provoked once, at its place, and with words for people."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

import invoices.mapping
from invoices.mapping import ReferenceData
from invoices.problems import CATALOGUE, MAPPING, words_for
from tests.invoices.mapping.build import SETTINGS, credit_note, document, eu_goods, mapped

EINVOICE = replace(SETTINGS, invoice_channel="ELECTRONIC_INVOICE")
DROPPING = replace(SETTINGS, drop_invalid_reference=True)
UNMAPPED = replace(SETTINGS, vat_status_by_category={})
KNOWN = ReferenceData(
    vat_percents=frozenset({Decimal(14)}),
    vat_statuses=frozenset({12}),
    active_accounts=frozenset({"FI5542345670000081"}),
)
FREE = {"row__vat_percent": "0", "gross_total": "100"}
DISCOUNT = {"days": 7, "percent": "100"}

STOPS = [
    ("characters_not_supported", "buyer.address.city", document(buyer__address__city="Łódź"), {}),
    ("characters_not_supported", "rows[1].comment", document(row__comment="🎉"), {}),
    ("characters_not_supported", "rows[1].name", document(row__name="\x1c"), {}),
    ("too_long", "rows[1].comment", document(row__comment="x" * 513), {}),
    ("too_long", "rows[1].code", document(row__code="x" * 41), {}),
    ("too_long", "buyer.address.specifier", document(buyer__address__name="x" * 161), {}),
    ("too_long", "buyer.address.city", document(buyer__address__city="x" * 41), {}),
    ("too_long", "buyer.address.zip", document(buyer__address__zip="x" * 21), {}),
    ("too_long", "buyer.contact_person", document(buyer__contact_person="x" * 71), {}),
    ("too_long", "order_reference", document(order_reference="x" * 71), {}),
    ("too_long", "additional_information", document(additional_information="x" * 10_001), {}),
    ("missing", "buyer.address.name", document(buyer__address__name=""), {}),
    ("country_not_supported", "buyer.address.country", document(buyer__address__country="ZZ"), {}),
    ("payment_method_unmapped", "payment_method", document(payment_method="Visa"), {}),
    ("vat_number_invalid", "buyer.vat_number", eu_goods(buyer__vat_number="SE12"), {}),
    ("vat_number_missing", "buyer.vat_number", eu_goods(buyer__vat_number=""), {}),
    (
        "vat_number_missing",
        "buyer.vat_number",
        eu_goods(buyer__vat_number="", row__vat_category="AE"),
        {},
    ),
    ("vat_number_not_eu", "buyer.vat_number", eu_goods(buyer__vat_number="FI01120389"), {}),
    ("vat_number_not_eu", "buyer.vat_number", eu_goods(buyer__vat_number="NO974760673"), {}),
    ("personal_id_refused", "buyer.business_id", document(buyer__business_id="131052-308T"), {}),
    ("vat_reason_missing", "rows[1].vat_category", eu_goods(additional_information=""), {}),
    (
        "vat_rate_not_finnish",
        "rows[1].vat_percent",
        document(row__vat_percent="21", gross_total="121"),
        {},
    ),
    (
        "vat_percent_not_in_use",
        "rows[1].vat_percent",
        document(),
        {"reference": replace(KNOWN, vat_statuses=None, active_accounts=None)},
    ),
    (
        "vat_status_not_in_use",
        "rows[1].vat_category",
        document(),
        {"reference": replace(KNOWN, vat_percents=None, active_accounts=None)},
    ),
    (
        "bank_account_not_active",
        "seller_account",
        document(),
        {"reference": replace(KNOWN, vat_percents=None, vat_statuses=None)},
    ),
    ("vat_category_missing", "rows[1].vat_category", document(row__vat_category=None, **FREE), {}),
    ("vat_code_conflict", "rows[1].vat_category", document(**FREE), {}),
    (
        "vat_code_conflict",
        "rows[1].vat_category",
        document(row__vat_category="E", additional_information="AVL 39 §"),
        {},
    ),
    ("vat_category_unmapped", "rows[1].vat_category", eu_goods(), {"settings": UNMAPPED}),
    (
        "vat_category_unmapped",
        "rows[1].vat_category",
        document(),
        {"settings": replace(SETTINGS, default_vat_status=None)},
    ),
    (
        "vat_status_not_domestic",
        "rows[1].vat_category",
        document(),
        {"settings": replace(SETTINGS, default_vat_status=12)},
    ),
    ("aland_held", "buyer.address.country", document(buyer__address__country="AX"), {}),
    (
        "aland_held",
        "delivery_address.country",
        document(delivery_address={"city": "Mariehamn", "country": "AX"}),
        {},
    ),
    ("reference_invalid", "reference_number", document(reference_number="1234562"), {}),
    ("reference_damaged", "reference_number", document(reference_number="1,01E+17"), {}),
    ("due_date_before_date", "due_date", document(due_date="2026-03-01"), {}),
    ("due_date_too_late", "due_date", document(due_date="2030-01-01"), {}),
    (
        "bank_account_missing",
        "seller_account",
        document(),
        {"settings": replace(SETTINGS, bank_account="")},
    ),
    ("currency_not_supported", "currency", document(currency="ZZZ", currency_rate="2"), {}),
    ("currency_rate_missing", "currency_rate", document(currency="SEK"), {}),
    ("currency_rate_invalid", "currency_rate", document(currency="SEK", currency_rate="1"), {}),
    (
        "too_many_cash_discounts",
        "cash_discounts",
        document(cash_discounts=[{"days": 1, "percent": 1}] * 4),
        {},
    ),
    (
        "cash_discount_too_high",
        "cash_discounts[1].percent",
        document(cash_discounts=[DISCOUNT]),
        {},
    ),
    ("corrects_number_missing", "corrects_number", credit_note(corrects_number=""), {}),
    (
        "credit_note_positive",
        "gross_total",
        credit_note(row__quantity="2", gross_total="125.50"),
        {},
    ),
    ("invoice_negative", "gross_total", document(row__quantity="-2", gross_total="-125.50"), {}),
    ("totals_differ", "gross_total", document(gross_total="125.53"), {}),
    ("totals_differ", "rows[1].net_amount", document(row__net_amount="99.00"), {}),
    ("period_reversed", "delivery_end", document(delivery_start="2026-03-01"), {}),
    (
        "period_reversed",
        "rows[1].end_date",
        document(row__start_date="2026-03-01", row__end_date="2026-02-28"),
        {},
    ),
    (
        "channel_not_allowed",
        "",
        document(),
        {"settings": replace(SETTINGS, invoice_channel="EDIFACT")},
    ),
    (
        "channel_field_missing",
        "buyer.email",
        document(),
        {"settings": replace(SETTINGS, invoice_channel="EMAIL")},
    ),
]

WARNINGS = [
    (
        "vat_rate_other_date",
        "rows[1].vat_percent",
        document(row__vat_percent="24", gross_total="124"),
        {},
    ),
    ("vat_reason_missing", "rows[1].vat_category", document(row__vat_category="E", **FREE), {}),
    ("business_id_left_out", "buyer.business_id", document(buyer__business_id="2077474-1"), {}),
    ("vat_number_left_out", "buyer.vat_number", document(buyer__vat_number="FI20774741"), {}),
    ("vat_number_doubtful", "buyer.vat_number", document(buyer__vat_number="SE12"), {}),
    (
        "einvoice_address_doubtful",
        "buyer.einvoice_address",
        document(buyer__einvoice_address="003712345678", buyer__einvoice_operator="DABAFIHH"),
        {"settings": EINVOICE},
    ),
    (
        "reference_dropped",
        "reference_number",
        document(reference_number="1234562"),
        {"settings": DROPPING},
    ),
    ("payment_term_long", "due_date", document(due_date="2026-04-02"), {}),
    ("seller_account_differs", "seller_account", document(seller_account="FI5542345670000081"), {}),
    ("country_missing", "buyer.address.country", document(buyer__address__country=""), {}),
    ("address_incomplete", "buyer.address", document(buyer__address__street=""), {}),
    ("zip_padded", "buyer.address.zip", document(buyer__address__zip="2100"), {}),
    ("delivery_date_missing", "delivery_end", document(delivery_end=None), {}),
    ("unit_unknown", "rows[1].unit", document(row__unit="tynnyri"), {}),
    ("unit_ambiguous", "rows[1].unit", document(row__unit="t"), {}),
    ("row_name_vague", "rows[1].name", document(row__name="Tuote"), {}),
    ("prepaid", "prepaid_amount", document(prepaid_amount="10"), {}),
]


def _ids(cases):
    return [f"{code}-{place}" for code, place, *_ in cases]


@pytest.mark.parametrize(("code", "place", "invoice", "given"), STOPS, ids=_ids(STOPS))
def test_problem_stops_the_invoice_at_its_place(code, place, invoice, given):
    result = mapped(invoice, **given)

    assert result.payload is None
    assert [(p.code, p.place) for p in result.problems if p.place == place] == [(code, place)]


@pytest.mark.parametrize(("code", "place", "invoice", "given"), WARNINGS, ids=_ids(WARNINGS))
def test_warning_lets_the_invoice_pass(code, place, invoice, given):
    result = mapped(invoice, **given)

    assert result.problems == ()
    assert [(p.code, p.place) for p in result.warnings if p.place == place] == [(code, place)]


@pytest.mark.parametrize(
    ("invoice", "given"), [case[2:] for case in STOPS + WARNINGS], ids=_ids(STOPS + WARNINGS)
)
def test_words_are_there_and_completely_filled_in(invoice, given):
    result = mapped(invoice, **given)

    for problem in (*result.problems, *result.warnings):
        cause, remedy = words_for(problem)
        assert problem.code in CATALOGUE
        for name in ("value", "expected"):
            used = any("{" + name + "}" in str(text) for text in CATALOGUE[problem.code])
            assert not used or getattr(problem, name), f"{problem.code} leaves {name} empty"
        assert cause and remedy


def _codes_in_the_source():
    folder = Path(invoices.mapping.__file__).parent
    calls = re.compile(r'(?:found|self)\.(?:stop|warn)\(\s*((?:"[a-z_]+"[^",]*)+)')
    found = set()
    for module in folder.glob("*.py"):
        for call in calls.findall(module.read_text(encoding="utf-8")):
            found |= set(re.findall(r'"([a-z_]+)"', call))
    return found


def test_every_code_in_the_source_is_provoked_above():
    assert {code for code, *_ in STOPS + WARNINGS} == _codes_in_the_source()


def test_the_catalogue_has_no_words_nobody_says():
    assert set(MAPPING) <= _codes_in_the_source()
