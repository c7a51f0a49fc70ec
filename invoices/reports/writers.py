"""Writes rows of the history as CSV or XLSX, in bounded memory. Knows no database.

A cell of text that a spreadsheet would take for a formula is made text by a leading apostrophe;
numbers stay numbers.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import tempfile
from collections.abc import Callable, Sequence
from typing import IO, Any, Protocol

import xlsxwriter
from django.utils import timezone

#: What begins a formula, or hides one from whoever looks only at the first character.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Excel has 1,048,576 rows on a sheet.
ROWS_ON_A_SHEET = 1_000_000


def harmless(text: str) -> str:
    """The text as a cell that is no formula."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


class Writer(Protocol):
    """Gets rows of values by the kinds of their columns; what it has written is in `out`."""

    out: IO[bytes]

    def head(self, labels: Sequence[str]) -> None: ...

    def row(self, values: Sequence[Any], kinds: Sequence[str]) -> None: ...

    def end(self) -> None: ...


class CsvWriter:
    """`finnish`: as a Finnish Excel opens it (;, decimal comma, dd.mm.yyyy, UTF-8 with BOM);
    else comma, point and ISO 8601."""

    def __init__(self, out: IO[bytes], *, finnish: bool, yes: str, no: str) -> None:
        self.out, self._finnish = out, finnish
        self._words = {True: yes, False: no}
        self._zone = timezone.get_current_timezone()
        self._cells: dict[str, Callable[[Any], str]] = {
            "text": lambda value: harmless(str(value)),
            "number": str,
            "money": self._money,
            "day": self._day,
            "moment": self._moment,
            "yes_no": self._yes_no,
        }
        if finnish:
            out.write(b"\xef\xbb\xbf")
        self._text = io.TextIOWrapper(out, encoding="utf-8", newline="")
        self._csv = csv.writer(self._text, delimiter=";" if finnish else ",", lineterminator="\r\n")

    def head(self, labels: Sequence[str]) -> None:
        self._csv.writerow([harmless(label) for label in labels])

    def row(self, values: Sequence[Any], kinds: Sequence[str]) -> None:
        cells = [self._cells[kind] for kind in kinds]
        self._csv.writerow(
            ["" if v is None else cell(v) for v, cell in zip(values, cells, strict=True)]
        )

    def end(self) -> None:
        self._text.flush()
        self._text.detach()

    def _money(self, value: Any) -> str:
        shown = f"{value:.2f}"
        return shown.replace(".", ",") if self._finnish else shown

    def _day(self, value: dt.date) -> str:
        if self._finnish:
            # Faster than by a format of dates, of which there are millions.
            return f"{value.day:02}.{value.month:02}.{value.year:04}"
        return value.isoformat()

    def _moment(self, value: dt.datetime) -> str:
        local = value.astimezone(self._zone)
        if self._finnish:
            return f"{self._day(local)} {local.hour:02}:{local.minute:02}:{local.second:02}"
        return local.isoformat(timespec="seconds")

    def _yes_no(self, value: Any) -> str:
        return self._words[bool(value)]


class XlsxWriter:
    """XlsxWriter in its constant-memory mode: finished rows go to a temporary file at once."""

    def __init__(self, out: IO[bytes], *, yes: str, no: str) -> None:
        self.out = out
        self._words = {True: yes, False: no}
        self._folder = tempfile.TemporaryDirectory(prefix="flashnode-xlsx-")
        self._book = xlsxwriter.Workbook(
            out, {"constant_memory": True, "tmpdir": self._folder.name}
        )
        self._bold = self._book.add_format({"bold": True})
        self._formats = {
            "money": self._book.add_format({"num_format": "#,##0.00"}),
            "day": self._book.add_format({"num_format": "dd.mm.yyyy"}),
            "moment": self._book.add_format({"num_format": "dd.mm.yyyy hh:mm:ss"}),
        }
        self._labels: Sequence[str] = ()
        self._at = ROWS_ON_A_SHEET + 1

    def head(self, labels: Sequence[str]) -> None:
        self._labels = labels

    def row(self, values: Sequence[Any], kinds: Sequence[str]) -> None:
        if self._at > ROWS_ON_A_SHEET:
            self._begin_sheet(kinds)
        for column, (value, kind) in enumerate(zip(values, kinds, strict=True)):
            self._cell(column, value, kind)
        self._at += 1

    def end(self) -> None:
        if self._at > ROWS_ON_A_SHEET and not self._book.worksheets():
            self._begin_sheet(["text"] * len(self._labels))
        self._book.close()
        self._folder.cleanup()

    def _begin_sheet(self, kinds: Sequence[str]) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        # A row of control that begins a sheet has fewer cells than there are columns.
        columns = itertools.zip_longest(self._labels, kinds[: len(self._labels)], fillvalue="text")
        for column, (label, kind) in enumerate(columns):
            self._sheet.set_column(column, column, 20 if kind in ("moment", "text") else 14)
            self._sheet.write_string(0, column, label, self._bold)
        self._at = 1

    def _cell(self, column: int, value: Any, kind: str) -> None:
        if value is None or value == "":
            return
        if kind in ("money", "number"):
            # A spreadsheet's numbers are floats: exact to the cent below 90 million million.
            self._sheet.write_number(self._at, column, float(value), self._formats.get(kind))
        elif kind in ("day", "moment"):
            self._sheet.write_datetime(self._at, column, _plain(value), self._formats[kind])
        elif kind == "yes_no":
            self._sheet.write_string(self._at, column, self._words[bool(value)])
        else:
            # A string cell is never a formula; saved as CSV it would be one.
            self._sheet.write_string(self._at, column, harmless(str(value)))


def _plain(value: dt.date | dt.datetime) -> dt.datetime:
    """Excel knows no time zones: the clock on the wall here."""
    if isinstance(value, dt.datetime):
        return timezone.localtime(value).replace(tzinfo=None)
    return dt.datetime.combine(value, dt.time.min)
