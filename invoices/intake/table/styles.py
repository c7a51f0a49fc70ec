"""How a column writes its figures and dates. A text that can be read in two ways is decided by
the whole column when another cell of it proves one of them, or by the mapping; never by a guess.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from invoices.intake.columns import DateOrder, DecimalMark
from invoices.intake.values import UnreadableValue, parse_date

#: What a cell holds: text from a CSV; figures and days, too, from a workbook.
Cell = str | Decimal | dt.date

_MARKS = {DecimalMark.COMMA: ",", DecimalMark.POINT: "."}
_SIGNED = re.compile(r"([+-]?)([0-9.,]+)")
_SLASHED = re.compile(r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})")
_TIME = re.compile(
    r"[ T][0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2})?(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9:]{4,6})?$"
)
_MOST_DECIMALS = 8


@lru_cache(maxsize=4096)
def _readings(text: str) -> dict[DecimalMark, Decimal]:
    """The figure `text` is under each decimal mark, where it is one."""
    compact = re.sub(r"\s|€|EUR|%", "", text).replace("\u2212", "-")
    found = _SIGNED.fullmatch(compact)
    if found is None:
        return {}
    sign, digits = found.groups()
    readings = {}
    for style, mark in _MARKS.items():
        other = "." if mark == "," else ","
        whole, __, decimals = digits.partition(mark)
        grouped = re.fullmatch(rf"[1-9][0-9]{{0,2}}(?:\{other}[0-9]{{3}})+", whole)
        if grouped:
            whole = whole.replace(other, "")
        if not whole.isdigit() or (mark in digits and not decimals.isdigit()):
            continue
        if len(whole) <= 12 and len(decimals) <= _MOST_DECIMALS:
            readings[style] = Decimal(f"{sign}{whole}.{decimals}" if decimals else sign + whole)
    return readings


#: Figures of one shape are read in the same ways: what counts of a digit is whether it is 0.
_SHAPE = str.maketrans("23456789", "11111111")


@lru_cache(maxsize=4096)
def _marks_of_shape(shape: str) -> frozenset[DecimalMark]:
    readings = _readings(shape)
    return frozenset(readings) if len(readings) == 1 else frozenset()


@lru_cache(maxsize=4096)
def _orders_of(text: str) -> frozenset[DateOrder]:
    readings = _orders(text)
    return frozenset(readings) if len(readings) == 1 else frozenset()


@dataclass(frozen=True)
class NumberStyle:
    """`told` is the mapping's mark, `proved` the one that the column's other cells leave."""

    told: DecimalMark | None
    proved: DecimalMark | None

    @classmethod
    def of(cls, cells: Iterable[Cell], told: DecimalMark | None) -> NumberStyle:
        proofs: set[DecimalMark] = set()
        for cell in cells:
            proofs |= cls.proved_by(cell)
        return cls.proven(proofs, told)

    @classmethod
    def proven(cls, proofs: set[DecimalMark], told: DecimalMark | None) -> NumberStyle:
        return cls(told, next(iter(proofs)) if len(proofs) == 1 else None)

    @staticmethod
    def proved_by(cell: Cell) -> frozenset[DecimalMark]:
        """The mark with which alone the cell is a figure; empty when either will do, or none."""
        # Only its shape counts: of a long column nearly every figure has one that was seen before.
        return _marks_of_shape(cell.translate(_SHAPE)) if isinstance(cell, str) else frozenset()

    def read(self, cell: Cell) -> Decimal:
        """Raises UnreadableValue: `not_a_number`, or `number_ambiguous`."""
        if isinstance(cell, Decimal):
            return cell
        readings = _readings(cell) if isinstance(cell, str) else {}
        if self.told is not None:
            readings = {style: n for style, n in readings.items() if style == self.told}
        if not readings:
            raise UnreadableValue("not_a_number")
        figures = set(readings.values())
        if len(figures) > 1:
            if self.proved is None:
                raise UnreadableValue("number_ambiguous")
            return readings[self.proved]
        return figures.pop()


@dataclass(frozen=True)
class DateStyle:
    told: DateOrder | None
    proved: DateOrder | None

    @classmethod
    def of(cls, cells: Iterable[Cell], told: DateOrder | None) -> DateStyle:
        proofs: set[DateOrder] = set()
        for cell in cells:
            proofs |= cls.proved_by(cell)
        return cls.proven(proofs, told)

    @classmethod
    def proven(cls, proofs: set[DateOrder], told: DateOrder | None) -> DateStyle:
        return cls(told, next(iter(proofs)) if len(proofs) == 1 else None)

    @staticmethod
    def proved_by(cell: Cell) -> frozenset[DateOrder]:
        return _orders_of(cell) if isinstance(cell, str) else frozenset()

    def read(self, cell: Cell) -> dt.date:
        """Raises UnreadableValue: `not_a_date`, or `date_ambiguous` for 2/3/2026."""
        if isinstance(cell, dt.date):
            return _sensible(cell)
        if isinstance(cell, Decimal):
            raise UnreadableValue("not_a_date")
        text = _TIME.sub("", cell.strip())
        if found := _YEAR_FIRST.fullmatch(text):
            text = "-".join(part.zfill(2) for part in found.groups())
        if not _SLASHED.fullmatch(text):
            return parse_date(text)
        readings = _orders(text)
        if self.told is not None:
            readings = {order: day for order, day in readings.items() if order == self.told}
        if not readings:
            raise UnreadableValue("not_a_date")
        days = set(readings.values())
        if len(days) > 1:
            if self.proved is None:
                raise UnreadableValue("date_ambiguous")
            return _sensible(readings[self.proved])
        return _sensible(days.pop())


@lru_cache(maxsize=4096)
def _orders(text: str) -> dict[DateOrder, dt.date]:
    found = _SLASHED.fullmatch(_TIME.sub("", text.strip()))
    if found is None:
        return {}
    first, second, year = (int(part) for part in found.groups())
    readings = {}
    for order, day, month in (
        (DateOrder.DAY_FIRST, first, second),
        (DateOrder.MONTH_FIRST, second, first),
    ):
        try:
            readings[order] = dt.date(year, month, day)
        except ValueError:
            continue
    return readings


def _sensible(day: dt.date) -> dt.date:
    if not 1990 <= day.year <= 2099:
        raise UnreadableValue("not_a_date")
    return day
