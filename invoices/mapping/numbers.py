"""Numbers as Procountor takes them, and the payload as bytes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import simplejson

from invoices.mapping.totals import WIDE


def plain(number: Decimal) -> int | Decimal:
    """The same number without trailing zeros; whole numbers as int."""
    if number == number.to_integral_value(context=WIDE):
        return int(number)
    return number.normalize(context=WIDE)


def decimals(number: Decimal) -> int:
    """How many decimals the number needs."""
    exponent = number.normalize(context=WIDE).as_tuple().exponent
    assert isinstance(exponent, int), "documents hold finite numbers only"
    return max(0, -exponent)


def written(number: Decimal) -> str:
    """For people: no exponent, no trailing zeros."""
    return format(Decimal(plain(number)), "f")


class _Written(Decimal):
    """A Decimal that simplejson, which prints `str()`, writes without an exponent."""

    def __str__(self) -> str:
        return format(self, "f")


def to_bytes(payload: dict[str, Any]) -> bytes:
    """The payload as canonical JSON: UTF-8, sorted keys, no spaces, exact decimals.

    Equal payloads give equal bytes. Raises TypeError for a float: money never is one.
    """
    return simplejson.dumps(
        _exact(payload) if _has_exponent(payload) else payload,
        use_decimal=True,
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


#: Most of a payload.
_SURE = frozenset((str, int, bool, type(None)))


def _has_exponent(payload: dict[str, Any]) -> bool:
    """Whether `str()` of some number inside has an exponent. Raises TypeError for a float."""
    waiting: list[Any] = [payload]
    while waiting:
        value = waiting.pop()
        if type(value) in _SURE:
            continue
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
        elif isinstance(value, Decimal):
            if "E" in str(value):
                return True
        elif isinstance(value, float):
            raise TypeError("a payload holds no floats")
    return False


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(item) for item in value]
    if isinstance(value, float):
        raise TypeError("a payload holds no floats")
    return _Written(value) if isinstance(value, Decimal) else value
