"""CSV: which encoding, which separator, and where the headings are."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from invoices.document import Problem
from invoices.intake.columns import ColumnMapping, Understood
from invoices.intake.result import ReadResult
from invoices.intake.table.invoices import read_sheets
from invoices.intake.table.sheet import (
    MAX_CELL_CHARS,
    MAX_COLUMNS,
    MAX_TABLE_ROWS,
    Sheet,
    TableRefused,
    sheet_of,
)
from invoices.intake.values import problem

_SEPARATORS = (";", "\t", ",", "|")
#: So much is enough to tell the separator by.
SAMPLE_CHARS = 64_000
_SAMPLE_ROWS = 40
#: One row of all its lines; what `read` takes as a whole is never longer.
MAX_ROW_CHARS = 20_000_000
#: A line may have more separators than columns, inside quotes; no honest one has so many.
_MOST_SEPARATORS = 20 * MAX_COLUMNS


def decoded(content: bytes) -> str | None:
    """UTF-8, else Windows-1252 (finnish-invoicing, chapter 9); None when it is neither, or holds
    what no text does."""
    for encoding in ("utf-8", "cp1252"):
        try:
            text = codecs.decode(content, encoding)
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text else text
    return None


def looks_like_csv(text: str) -> bool:
    """Whether the first lines are a table's: two with the same separator, one that goes on and
    on, or one with headings that we know. So much of a longer text is enough as SAMPLE_CHARS
    and one more."""
    if text.lstrip()[:1] in ("<", "{", "["):
        return False
    lines = [line for line in text[:SAMPLE_CHARS].splitlines() if line.strip()][:_SAMPLE_ROWS]
    for separator in _SEPARATORS:
        held = sum(separator in line for line in lines)
        if held > 1 or (held and len(text) > SAMPLE_CHARS):
            return True
        if held and _score(text, separator, ColumnMapping())[0] > 1:
            return True
    return False


def read_csv(text: str, mapping: ColumnMapping) -> ReadResult:
    """Every invoice of the table."""
    lines = text.count("\n") + text.count("\r")
    if lines > 2 * MAX_TABLE_ROWS:
        return _refused(problem("too_many", "", lines, MAX_TABLE_ROWS))
    separator = separator_of(text, mapping)
    try:
        rows = numbered_rows(io.StringIO(text, newline=""), separator, MAX_TABLE_ROWS)
        found = sheet_of("", rows, mapping)
    except TableRefused as refused:
        return _refused(refused.problem)
    if found is None:
        return _refused(problem("file_empty"))
    return read_sheets("csv", [found], mapping)


def separator_of(text: str, mapping: ColumnMapping) -> str:
    """The one that makes the most columns with a meaning of the first lines."""
    return max(_SEPARATORS, key=lambda each: _score(text, each, mapping))


def _refused(found: Problem) -> ReadResult:
    return ReadResult("csv", (), (found,))


def _score(text: str, separator: str, mapping: ColumnMapping) -> tuple[int, int]:
    found: tuple[Sheet, Understood] | None = sheet_of("", _sample(text, separator), mapping)
    return (len(found[1].places), len(found[0].headings)) if found else (0, 0)


def _sample(text: str, separator: str) -> list[tuple[int, Sequence[str]]]:
    """The first rows, as far as they can be read; the last line may be cut."""
    rows: list[tuple[int, Sequence[str]]] = []
    lines = io.StringIO(text[:SAMPLE_CHARS], newline="")
    try:
        for row in numbered_rows(lines, separator, MAX_TABLE_ROWS):
            rows.append(row)
            if len(rows) > _SAMPLE_ROWS:
                break
    except TableRefused:
        pass
    return rows


def numbered_rows(
    lines: Iterable[str], separator: str, most: int
) -> Iterator[tuple[int, Sequence[str]]]:
    """Each row with the number of its first line. Strict, because a quotation mark that is never
    closed would hide the rows after it in one cell. Raises TableRefused, also for more rows than
    `most`."""
    pulled = _Pulled()
    reader = csv.reader(_lines(lines, separator, pulled), delimiter=separator, strict=True)
    began, count = 1, 0
    try:
        for cells in reader:
            pulled.characters = 0
            if cells:
                count += 1
                _check(cells, count, began, most)
                yield began, cells
            began = reader.line_num + 1
    except csv.Error as error:
        place = f"row {began}"
        raise TableRefused(problem("table_broken", place, error)) from error


@dataclass
class _Pulled:
    """What the reader has taken for the row it is at."""

    characters: int = 0


def _lines(lines: Iterable[str], separator: str, pulled: _Pulled) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if line.count(separator) > _MOST_SEPARATORS:
            found = problem("too_many", f"row {number}", line.count(separator), MAX_COLUMNS)
            raise TableRefused(found)
        pulled.characters += len(line)
        if pulled.characters > MAX_ROW_CHARS:
            raise TableRefused(problem("cell_too_long", f"row {number}", "", MAX_CELL_CHARS))
        yield line


def _check(cells: Sequence[str], count: int, number: int, most: int) -> None:
    if len(cells) > MAX_COLUMNS:
        raise TableRefused(problem("too_many", f"row {number}", len(cells), MAX_COLUMNS))
    if count > most:
        raise TableRefused(problem("too_many", f"row {number}", count, most))
    for cell in cells:
        if len(cell) > MAX_CELL_CHARS:
            raise TableRefused(problem("cell_too_long", f"row {number}", "", MAX_CELL_CHARS))
