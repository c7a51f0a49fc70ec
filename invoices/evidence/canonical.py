"""The canonical form of a row: what its SHA-256 is of, the same on every database.

One JSON object, keys sorted, no spaces, UTF-8: "table", and "row" with every covered column.
Moments are UTC with microseconds (2026-11-26T10:00:00.123456Z), days YYYY-MM-DD, decimals and
UUIDs (32 hex digits) texts without superfluous zeros or dashes, bytes the SHA-256 of them in hex,
JSON columns the value itself with its numbers in their shortest form. Reads the columns by its
own SQL: a model's fields would already have rounded or corrected what is stored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, InvalidOperation
from functools import cache
from typing import Any

import simplejson
from django.db import connection, models

from invoices.evidence.kinds import Kind

_encode = simplejson.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, use_decimal=True
).encode


def canonical(kind: Kind, values: Sequence[Any]) -> bytes:
    """The canonical form of one row, of the values that `columns(kind)` reads."""
    row: dict[str, Any] = {}
    for name, read, value in zip(*_reading(kind, connection.vendor), values, strict=True):
        row[name] = value if read is None or value is None else read(value)
    return _encode({"table": kind.table, "row": row}).encode("utf-8", "surrogatepass")


def digest(kind: Kind, values: Sequence[Any]) -> bytes:
    return hashlib.sha256(canonical(kind, values)).digest()


def columns(kind: Kind) -> str:
    """The covered columns as SQL reads them, the primary key first."""
    return _columns(kind, connection.vendor)


def moment(expression: str) -> str:
    """A moment as SQL reads it; `as_moment` makes it canonical."""
    if connection.vendor == "postgresql":
        return _MOMENT.format(expression)
    return f"CAST({expression} AS text)"


def as_moment(value: str) -> str:
    return value if value.endswith("Z") else _moment(value)


def rows(kind: Kind, keys: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """The covered values of the rows with these primary keys, those there are, in no order. Few
    at a time where a row may be large."""
    for start in range(0, len(keys), kind.at_once):
        some = list(keys[start : start + kind.at_once])
        marks = ", ".join(["%s"] * len(some))
        # Only names of our own models are put into the statement.
        statement = f"SELECT {columns(kind)} FROM {kind.table} r WHERE r.id IN ({marks})"  # nosec B608
        with connection.cursor() as cursor:
            cursor.execute(statement, some)
            yield from cursor.fetchall()


_MOMENT = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


@cache
def _columns(kind: Kind, vendor: str) -> str:
    return ", ".join(_expression(field, vendor) for field in kind.fields)


def _expression(field: Any, vendor: str) -> str:
    column = f'r."{field.column}"'
    if vendor == "postgresql":
        if isinstance(field, models.DateTimeField):
            return _MOMENT.format(column)
        if isinstance(field, models.DateField):
            return f"to_char({column}, 'YYYY-MM-DD')"
        if isinstance(field, models.DecimalField):
            return f"trim_scale({column})::text"
        if isinstance(field, models.UUIDField):
            return f"replace({column}::text, '-', '')"
        if isinstance(field, models.BinaryField):
            return f"encode(sha256({column}), 'hex')"
        if isinstance(field, models.JSONField):
            return f"{column}::text"
        return column
    if isinstance(field, (models.DateField, models.JSONField)):
        return f"CAST({column} AS text)"
    # Of a bare column the driver would know the declared type, and convert.
    return f"coalesce({column}, NULL)"


_Read = Callable[[Any], Any]


@cache
def _reading(kind: Kind, vendor: str) -> tuple[list[str], list[_Read | None]]:
    return [f.column for f in kind.fields], [_reader(f, vendor) for f in kind.fields]


def _reader(field: Any, vendor: str) -> _Read | None:
    """What makes a value that was read canonical; None for one that is so already."""
    if isinstance(field, models.JSONField):
        return _json
    if vendor == "postgresql":
        return None
    if isinstance(field, models.DateTimeField):
        return _moment
    if isinstance(field, models.DecimalField):
        return _decimal
    if isinstance(field, models.BooleanField):
        return lambda value: {0: False, 1: True}.get(value, value)
    if isinstance(field, models.BinaryField):
        return lambda value: hashlib.sha256(_bytes(value)).hexdigest()
    return None


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _shortest(text: str) -> Decimal:
    return Decimal(text).normalize(_EXACT)


#: The usual context would round to 28 digits.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_decoder = json.JSONDecoder(parse_float=_shortest)


def _json(text: str) -> Any:
    """The value; a text that is no JSON as it is, so that broken columns differ and do not stop."""
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        return f"not JSON: {text}"


def _moment(text: str) -> str:
    """SQLite's own form, in UTC, with as many decimals as there were."""
    whole, _dot, fraction = text.partition(".")
    return f"{whole.replace(' ', 'T', 1)}.{fraction.ljust(6, '0')}Z"


def _decimal(value: Any) -> str:
    """SQLite keeps a decimal as a number."""
    try:
        return format(_shortest(str(value)), "f")
    except InvalidOperation:
        return str(value)
