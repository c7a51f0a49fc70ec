"""A tenant's own words for things and what Procountor calls them, by the day they hold from.

The built-in tables (`codes`, `units`) are the default; a tenant's entry wins over them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from invoices.mapping.codes import COUNTRIES
from invoices.mapping.text import one_line
from invoices.mapping.units import ALL_UNITS

VAT, UNIT, PAYMENT, COUNTRY, PRODUCT = "vat", "unit", "payment", "country", "product"
#: The methods that the API fully covers (contract.json, PaymentInfo).
PAYMENT_METHODS = ("BANK_TRANSFER", "CASH", "CLEARING")
#: The only names that Procountor takes as targets; None where it takes numbers of the company.
TARGETS: dict[str, frozenset[str] | None] = {
    VAT: None,
    UNIT: ALL_UNITS,
    PAYMENT: frozenset(PAYMENT_METHODS),
    COUNTRY: frozenset(COUNTRIES.values()),
    PRODUCT: None,
}


class TableVersion(NamedTuple):
    """One whole table, for invoices dated `since` and later until the next version of it.
    `entries` are keyed by `key_of`."""

    table: str
    since: dt.date
    entries: Mapping[str, Any]


def key_of(table: str, word: str) -> str:
    """How a source's word is looked up: case and a full stop at the end tell units and payment
    methods not apart."""
    word = one_line(word)
    if table in (UNIT, PAYMENT):
        return word.rstrip(".").casefold()
    return word if table == PRODUCT else word.upper()


def in_force(versions: Iterable[TableVersion], table: str, day: dt.date) -> TableVersion | None:
    """The version of `table` for invoices dated `day`: of those that hold by then the one that
    begins last, and of several of one day the last in `versions`."""
    begun = [v for v in versions if v.table == table and v.since <= day]
    # Of equal ones `max` gives the first.
    return max(reversed(begun), key=lambda version: version.since, default=None)
