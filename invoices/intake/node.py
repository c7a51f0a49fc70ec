"""One element of an invoice with its place in the file: texts, figures and dates read from it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self

from lxml import etree

from invoices.intake.values import Log, UnreadableValue, parse_date, parse_number


@dataclass(frozen=True)
class Node:
    """`path` is what people see in problems, e.g. "InvoiceRow[2]"; "" for the invoice itself.

    Reading never raises: what cannot be read is an error in `log` and comes back as None.
    """

    element: etree._Element
    log: Log
    path: str = ""

    def place(self, path: str) -> str:
        return f"{self.path}/{path}" if self.path else path

    def text(self, path: str) -> str:
        """The first non-empty text at `path`, spaces collapsed; "" when there is none."""
        return next(iter(self.texts(path)), "")

    def texts(self, path: str) -> list[str]:
        """Every non-empty text at `path`."""
        return [text for found in self.element.iterfind(path) if (text := _text(found))]

    def attribute(self, path: str, name: str) -> str:
        found = self.element.find(path)
        return (found.get(name) or "").strip() if found is not None else ""

    def child(self, path: str) -> Self | None:
        found = self.element.find(path)
        return None if found is None else replace(self, element=found, path=self.place(path))

    def children(self, path: str) -> list[Self]:
        return [
            replace(self, element=found, path=self.place(f"{path}[{number}]"))
            for number, found in enumerate(self.element.iterfind(path), start=1)
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


def _text(element: etree._Element) -> str:
    return " ".join("".join(str(text) for text in element.itertext()).split())


def trimmed(value: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent: 25.500 -> 25.5, 100 stays 100."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()
