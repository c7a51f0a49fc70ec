"""ZIP files of invoice files, each entry read as if it had come alone, in the order of names."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from invoices.document import Problem
from invoices.intake.package import PackageRefused, opened
from invoices.intake.result import MAX_FILE_BYTES, MAX_ITEMS, ReadItem, ReadResult
from invoices.intake.values import problem

MAX_ENTRIES = 1_000
MAX_UNPACKED_BYTES = 100_000_000
#: The list of errors in a package of rejected invoices that we hand out.
ERRORS_NAME = "flashnode-errors.csv"
#: What operating systems add of their own, and we.
_OWN = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini", ERRORS_NAME)

_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError)

Reader = Callable[[bytes, str], ReadResult]


def read_zip(content: bytes, read_one: Reader) -> ReadResult:
    """The items of all entries, numbered through, the entry's name before each place. An entry
    that cannot be read at all is an item of its own, so that each is accounted for."""
    items: list[ReadItem] = []
    try:
        with opened(content, MAX_ENTRIES, MAX_UNPACKED_BYTES, MAX_FILE_BYTES) as package:
            for entry in sorted(package.infolist(), key=lambda each: each.filename):
                if entry.filename.endswith("/") or is_own(entry.filename):
                    continue
                found = _read_entry(package, entry, read_one)
                items += _items(found, entry.filename, len(items))
                if len(items) > MAX_ITEMS:
                    raise PackageRefused(problem("too_many", "", len(items), MAX_ITEMS))
    except PackageRefused as refused:
        return ReadResult("zip", (), (refused.problem,))
    if not items:
        return ReadResult("zip", (), (problem("file_empty"),))
    return ReadResult("zip", tuple(items))


def is_own(name: str) -> bool:
    return name.startswith(_OWN[0]) or name.rpartition("/")[2] in _OWN[1:]


def _read_entry(package: zipfile.ZipFile, entry: zipfile.ZipInfo, read_one: Reader) -> ReadResult:
    try:
        content = package.read(entry)
    except _DAMAGE as error:
        return ReadResult("unknown", (), (problem("zip_broken", "", error),))
    return read_one(content, entry.filename)


def _items(found: ReadResult, name: str, before: int) -> Iterable[ReadItem]:
    whole = ReadItem(0, None, found.problems)
    listed = [*found.items, *([whole] if found.problems else [])]
    for position, item in enumerate(listed, start=before + 1):
        yield replace(
            item,
            position=position,
            problems=_placed(item.problems, name),
            warnings=_placed(item.warnings, name),
        )


def _placed(problems: tuple[Problem, ...], name: str) -> tuple[Problem, ...]:
    return tuple(_at(each, f"{name}: {each.place}" if each.place else name) for each in problems)


def _at(found: Problem, place: str) -> Problem:
    return problem(found.code, place, found.value, found.expected)
