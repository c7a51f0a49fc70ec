"""One object of a shop's JSON with its place in it: texts, figures and moments read from it.

Reading never raises: what cannot be read is an error in the log, with the place counted from 1.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from invoices.intake.values import Log, money, storable

#: What a shop sends of one order; larger ones are damage.
MAX_LINES = 5_000
_LONGEST_NUMBER = 30
_WIDEST = 9
_DECIMALS = 8


class Unreadable(ValueError):
    """The text is no JSON of the shape that was expected."""


def objects(text: str, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of a JSON list, or of the list `key` of an object, with its own text exactly
    as it came. A single object is a list of one. Raises Unreadable."""
    at = _start(text, key)
    if text[at : at + 1] != "[":
        found, __ = _decoded(text, at)
        yield text[at:].rstrip(), found
        return
    at = _past_space(text, at + 1)
    while text[at : at + 1] != "]":
        found, end = _decoded(text, at)
        yield text[at:end], found
        at = _past_space(text, end)
        if text[at : at + 1] == ",":
            at = _past_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise Unreadable("a list that does not end")


def single(text: str, key: str = "") -> dict[str, Any]:
    """The one object of a text, or the first of its list. Raises Unreadable."""
    for __, found in objects(text, key):
        return found
    raise Unreadable("an empty list")


def _start(text: str, key: str) -> int:
    at = _past_space(text, 1 if text.startswith("\ufeff") else 0)
    if key:
        found = re.compile(r'\{\s*"' + re.escape(key) + r'"\s*:\s*').match(text, at)
        if found is None:
            raise Unreadable(f"no {key}")
        at = found.end()
    return at


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _decoded(text: str, at: int) -> tuple[dict[str, Any], int]:
    try:
        found, end = _DECODER.raw_decode(text, at)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Unreadable(str(error)[:100]) from None
    if not isinstance(found, dict):
        raise Unreadable("not an object")
    return found, end


def _number(text: str) -> Decimal | None:
    """None for what is too long to be a figure; exponents are bounded."""
    if len(text) > _LONGEST_NUMBER:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_DECIMALS or number.adjusted() > _WIDEST:
        return None
    return number


def _constant(text: str) -> None:
    """NaN and infinity are no figures."""
    return None


def _whole(text: str) -> int | None:
    return int(text) if len(text) <= _LONGEST_NUMBER else None


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_whole, parse_constant=_constant)


@dataclass(frozen=True)
class Fields:
    """`path` is what people see in problems, such as "line_items[2]"; "" for the order itself."""

    data: dict[str, Any]
    log: Log
    path: str = ""

    def place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def text(self, key: str) -> str:
        """The text, spaces collapsed; a number as its digits; "" when there is none."""
        value = self.data.get(key)
        if isinstance(value, bool) or value is None or isinstance(value, dict | list):
            return ""
        return " ".join(storable(value).split())

    def flag(self, key: str) -> bool:
        return self.data.get(key) is True

    def child(self, key: str) -> Self:
        """The object at `key`, an empty one when there is none."""
        value = self.data.get(key)
        found = value if isinstance(value, dict) else {}
        return type(self)(found, self.log, self.place(key))

    def items(self, key: str) -> list[Self]:
        value = self.data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.log.error("not_a_list", self.place(key))
            return []
        if len(value) > MAX_LINES:
            self.log.error("too_many", self.place(key), len(value), MAX_LINES)
            return []
        return [
            type(self)(item, self.log, f"{self.place(key)}[{number}]")
            for number, item in enumerate(value, start=1)
            if isinstance(item, dict)
        ]

    def number(self, key: str, default: Decimal | None = None) -> Decimal:
        """The figure; `default` where there is none, else an error and 0."""
        value = self.data.get(key)
        if value is None or value == "":
            if default is None:
                self.log.error("missing", self.place(key))
            return default or Decimal(0)
        found = None
        if isinstance(value, Decimal):
            found = value
        elif isinstance(value, int | str) and not isinstance(value, bool):
            found = _number(str(value).strip())
        if found is None:
            self.log.error("not_a_number", self.place(key), value)
            return Decimal(0)
        return found

    def money(self, key: str, default: Decimal | None = None) -> Decimal:
        """The amount, two decimals."""
        return money(self.number(key, default))

    def moment(self, key: str) -> dt.datetime | None:
        """An ISO 8601 moment, UTC where it names no zone; None when there is none."""
        text = self.text(key)
        if not text:
            return None
        try:
            found = dt.datetime.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or not 1990 <= found.year <= 2099:
            self.log.error("not_a_date", self.place(key), text)
            return None
        return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
