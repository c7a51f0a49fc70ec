"""A table as it stands in a file: its headings, and its rows with their numbers for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from invoices.document import Problem
from invoices.intake.columns import ColumnMapping, Understood, understood
from invoices.intake.table.styles import Cell

MAX_COLUMNS = 1_000
MAX_TABLE_ROWS = 100_000
MAX_CELL_CHARS = 32_767
#: Titles, dates of printing and the like stand above the headings.
_MOST_ROWS_ABOVE = 20


@dataclass(frozen=True)
class Sheet:
    """`rows` are (number in the file, cells), without the headings and what is above them.
    `name` is "" for a CSV."""

    name: str
    headings: tuple[str, ...]
    rows: tuple[tuple[int, Sequence[Cell]], ...]

    def place(self, number: int, heading: str = "") -> str:
        row = f"{self.name} row {number}" if self.name else f"row {number}"
        return f"{row}, {heading}" if heading else row


class TableRefused(Exception):
    """The file cannot be read as a table; carries the problem."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.code)
        self.problem = found


def as_text(cell: Cell) -> str:
    """The cell as people see it; a whole number without decimals."""
    if isinstance(cell, Decimal):
        return format(cell.to_integral_value() if cell == cell.to_integral_value() else cell, "f")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return cell.strip()


def sheet_of(
    name: str, rows: Iterable[tuple[int, Sequence[Cell]]], mapping: ColumnMapping
) -> tuple[Sheet, Understood] | None:
    """The table in `rows`, its headings found; None when there is nothing in it. The headings are
    the row with the most fields among the first ones, or the first one with two cells."""
    filled = [(number, cells) for number, cells in rows if any(as_text(cell) for cell in cells)]
    best: tuple[int, int, Understood] | None = None
    for at, (__, cells) in enumerate(filled[:_MOST_ROWS_ABOVE]):
        found = understood([as_text(cell) for cell in cells], mapping, name)
        score = 2 * len(found.places) + (len(found.columns) > 1)
        if best is None or score > best[1]:
            best = (at, score, found)
    if best is None:
        return None
    at, __, found = best
    headings = tuple(as_text(cell) for cell in filled[at][1])
    return Sheet(name, headings, tuple(filled[at + 1 :])), found
