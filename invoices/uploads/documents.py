"""Cuts single invoices out of a received file as they stand in it, by their position.

Positions are those that reading gives: in the order of the file, and of a ZIP file through all its
entries. Where an invoice is not found where it should be, nothing is given in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

from invoices.intake import read
from invoices.intake.archive import MAX_ENTRIES, MAX_UNPACKED_BYTES, is_own
from invoices.intake.package import PackageRefused, opened
from invoices.intake.progress import between
from invoices.intake.result import MAX_FILE_BYTES
from invoices.intake.xml_tags import marks

_NAMES = ("Finvoice", "Invoice", "CreditNote", "CrossIndustryInvoice")
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?\s*(<\?xml[^>]{0,300}\?>)")
_BEGINNING = 1_000
_LONGEST_TAG = 300
_ENVELOPE_END = re.compile(rb"</(?:[A-Za-z_][\w.-]{0,60}:)?Envelope\s*>")
_SPACE = re.compile(r"[ \t\r\n]*")
_UNFIT = re.compile(r"[^\w.-]+")


class NotFound(Exception):
    """The invoices are not where they were when the file was read."""


class Document(NamedTuple):
    """A file's name, the positions of the invoices in it, and its content."""

    name: str
    positions: list[int]
    content: bytes


def documents_of(kind: str, source: BinaryIO, wanted: Mapping[int, str]) -> Iterator[Document]:
    """The documents of the wanted positions, whose numbers, as far as they are known, are
    `wanted`. Raises NotFound."""
    source.seek(0)
    if kind == "zip":
        yield from _entries(source.read(), wanted)
    elif kind == "json":
        yield _json(source.read(), wanted)
    else:
        yield from _xml(source, wanted)


class _Piece(NamedTuple):
    before: int
    begin: int
    end: int


def _xml(source: BinaryIO, wanted: Mapping[int, str]) -> Iterator[Document]:
    start = between(source, 0, _BEGINNING)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NotFound
    declaration = _DECLARATION.match(start)
    first = declaration[1] + b"\n" if declaration else b""
    found = 0
    for position, piece in enumerate(_pieces(source), start=1):
        if position not in wanted:
            continue
        found += 1
        if piece.end - piece.before > MAX_FILE_BYTES:
            raise NotFound
        body = between(source, piece.begin, piece.end)
        number = wanted[position]
        if number.isascii() and number.encode() not in body:
            raise NotFound
        before = between(source, piece.before, piece.begin)
        if _ENVELOPE_END.search(before):
            whole = before.lstrip() + body
        else:
            own = before.rfind(b"<?xml")
            whole = (before[own:].partition(b"?>")[0] + b"?>\n" if own >= 0 else first) + body
        yield Document(_name(position, number, "xml"), [position], whole)
    if found < len(wanted):
        raise NotFound


def _pieces(source: BinaryIO) -> Iterator[_Piece]:
    """Each invoice from its first tag to its last, and where what belongs to it begins."""
    size = source.seek(0, 2)
    done, begin = 0, -1
    for mark in marks(source, 0, *_NAMES):
        at = mark.offset
        if not mark.name:
            if begin >= 0:
                yield _Piece(done, begin, at)
                done, begin = at, -1
        elif not mark.is_end and begin < 0:
            begin = at
        else:
            end = at
            if mark.is_end:
                end += between(source, at, min(at + _LONGEST_TAG, size)).find(b">") + 1 or size
            yield _Piece(done, begin if begin >= 0 else done, end)
            done, begin = end, -1 if mark.is_end else end
    if begin >= 0:
        yield _Piece(done, begin, size)


def _name(position: int, number: str, ending: str) -> str:
    known = _UNFIT.sub("-", number).strip("-.")
    return f"{position:06}-{known}.{ending}" if known else f"{position:06}.{ending}"


def _json(content: bytes, wanted: Mapping[int, str]) -> Document:
    """All of them in one file of our own form, each exactly as it was written."""
    try:
        invoices = _listed(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotFound from error
    if max(wanted) > len(invoices):
        raise NotFound
    chosen = ",\n".join(invoices[position - 1] for position in sorted(wanted))
    return Document("rejected.json", sorted(wanted), f'{{"invoices": [\n{chosen}\n]}}\n'.encode())


def _listed(text: str) -> list[str]:
    """The texts of the invoices. Raises ValueError."""
    at = _pass_space(text, 0)
    if text[at] == "[":
        return list(_members(text, at))
    for key, value in _pairs(text, at):
        if key == "invoices":
            begin = _pass_space(value, 0)
            return list(_members(value, begin))
    return [text.strip()]


_decoder = json.JSONDecoder()


def _pass_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int) -> tuple[str, int]:
    """The text of the value that begins here, and where what follows begins."""
    begin = _pass_space(text, at)
    _found, end = _decoder.raw_decode(text, begin)
    return text[begin:end], _pass_space(text, end)


def _members(text: str, at: int) -> Iterator[str]:
    at = _pass_space(text, at + 1)
    while at < len(text) and text[at] != "]":
        value, at = _value(text, at)
        yield value
        at += text[at : at + 1] == ","


def _pairs(text: str, at: int) -> Iterator[tuple[str, str]]:
    at = _pass_space(text, at + 1)
    while at < len(text) and text[at] != "}":
        key, at = _value(text, at)
        value, at = _value(text, at + 1)
        yield json.loads(key), value
        at = _pass_space(text, at + (text[at : at + 1] == ","))


def _entries(content: bytes, wanted: Mapping[int, str]) -> Iterator[Document]:
    """Whole entries in which an invoice was rejected: what else is in them is known by then."""
    before = found = 0
    try:
        with opened(content, MAX_ENTRIES, MAX_UNPACKED_BYTES, MAX_FILE_BYTES) as package:
            for entry in sorted(package.infolist(), key=lambda each: each.filename):
                if entry.filename.endswith("/") or is_own(entry.filename):
                    continue
                inside = package.read(entry)
                result = read(inside, name=entry.filename)
                count = len(result.items) + bool(result.problems)
                mine = [n for n in range(before + 1, before + count + 1) if n in wanted]
                before += count
                found += len(mine)
                if mine:
                    yield Document(entry.filename, mine, inside)
    except PackageRefused as error:
        raise NotFound from error
    if found < len(wanted):
        raise NotFound
