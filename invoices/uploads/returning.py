"""Hands the rejected invoices of a received file back, to be put right and uploaded again.

Of a table the file itself: its columns, separator, encoding, sheets and formats, with the rows of
rejected invoices only and one more column that says what is wrong. Of anything else a ZIP file: the
rejected documents as they were, and a list of the errors that intake passes over when the ZIP file
is uploaded as it is. Whatever comes back twice is a duplicate, so nothing is taken in twice.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, BinaryIO

from django.utils.translation import gettext as _

from invoices import problems
from invoices.document import Problem
from invoices.enums import ItemOutcome
from invoices.intake import reading
from invoices.intake.archive import ERRORS_NAME
from invoices.models import ReceivedFile, ReceivedItem
from invoices.reports.writers import harmless
from invoices.uploads import layouts, tables
from invoices.uploads.documents import NotFound, documents_of

_ROW = re.compile(r"(?:(?P<sheet>.*) )?row (?P<number>\d+)(?:, (?P<heading>.+))?", re.DOTALL)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class NothingRejected(Exception):
    """There is nothing to hand back."""


@dataclass(frozen=True)
class Returned:
    """A file to download."""

    name: str
    content_type: str


@dataclass
class _Errors:
    """What is wrong, by invoice number and, for rows without one, by row."""

    items: dict[str, list[ReceivedItem]] = field(default_factory=dict)
    rows: dict[tuple[str, int], list[Problem]] = field(default_factory=dict)
    unnumbered: set[tuple[str, int]] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, items: Iterable[ReceivedItem]) -> _Errors:
        found = cls()
        for item in items:
            if item.number:
                found.items.setdefault(item.number, []).append(item)
            for stored in item.problems:
                problem = Problem.from_json(stored)
                if place := _ROW.fullmatch(problem.place):
                    row = (place["sheet"] or "", int(place["number"]))
                    found.rows.setdefault(row, []).append(problem)
                    if not item.number:
                        found.unnumbered.add(row)
        return found

    def choose(self, number: str, row: tables.Row) -> str | None:
        """What stands beside the row; None when its invoice was not rejected. What is about no row
        in particular stands at the invoice's first."""
        at = (row.sheet, row.number)
        items = self.items.get(number[:40]) if number else None
        if not items and at not in self.unnumbered:
            return None
        found = list(self.rows.get(at, ()))
        if items and number not in self.told:
            self.told.add(number)
            found += [
                problem
                for item in items
                for problem in map(Problem.from_json, item.problems)
                if not _ROW.fullmatch(problem.place)
            ]
        return " | ".join(dict.fromkeys(map(_told, found)))


def _told(problem: Problem) -> str:
    """The problem in words, without the number of a row, which is another in this file."""
    place = _ROW.fullmatch(problem.place)
    where = (place["heading"] or "") if place else problem.place
    words = problems.words_for(problem)
    return f"{where}: {words.cause} {words.remedy}" if where else f"{words.cause} {words.remedy}"


def heading() -> str:
    """Of the column that says what is wrong."""
    return layouts.OURS + _("errors")


def hand_back(received: ReceivedFile, source: BinaryIO, out: IO[bytes]) -> Returned:
    """Write to `out` what was rejected of `received`, whose content is `source`. Raises
    NothingRejected."""
    items = received.items.filter(outcome=ItemOutcome.REJECTED).order_by("position")
    if not items.exists():
        raise NothingRejected
    stem, _dot, ending = received.name.rpartition(".")
    stem = f"{stem or ending}-{_('rejected')}"
    if received.format in tables.FORMATS:
        try:
            _hand_back_table(received, items, source, out)
        except tables.NotATable:
            out.seek(0)
            out.truncate()
        else:
            kind = _XLSX if received.format == "xlsx" else "text/csv"
            return Returned(f"{stem}.{received.format}", kind)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        _hand_back_documents(received, items, source, package)
    return Returned(f"{stem}.zip", "application/zip")


def _hand_back_table(
    received: ReceivedFile, items: Iterable[ReceivedItem], source: BinaryIO, out: IO[bytes]
) -> None:
    columns = _columns(received, source)
    numbers = {sheet: name for sheet, name, what in columns if what == "number"}
    errors = _Errors.of(items)

    def choose(row: tables.Row) -> str | None:
        heading = numbers.get(row.sheet)
        return errors.choose(row.text(heading), row) if heading else None

    headings = [(sheet, name) for sheet, name, _field in columns]
    if not tables.copy(source, received.format, headings, choose, out, errors=heading()):
        raise tables.NotATable


def _columns(received: ReceivedFile, source: BinaryIO) -> list[tuple[str, str, str]]:
    """(sheet, heading, field) of the table's columns, as they were read when it was taken in."""
    staged = received.staged.defer("sample").first()
    if staged is not None and staged.columns:
        return [(sheet, name, what) for name, what, sheet in staged.columns]
    found = reading(source, name=received.name)
    return [(each.sheet, each.heading, each.field) for each in found.columns]


def _hand_back_documents(
    received: ReceivedFile,
    items: Iterable[ReceivedItem],
    source: BinaryIO,
    package: zipfile.ZipFile,
) -> None:
    listed = io.StringIO(newline="")
    lines = csv.writer(listed, delimiter=";", lineterminator="\r\n")
    words = (_("File"), _("Invoice number"), _("Place"), _("What is wrong"), _("What to do"))
    lines.writerow(words)
    places: dict[int, str] = {}
    wanted = {item.position: item.number for item in items}
    try:
        for name, positions, content in documents_of(received.format, source, wanted):
            package.writestr(name, content)
            places |= dict.fromkeys(positions, name)
    except NotFound:
        # The list alone says which invoices of the file are meant.
        pass
    for row in _lines(items, places):
        lines.writerow([harmless(cell) for cell in row])
    package.writestr(ERRORS_NAME, b"\xef\xbb\xbf" + listed.getvalue().encode())


def _lines(items: Iterable[ReceivedItem], places: dict[int, str]) -> Iterator[list[str]]:
    for item in items:
        for stored in item.problems:
            problem = Problem.from_json(stored)
            words = problems.words_for(problem)
            name = places.get(item.position, "")
            texts = (name, item.number, problem.place, words.cause, words.remedy)
            yield [str(text) for text in texts]
