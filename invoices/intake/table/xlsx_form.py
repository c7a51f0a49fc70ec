"""XLSX workbooks, read cell by cell: formulas as the values Excel kept, dates and percentages by
their cell's format. The package is looked through before it is opened."""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from decimal import Decimal
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from invoices.intake.columns import ColumnMapping
from invoices.intake.package import PackageRefused, opened, unchecked
from invoices.intake.result import ReadResult
from invoices.intake.table.invoices import read_sheets
from invoices.intake.table.sheet import (
    MAX_CELL_CHARS,
    MAX_COLUMNS,
    MAX_TABLE_ROWS,
    TableRefused,
    sheet_of,
)
from invoices.intake.table.styles import Cell
from invoices.intake.values import problem

_WORKBOOK = "xl/workbook.xml"
#: Unpacked: a sheet is read as a stream, but the texts of all cells are held at once.
_MOST_UNPACKED = 150_000_000
_MOST_TEXTS = 30_000_000
_MOST_PARTS = 2_000
_MOST_SHEETS = 50
#: Of one sheet, with the empty ones.
_MOST_ROWS = 4 * MAX_TABLE_ROWS
_MOST_CELLS = 3_000_000
_CHUNK = 1 << 20
#: A percent sign in these is shown and multiplies nothing.
_LITERAL = re.compile(r'"[^"]*"|\\.')
Numbered = tuple[int, Sequence[Cell]]

#: What openpyxl raises for a damaged workbook: it checks little and trusts the rest. Both XML
#: parsers it uses raise kinds of SyntaxError.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, InvalidFileException, SyntaxError, LookupError, ValueError,
    TypeError, AttributeError, OSError, EOFError, NotImplementedError, ArithmeticError,
    RecursionError, AssertionError,
)  # fmt: skip


def is_xlsx(content: bytes) -> bool:
    """Whether the ZIP package is a workbook."""
    try:
        with unchecked(content) as package:
            return _WORKBOOK in package.NameToInfo
    except PackageRefused:
        return False


def read_xlsx(content: bytes, mapping: ColumnMapping) -> ReadResult:
    """Every invoice of the workbook's visible sheets."""
    try:
        _look_through(content)
        rows = _sheets(content)
    except (PackageRefused, TableRefused) as refused:
        return ReadResult("xlsx", (), (refused.problem,))
    found = [one for title, each in rows if (one := sheet_of(title, each, mapping)) is not None]
    if not found:
        return ReadResult("xlsx", (), (problem("table_empty"),))
    return read_sheets("xlsx", found, mapping)


def _look_through(content: bytes) -> None:
    """Refuse what would fill the memory, and XML that declares entities."""
    with opened(content, _MOST_PARTS, _MOST_UNPACKED, _MOST_UNPACKED) as package:
        for part in package.infolist():
            name = part.filename.casefold()
            if name.endswith("sharedstrings.xml") and part.file_size > _MOST_TEXTS:
                raise PackageRefused(problem("zip_too_large", part.filename, "", _MOST_TEXTS))
            if name.endswith((".xml", ".rels", ".vml")):
                _check_part(package, part)


def _check_part(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Only the beginning can declare a document type; UTF-16 would hide it."""
    try:
        with package.open(part) as stream:
            start = stream.read(_CHUNK)
    except _DAMAGE as error:
        raise TableRefused(problem("table_broken", part.filename, error)) from error
    if b"<!DOCTYPE" in start or b"<!ENTITY" in start or b"\x00" in start[:200]:
        raise TableRefused(problem("xml_forbidden", part.filename, "<!DOCTYPE"))


def _sheets(content: bytes) -> list[tuple[str, list[Numbered]]]:
    """The rows of every visible sheet."""
    try:
        # It warns and prints of styles and extensions that it leaves out; they hold no values.
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return _opened(content)
    except _DAMAGE as error:
        raise TableRefused(problem("table_broken", "", type(error).__name__)) from error


def _opened(content: bytes) -> list[tuple[str, list[Numbered]]]:
    stream = io.BytesIO(content)
    book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if len(sheets) > _MOST_SHEETS:
            raise TableRefused(problem("too_many", "", len(sheets), _MOST_SHEETS))
        return [(sheet.title, list(_rows(sheet))) for sheet in sheets]
    finally:
        book.close()


def _rows(sheet: Any) -> Iterator[Numbered]:
    """Each row with its number. Rows and cells left empty are counted too: a single cell in the
    last corner stands for thousands of millions."""
    # What the sheet says of its own size is often wrong.
    sheet.reset_dimensions()
    cells_seen = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        cells_seen += len(cells)
        if number > _MOST_ROWS or cells_seen > _MOST_CELLS:
            place = f"{sheet.title} row {number}"
            raise TableRefused(problem("too_many", place, cells_seen, _MOST_CELLS))
        values = [_value(cell, sheet.title, number) for cell in cells]
        while values and values[-1] == "":
            values.pop()
        if len(values) > MAX_COLUMNS:
            place = f"{sheet.title} row {number}"
            raise TableRefused(problem("too_many", place, len(values), MAX_COLUMNS))
        if values:
            yield number, values


def _value(cell: Any, title: str, number: int) -> Cell:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        figure = _figure(value)
        is_percent = "%" in _LITERAL.sub("", str(cell.number_format))
        return figure * 100 if is_percent and isinstance(figure, Decimal) else figure
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    text = str(value)
    if len(text) > MAX_CELL_CHARS:
        place = f"{title} row {number}"
        raise TableRefused(problem("cell_too_long", place, "", MAX_CELL_CHARS))
    return text


def _figure(value: float) -> Cell:
    """A workbook keeps fifteen digits; the rest of a float is noise."""
    if isinstance(value, float):
        if value != value or abs(value) >= 1e15:
            return str(value)
        return Decimal(f"{value:.15g}")
    return Decimal(value) if abs(value) < 10**30 else str(value)
