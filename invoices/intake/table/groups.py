"""The rows of a table put together by invoice number, and their cells read by column."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from invoices.intake.columns import DATES, NUMBERS, ColumnMapping
from invoices.intake.node import trimmed
from invoices.intake.table.sheet import Sheet, as_text
from invoices.intake.table.styles import Cell, DateStyle, NumberStyle
from invoices.intake.values import Log, UnreadableValue
from invoices.mapping.identifiers import is_personal

_CELL_ERROR = re.compile(r"#(?:REF!|N/A|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)")
#: A spreadsheet keeps fifteen digits of a number; what stands after them is lost.
_KEPT_DIGITS = 15


@dataclass(frozen=True)
class Table:
    """A sheet with the place of each field and the style of each of its columns."""

    sheet: Sheet
    places: Mapping[str, int]
    numbers: Mapping[str, NumberStyle]
    dates: Mapping[str, DateStyle]

    @classmethod
    def of(cls, sheet: Sheet, places: Mapping[str, int], mapping: ColumnMapping) -> Table:
        def column(name: str) -> Iterator[Cell]:
            return (cells[places[name]] for __, cells in sheet.rows if places[name] < len(cells))

        numbers = {
            name: NumberStyle.of(column(name), mapping.decimal_mark)
            for name in places.keys() & NUMBERS
        }
        dates = {
            name: DateStyle.of(column(name), mapping.date_order) for name in places.keys() & DATES
        }
        return cls(sheet, places, numbers, dates)


@dataclass(frozen=True)
class TableRow:
    """One row of the table; what cannot be read of it goes to `log`, with row and heading."""

    table: Table
    log: Log
    number: int
    cells: Sequence[Cell]

    def place(self, name: str = "") -> str:
        sheet, at = self.table.sheet, self.table.places.get(name)
        return sheet.place(self.number, sheet.headings[at] if at is not None else "")

    def _cell(self, name: str) -> Cell:
        at = self.table.places.get(name)
        return self.cells[at] if at is not None and at < len(self.cells) else ""

    def text(self, name: str) -> str:
        cell = self._cell(name)
        text = as_text(cell) if cell != "" else ""
        if not text:
            return ""
        if text[0] == "#" and _CELL_ERROR.fullmatch(text):
            self.log.error("cell_error", self.place(name), text)
        elif isinstance(cell, Decimal) and len(text.strip("-0").replace(".", "")) > _KEPT_DIGITS:
            self.log.error("reference_damaged", self.place(name), text)
        return text

    def decimal(self, name: str) -> Decimal | None:
        if not as_text(cell := self._cell(name)):
            return None
        try:
            return trimmed(self.table.numbers[name].read(cell))
        except UnreadableValue as error:
            self.log.error(error.code, self.place(name), as_text(self._cell(name)))
            return None

    def percent(self, name: str) -> Decimal | None:
        value = self.decimal(name)
        if value is not None and not 0 <= value <= 100:
            self.log.error("not_allowed", self.place(name), self.text(name), "0–100")
            return None
        return value

    def day(self, name: str) -> dt.date | None:
        if not as_text(cell := self._cell(name)):
            return None
        try:
            return self.table.dates[name].read(cell)
        except UnreadableValue as error:
            self.log.error(error.code, self.place(name), as_text(self._cell(name)))
            return None

    def missing(self, name: str) -> None:
        self.log.error("missing", self.place(name))

    @property
    def is_shifted(self) -> bool:
        """Whether there are cells under no heading: a separator inside a value moves all cells
        after it to wrong columns."""
        beyond = self.cells[len(self.table.sheet.headings) :]
        return any(as_text(cell) for cell in beyond)


@dataclass(frozen=True)
class Group:
    """The rows of one invoice, in the order of the file. `count` is of all of them, where there
    are more than can be kept."""

    rows: tuple[TableRow, ...]
    log: Log
    count: int = 0

    @classmethod
    def of(
        cls, table: Table, members: Iterable[tuple[int, Sequence[Cell]]], count: int = 0
    ) -> Group:
        log = Log()
        rows = tuple(TableRow(table, log, number, cells) for number, cells in members)
        return cls(rows, log, count or len(rows))

    def has(self, name: str) -> bool:
        return name in self.rows[0].table.places

    def row_with(self, name: str) -> TableRow:
        """The first row that has a value of the field, else the first row. Error `rows_disagree`
        when another row has a different one."""
        if not self.has(name):
            return self.rows[0]
        given = [(row, text) for row in self.rows if (text := row.text(name))]
        if not given:
            return self.rows[0]
        for row, text in given[1:]:
            if text != given[0][1]:
                shown = ("–" if is_personal(each) else each for each in (text, given[0][1]))
                self.log.error("rows_disagree", row.place(name), *shown)
                break
        return given[0][0]

    def text(self, name: str) -> str:
        return self.row_with(name).text(name) if self.has(name) else ""

    def decimal(self, name: str) -> Decimal | None:
        return self.row_with(name).decimal(name) if self.has(name) else None

    def day(self, name: str) -> dt.date | None:
        return self.row_with(name).day(name) if self.has(name) else None

    def required(self, name: str) -> str:
        text = self.text(name)
        if not text:
            self.rows[0].missing(name)
        return text

    def place(self, name: str) -> str:
        return self.row_with(name).place(name)


def groups_of(table: Table) -> Iterator[Group]:
    """Rows of one number are one invoice, wherever they stand. A row without a number is one of
    its own: nothing says whose it is."""
    found: dict[str, list[tuple[int, Sequence[Cell]]]] = {}
    at = table.places["number"]
    for number, cells in table.sheet.rows:
        found.setdefault(key_of(number, cells, at), []).append((number, cells))
    for members in found.values():
        yield Group.of(table, members)


def key_of(number: int, cells: Sequence[Cell], at: int) -> str:
    """What rows of one invoice have in common, of a row with its invoice's number at `at`."""
    return (as_text(cells[at]) if at < len(cells) else "") or f"\x00{number}"
