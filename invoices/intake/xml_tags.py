"""Where invoices begin and end in a file of any size: its tags, in one pass and a few blocks of
memory. Comments and CDATA sections hide what is in them, as in `xml_split.masked`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from invoices.intake.progress import BLOCK_BYTES, Source

#: The longest beginning of a tag, declaration or mark that is looked at.
_LONGEST = 256
#: A comment that is longer is read a second time if it turns out to be none.
_KEPT_BYTES = 4 * BLOCK_BYTES
#: Each is read twice.
_MOST_FALSE = 100_000


class Mark(NamedTuple):
    """A tag of an invoice, or with `name` "" an XML declaration, and its offset in the file."""

    offset: int
    name: bytes
    is_end: bool


def marks(source: Source, start: int, *names: str) -> Iterator[Mark]:
    """Every XML declaration, and every tag of one of `names`, from an offset on."""
    return _Scanner(source, start, names).marks()


class _Scanner:
    """The bytes of `_buffer` begin at offset `_base`; what is before `_at` is done with."""

    def __init__(self, source: Source, start: int, names: tuple[str, ...]) -> None:
        self._source, self._names = source, "|".join(names).encode("ascii")
        self._false_comments = 0
        self._buffer, self._base, self._at, self._is_all = b"", start, 0, False
        self._look_for(comments=True, sections=True)

    def _look_for(self, *, comments: bool, sections: bool) -> None:
        """What can hide nothing any more is not looked for."""
        self._comments, self._sections = comments, sections
        never = rb"(?!)"
        self._pattern = re.compile(
            rb"<(?:(%s)|(%s)|(\?xml\s)|(/?)(?:[A-Za-z_][\w.-]{0,60}:)?(%s)(?=[\s>/]))"
            % (
                rb"!--" if comments else never,
                rb"!\[CDATA\[" if sections else never,
                self._names,
            )
        )

    def marks(self) -> Iterator[Mark]:
        while True:
            # Of what stands at the end of a block the rest is not here yet.
            limit = len(self._buffer) - (0 if self._is_all else _LONGEST)
            found = self._pattern.search(self._buffer, self._at)
            if found is None or found.start() >= limit:
                self._at = max(self._at, limit)
                if self._is_all:
                    return
                self._read_on(self._at)
                continue
            self._at = found.end()
            offset = self._base + found.start()
            if found[1]:
                if not self._pass_comment(found.start()):
                    self._look_for(comments=False, sections=self._sections)
            elif found[2]:
                if not self._pass_section(found.start()):
                    self._look_for(comments=self._comments, sections=False)
            else:
                yield Mark(offset, found[5] or b"", found[4] == b"/")

    def _pass_comment(self, start: int) -> bool:
        """Go behind a comment. "--" cannot stand inside one, so what has it is none. False when
        it is never closed: then it hides nothing, and no other one can be closed either. The same
        once so many were none that the file is not to be believed."""
        begin = self._base + start
        end = self._find(b"--", 3)
        is_comment = end >= 0 and self._buffer[end + 2 : end + 3] == b">"
        if is_comment:
            self._at = end + 3
        else:
            self._false_comments += 1
            self._jump_to(begin + 4)
        return end >= 0 and self._false_comments < _MOST_FALSE

    def _pass_section(self, start: int) -> bool:
        begin = self._base + start
        end = self._find(b"]]>", 3)
        if end < 0:
            self._jump_to(begin + 9)
        else:
            self._at = end + 3
        return end >= 0

    def _find(self, wanted: bytes, needed: int) -> int:
        """Where `wanted` stands from `_at` on, with as many bytes as needed; -1: nowhere."""
        begin, searched = self._base + self._at, self._at
        while True:
            end = self._buffer.find(wanted, searched)
            if end >= 0 and (self._is_all or end + needed <= len(self._buffer)):
                return end
            if self._is_all:
                return -1
            searched = end if end >= 0 else max(searched, len(self._buffer) - len(wanted) + 1)
            before = self._base
            is_long = self._base + searched - begin > _KEPT_BYTES
            self._read_on(searched if is_long else min(searched, begin - self._base))
            searched -= self._base - before

    def _read_on(self, keep_from: int) -> None:
        keep_from = max(keep_from, 0)
        # Whoever takes the marks reads the same source in between.
        self._source.seek(self._base + len(self._buffer))
        block = self._source.read(BLOCK_BYTES)
        self._buffer = self._buffer[keep_from:] + block
        self._base += keep_from
        self._at = max(self._at - keep_from, 0)
        self._is_all = not block

    def _jump_to(self, offset: int) -> None:
        if self._base <= offset <= self._base + len(self._buffer):
            self._at = offset - self._base
        else:
            self._buffer, self._base, self._at, self._is_all = b"", offset, 0, False
