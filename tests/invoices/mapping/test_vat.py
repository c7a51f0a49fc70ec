import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from invoices.mapping import ReferenceData, map_invoice
from invoices.mapping.vat import rates_on, supply_day
from tests.invoices.mapping.build import SETTINGS, credit_note, document, mapped, payload, told


@pytest.mark.parametrize(
    ("day", "rates"),
    [
        ("2010-06-30", "0 8 12 17 22"),
        ("2010-07-01", "0 9 13 23"),
        ("2012-12-31", "0 9 13 23"),
        ("2013-01-01", "0 10 14 24"),
        ("2024-08-31", "0 10 14 24"),
        ("2024-09-01", "0 10 14 25.5"),
        ("2025-12-31", "0 10 14 25.5"),
        ("2026-01-01", "0 10 13.5 25.5"),
        ("0001-01-01", "0 8 12 17 22"),
    ],
)
def test_rates_on_a_day(day, rates):
    assert rates_on(dt.date.fromisoformat(day)) == {Decimal(rate) for rate in rates.split()}


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({"delivery_end": None}, "2026-03-02"),
        ({"delivery_end": None, "delivery_start": "2026-02-01"}, "2026-02-01"),
        ({"delivery_start": "2026-02-01"}, "2026-02-28"),
        ({"row__start_date": "2026-01-05"}, "2026-01-05"),
        ({"row__start_date": "2026-01-05", "row__end_date": "2026-01-06"}, "2026-01-06"),
    ],
)
def test_day_of_supply_is_delivery_before_invoice_date(changes, day):
    invoice = document(**changes)

    assert supply_day(invoice, invoice.rows[0]) == dt.date.fromisoformat(day)


def test_december_work_invoiced_in_january_keeps_its_rate():
    invoice = document(
        date="2026-01-05",
        due_date="2026-01-19",
        delivery_end="2025-12-31",
        row__vat_percent="14",
        gross_total="114",
    )

    assert told(mapped(invoice).warnings) == []
    assert payload(invoice)["invoiceRows"][0]["vatPercent"] == 14


def test_old_rate_warns_and_is_not_changed():
    invoice = document(row__vat_percent="14", gross_total="114")

    assert told(mapped(invoice).warnings) == [("vat_rate_other_date", "rows[1].vat_percent")]
    assert payload(invoice)["invoiceRows"][0]["vatPercent"] == 14


def test_credit_note_keeps_the_old_rate_without_a_warning():
    invoice = credit_note(row__vat_percent="24", gross_total="-124")

    assert mapped(invoice).warnings == ()


def test_rate_and_status_in_use_pass():
    known = ReferenceData(
        vat_percents=frozenset({Decimal("25.50")}), vat_statuses=frozenset({1, 12})
    )

    assert mapped(document(), reference=known).problems == ()


def test_zero_rate_is_left_to_its_status():
    known = ReferenceData(vat_percents=frozenset({Decimal("25.5")}))
    invoice = document(row__vat_percent="0", row__vat_category="O", gross_total="100")

    assert payload(invoice, reference=known)["vatStatus"] == 12


def test_positive_rate_without_category_is_the_standard_sale():
    assert payload(document(row__vat_category=None))["vatStatus"] == 1


def test_standard_sale_under_another_status_than_domestic_is_stopped():
    settings = replace(SETTINGS, vat_status_by_category={"S": 21})

    result = map_invoice(document(), settings, ReferenceData())

    assert {problem.code for problem in result.problems} == {"vat_status_not_domestic"}


def test_row_has_a_status_of_its_own_only_when_it_differs():
    row = {"name": "Kurssi", "quantity": 1, "unit_price": "10", "vat_percent": "0"}
    plain = {"name": "Kirja", "quantity": 1, "unit_price": "10", "vat_percent": "13.5"}
    invoice = document(
        rows=[plain, row | {"vat_category": "E", "comment": "AVL 39 §"}], gross_total="21.35"
    )

    body = payload(invoice)

    assert body["vatStatus"] == 1
    assert [item.get("vatStatus") for item in body["invoiceRows"]] == [None, 12]


def test_exempt_sale_without_a_reason_is_a_warning():
    invoice = document(row__vat_percent="0", row__vat_category="E", gross_total="100")

    assert told(mapped(invoice).warnings) == [("vat_reason_missing", "rows[1].vat_category")]


def test_missing_reason_is_told_once_for_each_category():
    row = {"name": "Osa", "quantity": 1, "unit_price": "10", "vat_percent": "0"}
    invoice = document(rows=[row | {"vat_category": "AE"}] * 3, gross_total="30")

    assert told(mapped(invoice).problems) == [("vat_reason_missing", "rows[1].vat_category")]
