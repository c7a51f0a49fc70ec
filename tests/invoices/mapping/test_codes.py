"""Every table of names against the API's own lists."""

import pytest

from integrations.sandbox.validation import contract
from invoices.mapping.codes import COUNTRIES, CURRENCIES, LANGUAGES, language_of
from invoices.mapping.counterparty import CHANNELS
from invoices.mapping.units import NO_UNIT, UNITS, unit_of


def enum(name):
    return set(contract()["enums"][name])


def test_every_country_of_procountor_has_one_code():
    assert set(COUNTRIES.values()) == enum("Country")
    assert len(COUNTRIES) == len(enum("Country"))
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES)


@pytest.mark.parametrize(
    ("code", "name"),
    [("FI", "FINLAND"), ("AX", "ALAND_ISLANDS"), ("SE", "SWEDEN"), ("CZ", "CZECH_REPUBLIC")]
    + [("GB", "UNITED_KINGDOM_OF_GREAT_BRITAIN_AND_NORTHERN_IRELAND"), ("CG", "CONGO")]
    + [("CD", "THE_DEMOCRATIC_REPUBLIC_OF_THE_CONGO"), ("KR", "REPUBLIC_OF_KOREA")]
    + [("KP", "DEMOCRATIC_PEOPLE_S_REPUBLIC_OF_KOREA"), ("NE", "NIGER"), ("NG", "NIGERIA")]
    + [("GN", "GUINEA"), ("GW", "GUINEA_BISSAU"), ("GQ", "EQUATORIAL_GUINEA")]
    + [("DM", "DOMINICA"), ("DO", "DOMINICAN_REPUBLIC"), ("WS", "SAMOA"), ("AS", "AMERICAN_SAMOA")],
)
def test_countries_that_are_easily_confused(code, name):
    assert COUNTRIES[code] == name


def test_currencies_are_procountor_s():
    assert enum("Currency") == CURRENCIES


def test_units_and_languages_are_known_to_procountor():
    assert set(UNITS.values()) <= enum("Unit")
    assert set(LANGUAGES.values()) == enum("Language")
    assert set(CHANNELS) <= enum("InvoiceChannel")


@pytest.mark.parametrize(
    ("word", "unit"),
    [("kpl", "PIECE"), ("KPL.", "PIECE"), ("HUR", "HOUR"), ("h", "HOUR"), ("pv", "DAY")]
    + [("kk", "MONTH"), ("ERÄ", "LOT"), ("m²", "SQUARE_METER"), ("tn", "TON"), ("", NO_UNIT)]
    + [("tynnyri", None), ("..", NO_UNIT)],
)
def test_unit_of_a_word(word, unit):
    assert unit_of(word) == unit


@pytest.mark.parametrize(
    ("code", "default", "language"),
    [("SV", "FINNISH", "SWEDISH"), ("", "ENGLISH", "ENGLISH"), ("DE", "SWEDISH", "SWEDISH")]
    + [("", "KLINGON", "FINNISH")],
)
def test_language_is_the_document_s_then_the_tenant_s(code, default, language):
    assert language_of(code, default) == language
