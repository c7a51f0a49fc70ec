"""Small texts that several pages show."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone, translation

from invoices.admin.words import described, seconds_between


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "Invoice data · codes: x, y"), ("fi", "Laskun tiedot · koodit: x, y")],
)
def test_facts_of_an_event_are_words_of_the_reader(language, shown):
    with translation.override(language):
        facts = {"from": "queued", "attention_reason": "mapping", "codes": ["x", "y"], "comment": 1}
        assert described(facts) == shown


def test_fact_that_has_no_words_is_shown_as_it_is():
    assert described({"attention_reason": "of_old", "odd": {"a": 1}, "none": None}) == (
        "attention_reason: of_old · odd: a=1"
    )


@pytest.mark.parametrize(("seconds", "fi"), [(0.0614, "0,06"), (0.00001, "0,00"), (75, "75,00")])
def test_seconds_have_the_decimal_sign_of_the_language(seconds, fi):
    begin = timezone.now()
    with translation.override("fi"):
        assert seconds_between(begin, begin + dt.timedelta(seconds=seconds)) == fi
