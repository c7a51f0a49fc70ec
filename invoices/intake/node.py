"""One element of an invoice with its place in the file: texts, figures and dates read from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Self

from lxml import etree

from invoices.intake.values import Log, UnreadableValue, parse_date, parse_number

_MORE_THAN_TAGS = frozenset("[]@*.")
Children = dict[str, list[etree._Element]]
#: The children of elements by tag, as far as they were asked for.
Index = dict[etree._Element, Children]


@dataclass(frozen=True)
class Node:
    """`path` is what people see in problems, e.g. "InvoiceRow[2]"; "" for the invoice itself.

    Reading never raises: what cannot be read is an error in `log` and comes back as None.
    """

    element: etree._Element
    log: Log
    path: str = ""
    index: Index = field(default_factory=dict, repr=False, compare=False)
    tables: dict[str, list[Children]] = field(default_factory=dict, repr=False, compare=False)
    known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def place(self, path: str) -> str:
        return f"{self.path}/{path}" if self.path else path

    def found(self, path: str) -> Sequence[etree._Element]:
        """The elements at `path`. As lxml's `iterfind`, which takes ten times as long and is asked
        a hundred times an invoice; it is used for conditions ("ID[@scheme='VA']")."""
        parts = _parts(path)
        if parts is None:
            return (self.element,) if path == "." else list(self.element.iterfind(path))
        parent, tag = parts
        tables = self.tables.get(parent)
        if tables is None:
            above = self.found(parent) if parent else (self.element,)
            tables = self.tables[parent] = [self._children_of(one) for one in above]
        if len(tables) == 1:
            return tables[0].get(tag, ())
        return [child for table in tables for child in table.get(tag, ())]

    def _children_of(self, element: etree._Element) -> Children:
        known = self.index.get(element)
        if known is None:
            known = self.index[element] = {}
            for child in element:
                known.setdefault(str(child.tag), []).append(child)
        return known

    def text(self, path: str) -> str:
        """The first non-empty text at `path`, spaces collapsed; "" when there is none."""
        text = self.known.get(path)
        if text is None:
            text = ""
            for element in self.found(path):
                if text := _text(element):
                    break
            self.known[path] = text
        return text

    def texts(self, path: str) -> list[str]:
        """Every non-empty text at `path`."""
        return [text for found in self.found(path) if (text := _text(found))]

    def attribute(self, path: str, name: str) -> str:
        found = self.found(path)
        return (found[0].get(name) or "").strip() if found else ""

    def child(self, path: str) -> Self | None:
        found = self.found(path)
        return type(self)(found[0], self.log, self.place(path), self.index) if found else None

    def children(self, path: str) -> list[Self]:
        return [
            type(self)(found, self.log, self.place(f"{path}[{number}]"), self.index)
            for number, found in enumerate(self.found(path), start=1)
        ]

    def parsed_number(self, text: str) -> Decimal:
        return parse_number(text)

    def number(self, path: str) -> Decimal | None:
        text = self.text(path)
        if not text:
            return None
        try:
            return self.parsed_number(text)
        except UnreadableValue as error:
            self.log.error(error.code, self.place(path), text)
            return None

    def percent(self, path: str) -> Decimal | None:
        """A figure from 0 to 100; trailing zeros dropped ("25,500" is 25.5)."""
        value = self.number(path)
        if value is not None and not 0 <= value <= 100:
            self.log.error("not_allowed", self.place(path), self.text(path), "0–100")
            return None
        return None if value is None else trimmed(value)

    def date(self, path: str) -> dt.date | None:
        text = self.text(path)
        if not text:
            return None
        try:
            return parse_date(text, self.attribute(path, "Format"))
        except UnreadableValue as error:
            self.log.error(error.code, self.place(path), text)
            return None

    def missing(self, path: str) -> None:
        self.log.error("missing", self.place(path))


@lru_cache(maxsize=1024)
def _parts(path: str) -> tuple[str, str] | None:
    """The path of the parents and the last tag; None when it is of more than tags."""
    if set(path) & _MORE_THAN_TAGS or "//" in path:
        return None
    parent, __, tag = path.rpartition("/")
    return parent, tag


def _text(element: etree._Element) -> str:
    if not len(element):
        return " ".join((element.text or "").split())
    return " ".join("".join(str(text) for text in element.itertext()).split())


def trimmed(value: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent: 25.500 -> 25.5, 100 stays 100."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()
