"""What mapping is given and what it gives back, and where it collects what is wrong on the way."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from invoices.document import Problem
from invoices.mapping import tables
from invoices.mapping.tables import TableVersion
from invoices.mapping.text import one_line, to_windows_1252

_SHOWN = 200
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class ExportSettings:
    """A tenant's own choices.

    `vat_status_by_category` maps EN 16931 categories to numbers of the company's `vatStatus`
    list; S falls back to `default_vat_status`, every other unmapped category stops the invoice.
    `language` is Procountor's word, `bank_account` an IBAN without spaces, `penalty_percent`
    late interest in percent.

    `tables` are the tenant's mapping tables of all times; `on` gives the settings with those of
    one day: its VAT table in place of `vat_status_by_category`, and the other fields after it.
    """

    invoice_channel: str = "NO_SENDING"
    default_vat_status: int | None = 1
    vat_status_by_category: Mapping[str, int] = field(default_factory=dict)
    language: str = "FINNISH"
    penalty_percent: Decimal | None = None
    days_to_pay: int = 14
    bank_account: str = ""
    drop_invalid_reference: bool = False
    accounting_by_row: bool = False
    tables: tuple[TableVersion, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    payment_methods: Mapping[str, str] = field(default_factory=dict)
    countries: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, int] = field(default_factory=dict)

    def on(self, day: dt.date) -> ExportSettings:
        """The settings for an invoice of that date."""
        found = {name: tables.in_force(self.tables, table, day) for table, name in _FIELDS.items()}
        chosen: dict[str, Any] = {name: v.entries for name, v in found.items() if v is not None}
        return replace(self, **chosen) if chosen else self


_FIELDS = {
    tables.VAT: "vat_status_by_category",
    tables.UNIT: "units",
    tables.PAYMENT: "payment_methods",
    tables.COUNTRY: "countries",
    tables.PRODUCT: "products",
}


@dataclass(frozen=True)
class FiscalPeriod:
    """First and last day, both included."""

    start: dt.date
    end: dt.date
    is_open: bool


@dataclass(frozen=True)
class ReferenceData:
    """What a connection check learnt of the company. None means not known: no check is made."""

    vat_percents: frozenset[Decimal] | None = None
    vat_statuses: frozenset[int] | None = None
    active_accounts: frozenset[str] | None = None
    periods: tuple[FiscalPeriod, ...] | None = None


@dataclass(frozen=True)
class Mapped:
    """`payload` is the body of POST /invoices, its numbers int or Decimal; None when there are
    problems. `gross_total` is with VAT, in the document's currency, counted from the rows."""

    payload: dict[str, Any] | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    gross_total: Decimal


class Findings:
    """Everything wrong with one invoice, collected so that all of it can be told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def stop(self, code: str, place: str, value: object = "", expected: object = "") -> None:
        self.problems.append(_problem(code, place, value, expected))

    def warn(self, code: str, place: str, value: object = "", expected: object = "") -> None:
        self.warnings.append(_problem(code, place, value, expected))

    def text(self, value: str, place: str, limit: int | None = None) -> str:
        """`value` on one line, in characters Procountor takes; stops what cannot be carried."""
        return self.lines(one_line(value), place, limit) if value else ""

    def lines(self, value: str, place: str, limit: int | None = None) -> str:
        """As `text`, with line breaks kept."""
        if not value:
            return ""
        carried = to_windows_1252(value)
        if carried.unsupported:
            self.stop("characters_not_supported", place, value, carried.proposal or "?")
        if limit is not None and len(carried.text) > limit:
            self.stop("too_long", place, carried.text, limit)
        return carried.text


def _problem(code: str, place: str, value: object, expected: object) -> Problem:
    return Problem(code, place, _visible(value), _visible(expected))


def _visible(value: object) -> str:
    """For people and for databases, which do not store every control character."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", str(value))[:_SHOWN]
