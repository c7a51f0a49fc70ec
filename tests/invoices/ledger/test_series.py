"""Gaps in running numbers, and what is none."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices import filing
from invoices.ledger import books as ledger_books
from invoices.ledger.series import gaps, running_shapes, shape_of
from tests import factories

DAY = dt.date(2026, 9, 1)


def numbered(*numbers, day=DAY):
    return [(number, day) for number in numbers]


def told(found):
    return [(gap.first, gap.last, gap.count) for gap in found]


def test_missing_number_is_a_gap_between_two_that_are_there():
    (gap,) = gaps(numbered("A-007", "A-008", "A-010"))

    assert (gap.first, gap.last, gap.count) == ("A-009", "A-009", 1)
    assert (gap.before, gap.after) == ("A-008", "A-010")


def test_several_in_a_row_are_one_gap():
    assert told(gaps(numbered("1", "2", "3", "4", "8"))) == [("5", "7", 3)]


def test_each_prefix_is_a_series_of_its_own():
    assert gaps(numbered("A-1", "A-2", "A-3", "B-7", "B-8", "B-9")) == []


def test_restart_at_the_years_start_is_no_gap():
    old = numbered("481", "482", "483", day=dt.date(2025, 12, 30))
    assert gaps(old + numbered("1", "2", "3", day=dt.date(2026, 1, 2))) == []
    leap = numbered("20260001", "20260002", "20260003", day=dt.date(2026, 1, 2))
    assert (
        gaps(numbered("20250481", "20250482", "20250483", day=dt.date(2025, 12, 30)) + leap) == []
    )


def test_gap_over_the_years_end_of_a_series_that_goes_on():
    old = numbered("481", "482", "483", day=dt.date(2025, 12, 30))

    found = gaps(old + numbered("485", "486", day=dt.date(2026, 1, 2)))

    assert told(found) == [("484", "484", 1)]


@pytest.mark.parametrize("numbers", [["13", "26", "39", "42", "55"], ["5", "9"], ["A", "B", "C"]])
def test_numbers_that_do_not_run_have_no_gaps(numbers):
    assert gaps(numbered(*numbers)) == []


def test_another_series_further_up_is_no_gap():
    assert gaps(numbered("1", "2", "3", "5001", "5002", "5003")) == []


@given(st.sets(st.integers(1, 60), min_size=3))
def test_gaps_and_numbers_make_the_whole_series(values):
    found = gaps(numbered(*(f"N{value:04d}" for value in values)))
    missing = {int(number[1:]) for gap in found for number in gap.numbers()}

    whole = set(range(min(values), max(values) + 1))
    assert missing in (set(), whole - values)
    if len(whole - values) <= len(values):
        assert missing == whole - values


def test_shapes_are_prefix_and_digits_of_what_runs():
    assert shape_of("2026-0001") == ("2026-", 4)
    assert shape_of("KASSA") is None
    assert running_shapes(["A-1", "A-2", "A-3", "X-55"]) == {("A-", 1)}


@pytest.mark.django_db(transaction=True)
def test_rejected_number_is_explained_and_one_dated_elsewhere_is_no_gap(tenant):
    def file(*invoices):
        content = json.dumps({"invoices": list(invoices)}).encode()
        filing.file_invoices(tenant, "own.json", content, via="command")

    file(*(factories.invoice(f"A-{n}") for n in (1, 2, 3, 5, 7, 9)))
    file(factories.invoice("A-4", gross_total="1.00"))  # rejected: its totals differ
    file(factories.invoice("A-6", date="2025-01-01", due_date="2025-01-15"))

    found = ledger_books.gaps_of(tenant, DAY, DAY)

    assert [(gap.first, known) for gap, known in found] == [
        ("A-4", {"A-4": "rejected"}),
        ("A-8", {}),
    ]
