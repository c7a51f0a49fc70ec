"""Reading figures and dates as people and programs write them, and collecting problems.

Sources: finnish-invoicing rules, chapters 5 and 9 (Finvoice: decimal comma, no thousands
separator, minus in front; people: spaces, "€", both separators).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from invoices.document import InvoiceDocument, Problem

CENT = Decimal("0.01")
MAX_VALUE_CHARS = 200
#: One damaged invoice must not fill a page (or a JSON column) with its errors.
MAX_PROBLEMS = 100

_NUMBER = re.compile(r"([+-]?)([0-9][0-9.,]*)")
_GROUPED = {",": re.compile(r"[0-9]{1,3}(,[0-9]{3})+"), ".": re.compile(r"[0-9]{1,3}(\.[0-9]{3})+")}
_DATE_SHAPES = (
    re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})(?:T.*|Z|[+-][0-9]{2}:[0-9]{2})?"),
    re.compile(r"(?P<d>[0-9]{1,2})\.(?P<m>[0-9]{1,2})\.(?P<y>[0-9]{4})"),
)
_DIGITS_YEAR_FIRST = re.compile(r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})")
_DIGITS_DAY_FIRST = re.compile(r"(?P<d>[0-9]{2})(?P<m>[0-9]{2})(?P<y>[0-9]{4})")


class UnreadableValue(ValueError):
    """A text that is not the value it should be; `code` is the problem code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Log:
    """Errors and warnings of one invoice, in the order they were found."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, code: str, place: str = "", value: object = "", expected: object = "") -> None:
        _add(self.errors, problem(code, place, value, expected))

    def warn(self, code: str, place: str = "", value: object = "", expected: object = "") -> None:
        _add(self.warnings, problem(code, place, value, expected))


def _add(known: list[Problem], found: Problem) -> None:
    """A figure is read wherever it is needed; its error is told once."""
    if len(known) < MAX_PROBLEMS and found not in known:
        known.append(found)


def problem(code: str, place: object = "", value: object = "", expected: object = "") -> Problem:
    """A Problem whose texts are short and can be stored anywhere (no NUL, no half characters)."""
    return Problem(code, *(storable(text) for text in (place, value, expected)))


def storable(text: object) -> str:
    """A short text that every database takes: no NUL, no half characters."""
    short = str(text)[:MAX_VALUE_CHARS]
    return short.encode("utf-8", "replace").decode("utf-8").replace("\x00", "?")


def money(amount: Decimal) -> Decimal:
    """Two decimals, half away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


@lru_cache(maxsize=4096)
def parse_number(text: str) -> Decimal:
    """The figure in `text`: "1 234,50 €", "-12.5", "0,000". A comma alone is a decimal comma.

    Raises UnreadableValue: `not_a_number`, or `number_ambiguous` for "1.234", which is 1234 to
    one sender and 1.234 to another.
    """
    plain = re.sub(r"\s|€|EUR", "", text).replace("\u2212", "-")
    found = _NUMBER.fullmatch(plain)
    if found is None:
        raise UnreadableValue("not_a_number")
    sign, digits = found.groups()
    number = Decimal(sign + _with_decimal_point(digits))
    exponent = number.as_tuple().exponent
    if abs(number) >= 10**12 or not isinstance(exponent, int) or exponent < -8:
        raise UnreadableValue("not_a_number")
    return number


def _with_decimal_point(digits: str) -> str:
    mark = digits[max(digits.rfind(","), digits.rfind("."))] if re.search("[.,]", digits) else ""
    if not mark:
        return digits
    whole, __, decimals = digits.rpartition(mark)
    other = "." if mark == "," else ","
    if other in whole and _GROUPED[other].fullmatch(whole):
        whole = whole.replace(other, "")
    if not whole.isdigit() or not decimals.isdigit():
        raise UnreadableValue("not_a_number")
    if mark == "." and other not in digits and len(decimals) == 3 and 1 <= int(whole) <= 999:
        raise UnreadableValue("number_ambiguous")
    return f"{whole}.{decimals}"


@lru_cache(maxsize=4096)
def parse_date(text: str, form: str = "") -> dt.date:
    """The date in `text`: CCYYMMDD, DDMMCCYY when `form` (Finvoice's Format attribute) says so,
    ISO or d.M.yyyy.

    Raises UnreadableValue `not_a_date`, also for dates outside 1990–2099.
    """
    plain = text.strip()
    digits = _DIGITS_DAY_FIRST if form.upper().startswith("DD") else _DIGITS_YEAR_FIRST
    for shape in (digits, *_DATE_SHAPES):
        found = shape.fullmatch(plain)
        if found is None:
            continue
        try:
            day = dt.date(int(found["y"]), int(found["m"]), int(found["d"]))
        except ValueError as error:
            raise UnreadableValue("not_a_date") from error
        if 1990 <= day.year <= 2099:
            return day
    raise UnreadableValue("not_a_date")


_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "string_type": "not_text",
    "string_too_long": "too_long",
    "string_too_short": "missing",
    "string_pattern_mismatch": "not_allowed",
    "too_short": "missing",
    "too_long": "too_many",
    "literal_error": "not_allowed",
    "enum": "not_allowed",
    "greater_than": "not_allowed",
    "greater_than_equal": "not_allowed",
    "less_than_equal": "not_allowed",
    "finite_number": "not_a_number",
}


def validated(data: dict[str, Any], log: Log) -> InvoiceDocument | None:
    """The document, or None with one error in `log` for everything that is wrong with `data`."""
    try:
        return InvoiceDocument.model_validate(data)
    except ValidationError as failure:
        for detail in failure.errors(include_url=False)[:MAX_PROBLEMS]:
            context = detail.get("ctx", {})
            limits = ("expected", "pattern", "max_length", "ge", "gt", "le", "decimal_places")
            expected = next((context[key] for key in limits if key in context), "")
            code = _code(detail["type"])
            value = detail["input"] if code not in ("missing", "unknown_field") else ""
            if isinstance(value, dict | list):
                value = ""
            log.error(code, json_place(detail["loc"]), value, expected)
        return None


def _code(kind: str) -> str:
    if kind.startswith(("decimal", "int")):
        return "not_a_number"
    if kind.startswith("date"):
        return "not_a_date"
    return _CODES.get(kind, "invalid")


def json_place(path: Iterable[str | int]) -> str:
    """("rows", 1, "vat_percent") -> "rows[2].vat_percent": people count from 1."""
    place = ""
    for step in path:
        place += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if place else str(step)
    return place
