"""Percentages have the decimal sign of the reader's language, and nothing else is changed."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from integrations import advice, percents, radar_words
from integrations.radar import Change
from invoices import problems
from invoices.document import Problem

NOT_IN_USE = Problem("vat_percent_not_in_use", "rows[0].vat_percent", "13.5", "25.5, 10")


@pytest.mark.parametrize(
    ("language", "cause"),
    [
        ("fi", "13,5 % ei ole yrityksessä käytössä; käytössä ovat 25,5, 10."),
        ("en", "13.5 % is not in use in the company; in use are 25.5, 10."),
    ],
)
def test_panel_writes_percentages_as_its_language_does(language, cause):
    with translation.override(language):
        found = problems.explain(NOT_IN_USE)

    sign = "," if language == "fi" else "."
    assert found.cause == cause
    assert found.expected == f"25{sign}5, 10"
    assert list(found.values) == [("rows[0].vat_percent", f"13{sign}5")]


def test_customer_reads_percentages_in_its_own_language():
    with translation.override("en"):
        told = dict(problems.explain(NOT_IN_USE).customer)

    assert all("13,5 %" in told[name] and "25,5, 10" in told[name] for name in ("Suomi", "Svenska"))
    assert "13.5 %" in told["English"]


@pytest.mark.parametrize(("language", "shown"), [("fi", "13,5 %"), ("sv", "13,5 %")])
def test_radar_and_its_sentence_for_the_customer_do_too(language, shown):
    step = {"code": "vat_percent_gone", "value": "13.5 %"}

    with translation.override(language):
        assert shown in advice.cause_of(step)
        assert shown in radar_words.sentence(Change("vat_percent", "13.5 %", "", "in_use"))
    assert shown in advice.customer_sentence(step, language)


def test_category_beside_the_percentage_stays():
    with translation.override("fi"):
        assert "Z, 25,5 %" in problems.sentence(Problem("vat_code_conflict", "", "Z, 25.5 %"))


@pytest.mark.parametrize(
    "value", ["2026.1001", "31.12.2026", "1.2.3", "125.50", "v1.5, 25.5.2026 %"]
)
def test_numbers_dates_and_amounts_are_not_touched(value):
    with translation.override("fi"):
        assert percents.in_sentence(value) == value


@given(st.decimals(min_value=0, max_value=100, places=2), st.sampled_from(["fi", "sv", "en"]))
def test_no_digit_is_lost(number, language):
    with translation.override(language):
        assert percents.localised(f"{number}").replace(",", ".") == f"{number}"
        assert percents.localised(percents.localised(f"{number}")) == percents.localised(
            f"{number}"
        )


@pytest.mark.parametrize(
    ("language", "value", "shown"),
    [
        ("fi", "2026-09-10", "10.9.2026"),
        ("en", "2026-09-10", "10 Sep 2026"),
        ("fi", "2026-09", "9/2026"),
        ("fi", "soon", "soon"),
    ],
)
def test_day_of_a_closed_period_is_written_as_days_are(language, value, shown):
    problem = Problem("period_closed", "date", value)
    with translation.override(language):
        assert shown in problems.words_for(problem).cause


def test_customer_reads_the_day_in_its_own_way():
    told = dict(problems.explain(Problem("period_closed", "date", "2026-09-10")).customer)

    assert "10.9.2026" in told["Suomi"] and "10 Sep 2026" in told["English"]


def test_value_that_was_sent_stays_as_it_was_sent():
    with translation.override("fi"):
        found = problems.explain(Problem("CLOSED_FISCAL_PERIOD"), '{"date": "2026-03-31"}')
    assert list(found.values) == [("date", "2026-03-31")]
