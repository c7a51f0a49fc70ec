"""The text of a file of any size, line by line, and files in encodings of two or four bytes as
UTF-8."""

from __future__ import annotations

import codecs
import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any

from invoices.intake.progress import Source, blocks
from invoices.intake.table.csv_form import MAX_ROW_CHARS


class TextLines:
    """The lines from an offset on, with their ends, each time it is iterated. A line longer than
    any row may be comes in parts. `position` is the offset up to which bytes were taken."""

    def __init__(self, source: Source, start: int, encoding: str) -> None:
        self._source, self._start, self._encoding = source, start, encoding
        self.position = start

    def __iter__(self) -> Iterator[str]:
        raw = io.BufferedReader(_From(self, self._source, self._start), 1 << 18)
        text = io.TextIOWrapper(raw, encoding=self._encoding, newline="")
        while line := text.readline(MAX_ROW_CHARS + 1):
            yield line

    def beginning(self, characters: int) -> str:
        raw = io.BufferedReader(_From(self, self._source, self._start), 1 << 18)
        return io.TextIOWrapper(raw, encoding=self._encoding, newline="").read(characters)


class _From(io.RawIOBase):
    """The source from an offset on, whoever else reads it meanwhile."""

    def __init__(self, lines: TextLines, source: Source, start: int) -> None:
        self._lines, self._source, self._at = lines, source, start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._source.seek(self._at)
        part = self._source.read(len(buffer))
        buffer[: len(part)] = part
        self._at += len(part)
        self._lines.position = self._at
        return len(part)


def encoding_of(source: Source, start: int) -> str | None:
    """UTF-8, else Windows-1252; None when it is neither, or holds what no text does. As
    `table.csv_form.decoded`."""
    for encoding in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            for block in blocks(source, start):
                if b"\x00" in block:
                    return None
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    return None


def as_utf8(source: Source, encoding: str, kept: ExitStack) -> IO[bytes]:
    """A temporary file, closed with `kept`, with the text in UTF-8, without its mark. Raises
    UnicodeDecodeError."""
    plain = kept.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - `kept` closes it
    decoder = codecs.getincrementaldecoder(encoding)()
    for block in blocks(source):
        plain.write(decoder.decode(block).encode("utf-8", "replace"))
    plain.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))
    return plain
