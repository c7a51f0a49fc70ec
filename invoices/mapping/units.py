"""Units of the invoice row and Procountor's `Unit`. Source: finnish-invoicing, chapter 11."""

from __future__ import annotations

NO_UNIT = "NO_UNIT"

_WORDS = {
    "PIECE": "C62 EA H87 PCE XPP kpl pcs pc st PIECE",
    "HOUR": "HUR h t tunti tuntia HOUR",
    "MINUTE": "MIN MINUTE",
    "DAY": "DAY D pv päivä",
    "WEEK": "WEE vk WEEK",
    "MONTH": "MON kk MONTH",
    "YEAR": "ANN v vuosi YEAR",
    "KILOGRAM": "KGM kg KILOGRAM",
    "GRAM": "GRM GRAM",
    "TON": "TNE tn TON",
    "LITER": "LTR l LITER",
    "METER": "MTR m METER",
    "SQUARE_METER": "MTK m2 m² SQUARE_METER",
    "CUBIC_METER": "MTQ m3 m³ CUBIC_METER",
    "KILOMETER": "KMT km KILOMETER",
    "KILOWATT_HOUR": "KWH KILOWATT_HOUR",
    "MEGAWATT_HOUR": "MWH MEGAWATT_HOUR",
    "SET": "SET",
    "PAIR": "PR pari PAIR",
    "DOZEN": "DZN DOZEN",
    "BOX": "BX ltk BOX",
    "BOTTLE": "BO plo BOTTLE",
    "ROLL": "ROL rll ROLL",
    "PALLET": "PF lava PALLET",
    "LOT": "erä LS LOT",
    "PERSON": "hlö PERSON",
}
#: Every word by which a source may name a unit, folded → Procountor's name.
UNITS: dict[str, str] = {
    word.casefold(): unit for unit, words in _WORDS.items() for word in words.split()
} | {"": NO_UNIT, "no_unit": NO_UNIT}
#: `t` is hours (tunti) or tonnes.
AMBIGUOUS = frozenset({"t"})


def unit_of(word: str) -> str | None:
    """Procountor's unit for a source's word, None when it knows none."""
    return UNITS.get(word.rstrip(".").casefold())
