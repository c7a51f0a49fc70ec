"""Requests, answers and JSON as they cross the sandbox's wire. Decimals are never floats."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import simplejson

Json = dict[str, Any]
FieldError = dict[str, Any]

#: Beyond this many digits a number is written with an exponent, so that no answer explodes.
_PLAIN_DIGITS = 40


class BadJson(ValueError):
    """The body is not one JSON value in UTF-8."""


@dataclass(frozen=True)
class Request:
    """One request; `path` is without the base path, `headers` have lower-case names."""

    method: str
    path: str
    query_string: str = ""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.query_string, keep_blank_values=True)

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of an x-www-form-urlencoded body."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    def json(self) -> Any:
        """The body's JSON value, decimals as Decimal. Raises BadJson."""
        return loads(self.body)


@dataclass(frozen=True)
class Answer:
    """A complete answer, before any fault spoils it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Ends a request with an `errors` body of this status."""

    def __init__(self, status: int, errors: list[FieldError]) -> None:
        super().__init__(status)
        self.status, self.errors = status, errors

    @property
    def answer(self) -> Answer:
        return answer({"errors": self.errors}, self.status)


def error(message: str, field: str = "", status: int = 400) -> FieldError:
    """One entry of an `errors` list (REFERENCE section 8); class-level ones have no field."""
    found: FieldError = {"status": status}
    if field:
        found["field"] = field
    return found | {"message": message}


def refused(status: int, message: str, field: str = "") -> Refused:
    return Refused(status, [error(message, field, status)])


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    # A lone surrogate cannot be encoded; its escape is valid JSON, and only strings hold one.
    body = dumps(value).encode("utf-8", "backslashreplace")
    return Answer(status, body, headers=headers or {})


class _Number(Decimal):
    """A number of a body, written digit by digit: 100.00 as 100.00, and 1e2 as 100."""

    def __str__(self) -> str:
        exponent = self.as_tuple().exponent
        plain = isinstance(exponent, int) and abs(exponent) + abs(self.adjusted()) < _PLAIN_DIGITS
        return format(self, "f") if plain else super().__str__()


def loads(body: bytes) -> Any:
    """Parse JSON without floats, NaN or infinities. Raises BadJson."""
    try:
        return json.loads(body.decode("utf-8"), parse_float=_Number, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError):
        pass  # the last: an exponent no Decimal can hold
    raise BadJson("the body is not JSON in UTF-8")


def dumps(value: Any) -> str:
    """JSON text; a Decimal is written as it prints."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":"))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
