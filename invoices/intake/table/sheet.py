"""A table as it stands in a file: its headings, and its rows with their numbers for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from invoices.document import Problem
from invoices.intake.columns import ColumnMapping, Understood, understood
from invoices.intake.table.styles import Cell

MAX_COLUMNS = 1_000
MAX_TABLE_ROWS = 100_000
MAX_CELL_CHARS = 32_767
#: Of a CSV that is read piece by piece.
MAX_STREAMED_ROWS = 5_000_000
#: Titles, dates of printing and the like stand above the headings.
MOST_ROWS_ABOVE = 20


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
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return format(cell.to_integral_value() if cell == cell.to_integral_value() else cell, "f")


def sheet_of(
    name: str, rows: Iterable[tuple[int, Sequence[Cell]]], mapping: ColumnMapping
) -> tuple[Sheet, Understood] | None:
    """The table in `rows`, its headings found; None when there is nothing in it."""
    filled = [(number, cells) for number, cells in rows if is_filled(cells)]
    found = headings_of(name, filled[:MOST_ROWS_ABOVE], mapping)
    if found is None:
        return None
    at, headings, known = found
    return Sheet(name, headings, tuple(filled[at + 1 :])), known


def is_filled(cells: Sequence[Cell]) -> bool:
    return any(as_text(cell) for cell in cells)


def headings_of(
    name: str, first: Sequence[tuple[int, Sequence[Cell]]], mapping: ColumnMapping
) -> tuple[int, tuple[str, ...], Understood] | None:
    """Which of the first filled rows has the headings: the one with the most fields, or the first
    one with two cells. None without rows."""
    best: tuple[int, int, Understood] | None = None
    for at, (__, cells) in enumerate(first):
        found = understood([as_text(cell) for cell in cells], mapping, name)
        score = 2 * len(found.places) + (len(found.columns) > 1)
        if best is None or score > best[1]:
            best = (at, score, found)
    if best is None:
        return None
    at, __, known = best
    return at, tuple(as_text(cell) for cell in first[at][1]), known
