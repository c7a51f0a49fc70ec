"""CSV files of any size, read twice: first the columns and where each invoice's rows are, then
the invoices. What is kept meanwhile is in a temporary database on disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from typing import Any

from invoices.intake.columns import Column, ColumnMapping, DateOrder, DecimalMark, Understood
from invoices.intake.lines import TextLines
from invoices.intake.progress import Progress
from invoices.intake.result import MAX_STREAMED_ITEMS, ReadItem
from invoices.intake.table.csv_form import numbered_rows
from invoices.intake.table.groups import Group, Table, key_of
from invoices.intake.table.invoices import is_wrong, not_read, read_group, told_of
from invoices.intake.table.sheet import (
    MAX_STREAMED_ROWS,
    MAX_TABLE_ROWS,
    MOST_ROWS_ABOVE,
    Sheet,
    TableRefused,
    headings_of,
    is_filled,
)
from invoices.intake.table.styles import DateStyle, NumberStyle
from invoices.intake.values import MAX_PROBLEMS, problem

Numbered = tuple[int, Sequence[str]]
_Watched = tuple[int, set[Any], Callable[[str], frozenset[Any]]]
#: The rows of one invoice that are kept: more than it may have.
_MOST_KEPT_CHARS = 20_000_000
_SEPARATE = """
    CREATE TABLE run (key TEXT, row INTEGER);
    CREATE TABLE scattered (key TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE kept (key TEXT, row INTEGER, cells TEXT);
"""


class CsvTable:
    """After `look_through` the columns are known and the invoices can be read."""

    def __init__(self, lines: TextLines, separator: str, mapping: ColumnMapping) -> None:
        self._lines, self._separator, self._mapping = lines, separator, mapping
        self.columns: tuple[Column, ...] = ()
        self._table: Table | None = None
        self._known: Understood | None = None
        self._first_row = 0
        # Private and on disk once it outgrows a small cache; gone when it is closed.
        self._index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._index.executescript(_SEPARATE)

    def close(self) -> None:
        self._index.close()

    def look_through(self, progress: Progress) -> None:
        """The first reading. What is wrong with the file as a whole goes to `progress`."""
        try:
            self._look_through(progress)
        except TableRefused as refused:
            self._table = None
            progress.problems.append(refused.problem)

    def _look_through(self, progress: Progress) -> None:
        rows = self._filled()
        first = list(islice(rows, MOST_ROWS_ABOVE))
        found = headings_of("", first, self._mapping)
        if found is None:
            progress.problems.append(problem("file_empty"))
            return
        at, headings, known = found
        self.columns, sheet = known.columns, Sheet("", headings, ())
        if is_wrong(known):
            for _row in rows:  # a file that cannot be read to its end is told as such
                pass
            progress.problems += told_of(sheet, known)[:MAX_PROBLEMS]
            return
        self._known, self._first_row = known, first[at][0]
        body = chain(first[at + 1 :], rows)
        self._table = self._columns_read(sheet, known, body)
        if not self._index.execute("SELECT 1 FROM run LIMIT 1").fetchone():
            progress.problems.append(problem("table_empty"))
            self._table = None
            return
        self._keep_scattered()

    def _columns_read(self, sheet: Sheet, known: Understood, rows: Iterable[Numbered]) -> Table:
        """The style of each column by all of its cells, noting on the way where each number's
        rows are."""
        empty = Table.of(sheet, known.places, self._mapping)
        marks: dict[str, set[DecimalMark]] = {name: set() for name in empty.numbers}
        orders: dict[str, set[DateOrder]] = {name: set() for name in empty.dates}
        watched: list[_Watched] = [
            (known.places[name], proofs, NumberStyle.proved_by) for name, proofs in marks.items()
        ]
        watched += [
            (known.places[name], proofs, DateStyle.proved_by) for name, proofs in orders.items()
        ]
        self._index.execute("BEGIN")
        self._index.executemany("INSERT INTO run VALUES (?, ?)", self._runs(rows, watched))
        self._index.execute("COMMIT")
        told = self._mapping
        numbers = {
            name: NumberStyle.proven(proofs, told.decimal_mark) for name, proofs in marks.items()
        }
        dates = {name: DateStyle.proven(proofs, told.date_order) for name, proofs in orders.items()}
        return Table(sheet, known.places, numbers, dates)

    def _runs(self, rows: Iterable[Numbered], watched: list[_Watched]) -> Iterator[tuple[str, int]]:
        assert self._known is not None
        at, before = self._known.places["number"], None
        for number, cells in rows:
            filled = len(cells)
            for place, proofs, proved_by in watched:
                if place < filled and (proof := proved_by(cells[place])):
                    proofs |= proof
            key = key_of(number, cells, at)
            if key != before:
                yield key, number
                before = key

    def _keep_scattered(self) -> None:
        """Copy the rows of numbers that stand in several places: another reading, for files that
        have such."""
        self._index.execute(
            "INSERT INTO scattered SELECT key FROM run GROUP BY key HAVING count(*) > 1"
        )
        self._index.execute("DROP TABLE run")
        if not self._has_scattered():
            return
        self._index.execute("BEGIN")
        for key, rows in self._groups():
            if self._is_scattered(key):
                self._index.executemany(
                    "INSERT INTO kept VALUES (?, ?, ?)",
                    ((key, number, json.dumps(cells)) for number, cells in rows),
                )
        self._index.execute("CREATE INDEX kept_by_key ON kept (key, row)")
        self._index.execute("COMMIT")

    def _has_scattered(self) -> bool:
        return self._index.execute("SELECT 1 FROM scattered LIMIT 1").fetchone() is not None

    def _is_scattered(self, key: str) -> bool:
        return (
            self._index.execute("SELECT 1 FROM scattered WHERE key = ?", (key,)).fetchone()
            is not None
        )

    def items(self, progress: Progress, after: int) -> Iterator[ReadItem]:
        """The invoices in the order of their first rows, without the first `after`."""
        if self._table is None or self._known is None:
            return
        unread = not_read(self._table.sheet, self._known)
        for position, (members, count) in enumerate(self._invoices(), start=1):
            if position > MAX_STREAMED_ITEMS:
                progress.problems.append(problem("too_many", "", "", MAX_STREAMED_ITEMS))
                return
            progress.done_bytes = self._lines.position
            if position > after:
                group = Group.of(self._table, members, count)
                yield read_group(position, group, unread if position == 1 else [])

    def _invoices(self) -> Iterator[tuple[list[Numbered], int]]:
        """The rows of each invoice that are kept, and how many it has."""
        has_scattered = self._has_scattered()
        for key, rows in self._groups():
            if not has_scattered or not self._is_scattered(key):
                yield _kept(rows)
                continue
            first, _cells = next(rows)
            for _row in rows:
                pass
            earliest = "SELECT min(row) FROM kept WHERE key = ?"
            if self._index.execute(earliest, (key,)).fetchone() == (first,):
                all_rows = "SELECT row, cells FROM kept WHERE key = ? ORDER BY row"
                found = self._index.execute(all_rows, (key,))
                yield _kept((number, json.loads(cells)) for number, cells in found)

    def _groups(self) -> Iterator[tuple[str, Iterator[Numbered]]]:
        assert self._known is not None
        at = self._known.places["number"]
        rows = (row for row in self._filled() if row[0] > self._first_row)
        return groupby(rows, key=lambda row: key_of(row[0], row[1], at))

    def _filled(self) -> Iterator[Numbered]:
        rows = numbered_rows(self._lines, self._separator, MAX_STREAMED_ROWS)
        return (row for row in rows if is_filled(row[1]))


def _kept(rows: Iterable[Numbered]) -> tuple[list[Numbered], int]:
    kept: list[Numbered] = []
    count = characters = 0
    for number, cells in rows:
        count += 1
        if count <= MAX_TABLE_ROWS and characters <= _MOST_KEPT_CHARS:
            kept.append((number, cells))
            characters += sum(map(len, cells))
    return kept, count
