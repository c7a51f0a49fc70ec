"""ZIP packages, opened only when what they unpack to fits."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from invoices.document import Problem
from invoices.intake.values import problem

#: Honest text packs to a hundredth at most when it is long.
MOST_RATIO = 200
_SMALL = 1_000_000
_ENCRYPTED = 0x1
_MOST_LISTED = 20_000


class PackageRefused(Exception):
    """The package is not opened; carries the problem."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.code)
        self.problem = found


def unchecked(content: bytes) -> zipfile.ZipFile:
    """The package with its directory read and nothing of it looked at.

    Raises PackageRefused: `zip_broken`, or `too_many` before a directory is read that would fill
    the memory.
    """
    listed = content.count(b"PK\x01\x02")
    if listed > _MOST_LISTED:
        raise PackageRefused(problem("too_many", "", listed, _MOST_LISTED))
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise PackageRefused(problem("zip_broken", "", error)) from error


@contextmanager
def opened(
    content: bytes, most_entries: int, most_bytes: int, most_each: int
) -> Iterator[zipfile.ZipFile]:
    """The package. Its directory's sizes hold: `zipfile` never unpacks more than they say.

    Raises PackageRefused: `zip_broken`, `zip_encrypted`, `zip_too_large` or `too_many`.
    """
    with unchecked(content) as package:
        entries = package.infolist()
        if len(entries) > most_entries:
            raise PackageRefused(problem("too_many", "", len(entries), most_entries))
        if sum(entry.file_size for entry in entries) > most_bytes:
            raise PackageRefused(problem("zip_too_large", "", "", most_bytes))
        for entry in entries:
            _check(entry, most_each)
        yield package


def _check(entry: zipfile.ZipInfo, most_each: int) -> None:
    packed = max(entry.compress_size, 1)
    bomb = entry.file_size > _SMALL and entry.file_size / packed > MOST_RATIO
    if entry.file_size > most_each or bomb:
        raise PackageRefused(problem("zip_too_large", entry.filename, entry.file_size, most_each))
    if entry.flag_bits & _ENCRYPTED:
        raise PackageRefused(problem("zip_encrypted", entry.filename))
