"""A file of any size, read piece by piece in bounded memory: the invoices one after the other,
and on the way how far it is. What `whole.read` accepts is read with the same results."""

from __future__ import annotations

import codecs
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from invoices.document import Problem
from invoices.intake import xml_split, xml_stream
from invoices.intake.columns import Column, ColumnMapping
from invoices.intake.en16931 import SYNTAXES, read_invoice, syntax_of
from invoices.intake.finvoice import read_finvoice
from invoices.intake.lines import TextLines, as_utf8, encoding_of
from invoices.intake.progress import BLOCK_BYTES, Progress, Source, between, blocks
from invoices.intake.result import (
    MAX_FILE_BYTES,
    MAX_STREAMED_ITEMS,
    MAX_UPLOAD_BYTES,
    ReadItem,
    ReadResult,
)
from invoices.intake.table.csv_form import SAMPLE_CHARS, looks_like_csv, separator_of
from invoices.intake.table.csv_stream import CsvTable
from invoices.intake.values import problem
from invoices.intake.whole import has_package_mark, read, root_of
from invoices.intake.xml_split import Found, masked, mentions, too_complex
from invoices.intake.xml_tags import marks

#: Up to this size XML is looked at as a whole, which tells more of damaged files.
WHOLE_BYTES = MAX_FILE_BYTES
_Items = Callable[[Progress, int], Iterator[ReadItem]]
_ReadOne = Callable[[int, Found], ReadItem]


@dataclass
class _Opened:
    """What is known before the first invoice; `items` reads them."""

    format: str
    items: _Items
    columns: tuple[Column, ...] = ()


class Reading:
    """The invoices of a file, in order, as they are asked for; to be iterated once.

    `format` is one of FORMATS, `columns` a table's with what each is read as; both are known at
    once. `problems` are about the file as a whole and complete when the iteration has ended.
    `done_bytes` of `size` are behind the invoice read last.
    """

    def __init__(self, opened: _Opened, progress: Progress, after: int) -> None:
        self.format, self.columns = opened.format, opened.columns
        self._progress = progress
        self._items = opened.items(progress, after)
        weakref.finalize(self, progress.kept.close)

    def __iter__(self) -> Iterator[ReadItem]:
        yield from self._items

    @property
    def size(self) -> int:
        return self._progress.size

    @property
    def done_bytes(self) -> int:
        return min(self._progress.done_bytes, self.size)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self._progress.problems)


def reading(
    source: Source, *, name: str = "", mapping: ColumnMapping | None = None, after: int = 0
) -> Reading:
    """Read `source`, which is seekable and of bytes, from its beginning; it has to stay open, and
    nobody else may move in it while an invoice is being read.

    Never raises for what is in it; time grows with its size and memory does not. `name` is used
    for the words of a problem, `mapping` says what the columns of a table are. The first `after`
    invoices are left out: for going on where somebody else stopped.
    """
    size = source.seek(0, 2)
    progress = Progress(size)
    try:
        opened = _open(source, progress, name, mapping or ColumnMapping())
    except _Refused as refused:
        progress.problems.append(refused.problem)
        opened = _Opened(refused.format, _nothing)
    return Reading(opened, progress, after)


class _Refused(Exception):
    def __init__(self, found: Problem, file_format: str = "unknown") -> None:
        super().__init__(found.code)
        self.problem, self.format = found, file_format


def _nothing(progress: Progress, after: int) -> Iterator[ReadItem]:
    return iter(())


def _open(source: Source, progress: Progress, name: str, mapping: ColumnMapping) -> _Opened:
    if progress.size > MAX_UPLOAD_BYTES:
        raise _Refused(problem("file_too_large", "", progress.size, MAX_UPLOAD_BYTES))
    head = between(source, 0, min(progress.size, 4))
    if has_package_mark(head):
        return _at_once(source, progress, name, mapping)
    plain, start, encoding = _plain(source, head, progress)
    first, at = _first_byte(plain, start)
    if not first:
        raise _Refused(problem("file_empty", "", name))
    if first in (b"{", b"["):
        return _at_once(source, progress, name, mapping)
    end = plain.seek(0, 2)
    found = _xml(plain, start, end, encoding)
    if found is not None:
        return found
    lines = _table_lines(plain, start) if first != b"<" else None
    if lines is not None:
        return _csv(lines, progress, mapping)
    beginning = between(plain, at, min(at + BLOCK_BYTES, end))
    raise _Refused(problem("format_unknown", "", root_of(beginning) or name))


def _at_once(source: Source, progress: Progress, name: str, mapping: ColumnMapping) -> _Opened:
    """Formats that are read as a whole or not at all."""
    if progress.size > MAX_FILE_BYTES:
        raise _Refused(problem("file_too_large", "", progress.size, MAX_FILE_BYTES))
    result = read(between(source, 0, progress.size), name=name, mapping=mapping)
    progress.problems += result.problems
    return _Opened(result.format, lambda *told: _read_already(result, *told), result.columns)


def _read_already(result: ReadResult, progress: Progress, after: int) -> Iterator[ReadItem]:
    count = len(result.items)
    for item in result.items[after:]:
        progress.done_bytes = progress.size * item.position // count
        yield item
    progress.done_bytes = progress.size


def _plain(source: Source, head: bytes, progress: Progress) -> tuple[Source, int, str]:
    """The source in an encoding whose markup is ASCII, the offset behind its mark, and the
    encoding when it is settled. As `xml_split.as_ascii_compatible`."""
    for mark, encoding in xml_split.BOMS:
        if head.startswith(mark):
            try:
                plain = as_utf8(source, encoding, progress.kept)
            except UnicodeDecodeError:
                raise _Refused(problem("encoding_wrong", "", encoding)) from None
            is_marked = between(plain, 0, 3) == codecs.BOM_UTF8
            return plain, 3 if is_marked else 0, "utf-8"
    return source, 3 if head.startswith(codecs.BOM_UTF8) else 0, ""


def _first_byte(source: Source, start: int) -> tuple[bytes, int]:
    """The first byte that is no space, and its offset."""
    for block in blocks(source, start):
        left = block.lstrip()
        if left:
            return left[:1], start + len(block) - len(left)
        start += len(block)
    return b"", start


def _xml(source: Source, start: int, end: int, encoding: str) -> _Opened | None:
    if end - start <= WHOLE_BYTES:
        content = between(source, start, end)
        if not too_complex(content):
            return _whole_xml(content, encoding)
    return _wide_xml(source, start, end, encoding)


def _whole_xml(content: bytes, encoding: str) -> _Opened | None:
    kind = _kind_of(masked(content))
    if kind is None:
        return None

    def items(progress: Progress, after: int) -> Iterator[ReadItem]:
        found = xml_split.documents(content, encoding, *kind.names)
        count = max(1, len(xml_split.openings(content, *kind.names)))
        for position, one in enumerate(found, start=1):
            progress.done_bytes = progress.size * min(position, count) // count
            if position > after:
                yield kind.read(position, one)
        progress.done_bytes = progress.size

    return _Opened(kind.format, items)


def _wide_xml(source: Source, start: int, end: int, encoding: str) -> _Opened | None:
    kind = _kind_in(source, start, end)
    if kind is None:
        return None

    def items(progress: Progress, after: int) -> Iterator[ReadItem]:
        # Offsets are of the source as it is read, which UTF-16 is not.
        inner = Progress(end)
        found = xml_stream.documents(source, start, encoding, inner, *kind.names, after=after)
        for position, one in enumerate(found, start=after + 1):
            progress.done_bytes = progress.size * inner.done_bytes // max(end, 1)
            if position > MAX_STREAMED_ITEMS:
                progress.problems.append(problem("too_many", "", "", MAX_STREAMED_ITEMS))
                return
            yield kind.read(position, one)
        progress.done_bytes = progress.size

    return _Opened(kind.format, items)


@dataclass(frozen=True)
class _Kind:
    format: str
    names: tuple[str, ...]
    read: _ReadOne


def _kind_of(markup: bytes) -> _Kind | None:
    if mentions(markup, "Finvoice"):
        return _FINVOICE
    syntax = syntax_of(markup)
    return _EN16931[syntax.format] if syntax else None


_FINVOICE = _Kind("finvoice", ("Finvoice",), read_finvoice)
_EN16931 = {
    syntax.format: _Kind(syntax.format, syntax.roots, partial(read_invoice, syntax=syntax))
    for syntax in SYNTAXES
}


def _kind_in(source: Source, start: int, end: int) -> _Kind | None:
    """What the first invoice of a large file is written in: a Finvoice, or one whose namespace
    stands not far before or behind its tag."""
    roots = {root.encode(): syntax for syntax in SYNTAXES for root in syntax.roots}
    refused: set[bytes] = set()
    for mark in marks(source, start, "Finvoice", *(root.decode() for root in roots)):
        if mark.name == b"Finvoice":
            return _FINVOICE
        if mark.name not in roots or mark.name in refused:
            continue
        window = max(start, mark.offset - BLOCK_BYTES), min(end, mark.offset + BLOCK_BYTES)
        found = syntax_of(masked(between(source, *window)))
        if found is not None:
            return _EN16931[found.format]
        refused.add(mark.name)
    return None


def _table_lines(source: Source, start: int) -> TextLines | None:
    """The lines of a file that looks like a table."""
    encoding = encoding_of(source, start)
    if encoding is None:
        return None
    lines = TextLines(source, start, encoding)
    return lines if looks_like_csv(lines.beginning(SAMPLE_CHARS + 1)) else None


def _csv(lines: TextLines, progress: Progress, mapping: ColumnMapping) -> _Opened:
    separator = separator_of(lines.beginning(SAMPLE_CHARS + 1), mapping)
    table = CsvTable(lines, separator, mapping)
    progress.kept.callback(table.close)
    table.look_through(progress)

    def items(inner: Progress, after: int) -> Iterator[ReadItem]:
        yield from table.items(inner, after)
        inner.done_bytes = inner.size

    return _Opened("csv", items, table.columns)
