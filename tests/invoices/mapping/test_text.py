import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.mapping.text import one_line, split_at, to_windows_1252


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Älä €5 – š", "Älä €5 – š"),
        ("A\u0308iti", "Äiti"),
        ("1\u202f234\u00a0€", "1 234 €"),
        ("\u22125", "-5"),
        ("a\r\nb\rc\u2028d\te", "a\nb\nc\nd e"),
    ],
)
def test_text_that_fits_is_carried(text, expected):
    assert to_windows_1252(text) == (expected, [], expected)


@pytest.mark.parametrize(
    ("text", "unsupported", "proposal"),
    [
        ("Łódź", ["Ł", "ź"], "Lódz"),
        ("Иван", ["И", "в", "а", "н"], "????"),
        ("Hyvä 🎉🎉", ["🎉"], "Hyvä ??"),
        ("a\u200bb\x00", ["\u200b", "\x00"], "ab"),
        ("ﬁ", ["ﬁ"], "fi"),
        ("\x81", ["\x81"], ""),
    ],
)
def test_text_that_does_not_fit_is_told_with_a_proposal(text, unsupported, proposal):
    assert to_windows_1252(text) == (unicodedata.normalize("NFC", text), unsupported, proposal)


def test_one_line_has_plain_single_spaces_and_keeps_control_characters():
    assert one_line(" a\t\nb \u00a0\u2003c\x1c ") == "a b c\x1c"


@given(st.text())
def test_every_text_either_fits_windows_1252_or_is_told(text):
    carried = to_windows_1252(text)

    if not carried.unsupported:
        assert carried.text.encode("cp1252").decode("cp1252") == carried.text
    assert set(carried.unsupported) <= set(carried.text)
    assert to_windows_1252(carried.proposal).unsupported == []


@given(st.text(), st.integers(min_value=1, max_value=90))
def test_split_loses_nothing_but_the_space_it_cuts_at(text, limit):
    first, rest = split_at(one_line(text), limit)

    assert len(first) <= limit
    assert (first + rest).replace(" ", "") == one_line(text).replace(" ", "")


def test_split_cuts_at_the_last_space_that_fits():
    assert split_at("yksi kaksi kolme", 10) == ("yksi kaksi", "kolme")
    assert split_at("yksikaksikolme", 4) == ("yksi", "kaksikolme")
