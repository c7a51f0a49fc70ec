"""A table as its file has it, row by row, and a copy of it with chosen rows only.

For showing its first rows and for handing rows back: what a cell means is `intake`'s to say. A copy
keeps separator, encoding, line ends, sheets and formats; a CSV's rows are copied byte for byte.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import IO, Any, BinaryIO

import openpyxl
import xlsxwriter

from invoices.reports.writers import harmless
from invoices.uploads.layouts import is_ours

FORMATS = ("csv", "xlsx")
_SEPARATORS = (";", "\t", ",", "|")
#: The headings are among the first rows, below titles and dates of printing.
_MOST_ROWS_ABOVE = 40
_MOST_CELL_CHARS = 32_000
_BLOCK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

#: Of each row: whether it is copied, and what stands in the column of errors.
Choose = Callable[["Row"], str | None]


class NotATable(Exception):
    """The headings are not where they were when the file was read."""


@dataclass(frozen=True)
class Row:
    """`number` is the row's in its sheet, or the line that it begins on. `cells` are as the file
    has them: texts of a CSV, values of a workbook. `headings` are those of its sheet; of rows
    above the headings, and of these themselves, None."""

    sheet: str
    number: int
    cells: Sequence[Any]
    headings: tuple[str, ...] | None

    def text(self, heading: str) -> str:
        """The cell under the first column of that heading."""
        wanted = heading.casefold()
        for at, each in enumerate(self.headings or ()):
            if each.casefold() == wanted:
                return shown(self.cells[at]) if at < len(self.cells) else ""
        return ""


def shown(cell: Any) -> str:
    """A cell as people see it."""
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return (cell.date() if cell.time() == dt.time() else cell).isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()


def rows(source: BinaryIO, kind: str, headings: Sequence[tuple[str, str]]) -> Iterator[Row]:
    """Every row of the table. `headings` are (sheet, heading) as reading found them. Raises
    NotATable."""
    if kind == "csv":
        yield from (row for row, _raw in _Csv(source, [each for _sheet, each in headings]))
        return
    with _workbook(source) as book:
        for sheet in _sheets(book):
            yield from (row for row, _cells in _sheet_rows(sheet, _of(headings, sheet.title)))


def copy(
    source: BinaryIO,
    kind: str,
    headings: Sequence[tuple[str, str]],
    choose: Choose,
    out: IO[bytes],
    *,
    errors: str = "",
    most: int = 0,
) -> int:
    """Write the rows that `choose` gives a text for, with what is above them and, if `errors` is a
    heading, a last column of these texts in place of one that we added before; returns how many.
    Texts of ours never make a formula, and the file's own are left as they are. After `most` rows
    of a sheet no more are looked at, unless it is 0. Raises NotATable."""
    wanted = _Wanted(choose, errors, most)
    if kind == "csv":
        return _copy_csv(source, [each for _sheet, each in headings], wanted, out)
    return _copy_xlsx(source, headings, wanted, out)


@dataclass(frozen=True)
class _Wanted:
    choose: Choose
    errors: str
    most: int

    def width(self, headings: Sequence[str]) -> int:
        """How many columns are the file's own."""
        ours = self.errors and headings and is_ours(headings[-1])
        return len(headings) - 1 if ours else len(headings)


class _Csv:
    """The rows of a CSV with their text as it stands in the file, line end and all."""

    def __init__(self, source: BinaryIO, headings: Sequence[str]) -> None:
        self.bom, self.encoding = _encoding_of(source)
        self.wanted = [each.strip() for each in headings if each.strip()]
        self.source = source
        self.separator = self._separator()

    def _text(self) -> io.TextIOWrapper:
        self.source.seek(len(self.bom))
        # Closing the wrapper would close the source.
        return io.TextIOWrapper(
            io.BufferedReader(_Open(self.source), _BLOCK), encoding=self.encoding, newline=""
        )

    def _separator(self) -> str:
        first = []
        for line in self._text():
            first.append(line)
            if len(first) == _MOST_ROWS_ABOVE:
                break
        for separator in _SEPARATORS:
            try:
                if any(map(self.is_heading, csv.reader(first, delimiter=separator))):
                    return separator
            except csv.Error:
                continue
        raise NotATable

    def is_heading(self, cells: Sequence[str]) -> bool:
        return [cell.strip() for cell in cells if cell.strip()] == self.wanted

    def __iter__(self) -> Iterator[tuple[Row, str]]:
        kept: list[str] = []

        def lines() -> Iterator[str]:
            for line in self._text():
                kept.append(line)
                yield line

        reader = csv.reader(lines(), delimiter=self.separator)
        headings: tuple[str, ...] | None = None
        began = 1
        try:
            for cells in reader:
                raw = "".join(kept)
                kept.clear()
                yield Row("", began, cells, headings), raw
                if headings is None and self.is_heading(cells):
                    headings = tuple(cell.strip() for cell in cells)
                began = reader.line_num + 1
        except csv.Error as error:
            raise NotATable from error


class _Open(io.RawIOBase):
    """A stream that others may close without closing the one below."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._source.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _encoding_of(source: BinaryIO) -> tuple[bytes, str]:
    """The mark at the beginning, and UTF-8 or what is read in its place."""
    source.seek(0)
    start = source.read(4)
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return mark, encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    source.seek(0)
    try:
        while block := source.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return b"", "cp1252"
    return b"", "utf-8"


def _copy_csv(source: BinaryIO, headings: Sequence[str], wanted: _Wanted, out: IO[bytes]) -> int:
    table = _Csv(source, headings)
    out.write(table.bom)
    count = width = 0
    for row, raw in table:
        if row.headings is None and not table.is_heading(row.cells):
            out.write(raw.encode(table.encoding))
            continue
        if row.headings is None:
            width, text = wanted.width(row.cells), wanted.errors
        else:
            chosen = wanted.choose(row)
            if chosen is None:
                continue
            count += 1
            text = _harmless(chosen)
        if wanted.errors:
            raw = _with(raw, row.cells, width, text, table)
        out.write(raw.encode(table.encoding))
        if count == wanted.most > 0:
            break
    return count


def _with(raw: str, cells: Sequence[str], width: int, text: str, table: _Csv) -> str:
    """A row with one more cell after `width`, and without one that stands there already."""
    body = raw.rstrip("\r\n")
    end = raw[len(body) :] or "\r\n"
    count = len(cells)
    if count == width + 1:
        for last in (_quoted(cells[-1]), cells[-1]):
            if body.endswith(table.separator + last):
                body, count = body.removesuffix(table.separator + last), width
                break
    known = text.encode(table.encoding, "replace").decode(table.encoding)
    gap = table.separator * max(1, width - count + 1)
    return f"{body}{gap}{_quoted(known) if known else ''}{end}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _harmless(text: str) -> str:
    return harmless(text[:_MOST_CELL_CHARS])


def _of(headings: Sequence[tuple[str, str]], sheet: str) -> list[str]:
    return [heading for name, heading in headings if name == sheet and heading]


class _workbook:
    """An opened workbook; openpyxl warns and prints of styles that it leaves out."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def __enter__(self) -> Any:
        self._source.seek(0)
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            self._book = openpyxl.load_workbook(
                self._source, read_only=True, data_only=True, keep_links=False
            )
        return self._book

    def __exit__(self, *error: object) -> None:
        self._book.close()


def _sheets(book: Any) -> list[Any]:
    return [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]


def _sheet_rows(sheet: Any, wanted: list[str]) -> Iterator[tuple[Row, Sequence[Any]]]:
    """Rows with their cells; empty ones are left out."""
    if not wanted:
        return
    sheet.reset_dimensions()
    headings: tuple[str, ...] | None = None
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        values = [cell.value for cell in cells]
        if all(value is None for value in values):
            continue
        row = Row(sheet.title, number, values, headings)
        yield row, cells
        if headings is None:
            texts = [shown(value) for value in values]
            if [text for text in texts if text] == wanted:
                headings = tuple(texts)


def _copy_xlsx(
    source: BinaryIO, headings: Sequence[tuple[str, str]], wanted: _Wanted, out: IO[bytes]
) -> int:
    with _workbook(source) as book, tempfile.TemporaryDirectory(prefix="flashnode-") as folder:
        made = xlsxwriter.Workbook(out, {"constant_memory": True, "tmpdir": folder})
        copied = [
            _copy_sheet(sheet, _of(headings, sheet.title), wanted, _Sheet(made))
            for sheet in _sheets(book)
        ]
        if not made.worksheets():
            raise NotATable
        made.close()
    return sum(copied)


def _copy_sheet(sheet: Any, headings: list[str], wanted: _Wanted, made: _Sheet) -> int:
    """Copy the chosen rows; nothing of a sheet that has none."""
    above: list[Sequence[Any]] = []
    count = width = 0
    for row, cells in _sheet_rows(sheet, headings):
        if row.headings is None:
            above.append(cells)
            continue
        text = wanted.choose(row)
        if text is None:
            continue
        if not count:
            width = wanted.width(row.headings)
            for each in above[:-1]:
                made.row(sheet.title, each)
            made.row(sheet.title, above[-1][:width], (width, wanted.errors))
        count += 1
        own = cells[:width] if wanted.width(row.headings) < len(row.headings) else cells
        made.row(sheet.title, own, (max(width, len(own)), _harmless(text)))
        if count == wanted.most > 0:
            break
    return count


class _Sheet:
    """A sheet that is made with its first row, and formats that are made once."""

    def __init__(self, book: Any) -> None:
        self._book, self._at = book, 0
        self._sheet: Any = None
        self._formats: dict[str, Any] = {}

    def row(self, title: str, cells: Sequence[Any], last: tuple[int, str] = (0, "")) -> None:
        if self._sheet is None:
            self._sheet = self._book.add_worksheet(title)
        for column, cell in enumerate(cells):
            self._cell(column, cell)
        if last[1]:
            self._sheet.write_string(self._at, *last)
        self._at += 1

    def _format(self, code: str) -> Any:
        if code not in self._formats:
            known = code and code != "General"
            made = self._book.add_format({"num_format": code}) if known else None
            self._formats[code] = made
        return self._formats[code]

    def _cell(self, column: int, cell: Any) -> None:
        value, sheet = cell.value, self._sheet
        if value is None:
            return
        style = self._format(str(cell.number_format))
        if isinstance(value, bool):
            sheet.write_boolean(self._at, column, value, style)
        elif isinstance(value, int | float) and math.isfinite(value):
            sheet.write_number(self._at, column, value, style)
        elif isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta):
            sheet.write_datetime(self._at, column, value, style or self._format("yyyy-mm-dd"))
        else:
            # Never a formula: a text stays a text, whatever it begins with.
            sheet.write_string(self._at, column, str(value), style)
