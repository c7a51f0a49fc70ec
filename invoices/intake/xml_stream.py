"""The invoices of an XML file of any size, one after the other: `xml_split` for what does not fit
in memory.

What lies between two XML declarations is split as a file of its own while it is small. A larger
piece, one wrapper around all invoices, is cut at the invoices' tags. A comment or a CDATA section
hides what is in it up to its end, also where `xml_split` would have doubts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from invoices.intake.progress import BLOCK_BYTES, Progress, Source, between
from invoices.intake.result import MAX_FILE_BYTES
from invoices.intake.values import problem
from invoices.intake.xml_split import (
    Found,
    Receiver,
    Segment,
    declared_encoding,
    masked,
    too_complex,
)
from invoices.intake.xml_tags import Mark, marks

#: Several invoices in more bytes than this are cut at their tags instead of parsed together.
TOGETHER_BYTES = 2_000_000
_NAMESPACE = re.compile(rb"""\bxmlns(?::[\w.-]{1,60})?\s*=\s*(?:"[^"<]{0,300}"|'[^'<]{0,300}')""")


def documents(
    source: Source, start: int, encoding: str, progress: Progress, *names: str, after: int = 0
) -> Iterator[Found]:
    """Every element of one of `names` from an offset on, as `xml_split.documents`; the first
    `after` are left out, most of them without being parsed."""
    splitter = _Splitter(source, progress.size, encoding, names, after)
    segment = _Wide(start)
    for mark in marks(source, start, *names):
        if mark.name:
            yield from splitter.add(segment, mark, progress)
        elif mark.offset > segment.start:
            yield from splitter.close(segment, mark.offset, progress)
            segment = _Wide(mark.offset)
    yield from splitter.close(segment, progress.size, progress)


@dataclass
class _Wide:
    """A segment that is not all in memory: where it starts, the invoice tags seen of it and, once
    it is cut, up to where it has been (`done`) and the start of an invoice that is open."""

    start: int
    tags: list[Mark] = field(default_factory=list)
    is_cut: bool = False
    done: int = 0
    opened: int = -1
    encoding: str = ""
    around: str = ""


class _Splitter:
    def __init__(
        self, source: Source, size: int, encoding: str, names: tuple[str, ...], after: int
    ) -> None:
        self._source, self._size, self._settled, self._names = source, size, encoding, names
        self._left_out = after
        self._line = 1
        self._receiver: Receiver | None = None

    def add(self, segment: _Wide, mark: Mark, progress: Progress) -> Iterator[Found]:
        """Another tag of the segment that is being read."""
        if segment.is_cut:
            yield from self._cut(segment, mark, progress)
            return
        segment.tags.append(mark)
        if len(segment.tags) > 2 and mark.offset - segment.start > TOGETHER_BYTES:
            yield from self._begin_to_cut(segment, progress)

    def close(self, segment: _Wide, end: int, progress: Progress) -> Iterator[Found]:
        """The segment ends there."""
        if not segment.is_cut and end - segment.start > MAX_FILE_BYTES:
            yield from self._begin_to_cut(segment, progress)
        if segment.is_cut:
            if segment.opened >= 0:
                yield from self._piece(segment, end, progress)
            self._pass(segment.done, end)
        elif _is_one(segment.tags) and self._left_out:
            self._leave_out()
            self._pass(segment.start, end)
        elif end > segment.start:
            content = between(self._source, segment.start, end)
            if excess := too_complex(content):
                yield from self._told([Found(problem=excess)])
            else:
                narrow = Segment(content, masked(content), self._settled, self._line, self._names)
                yield from self._told(narrow.documents())
            self._line += content.count(b"\n")
        progress.done_bytes = end

    def _begin_to_cut(self, segment: _Wide, progress: Progress) -> Iterator[Found]:
        first = segment.tags[0].offset if segment.tags else segment.start
        head = between(self._source, segment.start, min(first, segment.start + BLOCK_BYTES))
        segment.encoding = self._settled or declared_encoding(head)
        # What is declared last counts.
        declared = {found[0].partition(b"=")[0].strip(): found[0] for found in _names_in(head)}
        segment.around = b" ".join(declared.values()).decode("ascii", "ignore")
        segment.is_cut, segment.done = True, segment.start
        for mark in segment.tags:
            yield from self._cut(segment, mark, progress)
        segment.tags = []

    def _cut(self, segment: _Wide, mark: Mark, progress: Progress) -> Iterator[Found]:
        if not mark.is_end and segment.opened < 0:
            segment.opened = mark.offset
            return
        end = mark.offset
        if mark.is_end:
            rest = between(self._source, end, min(end + 1000, self._size))
            end += rest.find(b">") + 1 or len(rest)
        yield from self._piece(segment, end, progress)
        segment.opened = -1 if mark.is_end else mark.offset

    def _piece(self, segment: _Wide, end: int, progress: Progress) -> Iterator[Found]:
        """The invoice that ends there, with the envelope before it."""
        begin = segment.opened if segment.opened >= 0 else segment.done
        before = max(segment.done, begin - BLOCK_BYTES)
        self._pass(segment.done, before)
        if self._left_out:
            self._leave_out()
            self._pass(before, end)
        elif end - before > MAX_FILE_BYTES:
            place = f"line {self._line}"
            large = problem("file_too_large", place, end - begin, MAX_FILE_BYTES)
            yield from self._told([Found(problem=large)])
            self._pass(before, end)
        else:
            content = between(self._source, before, end)
            if excess := too_complex(content):
                yield from self._told([Found(problem=excess)])
            else:
                narrow = Segment(
                    content, masked(content), segment.encoding, self._line, self._names,
                    segment.around,
                )  # fmt: skip
                found = narrow.piece(0, begin - before, len(content), self._line)
                yield from self._told(found)
            self._line += content.count(b"\n")
        segment.done = end
        progress.done_bytes = end

    def _told(self, found: Iterator[Found] | list[Found]) -> Iterator[Found]:
        """With the receiver of the envelope before it, which is about one invoice only."""
        for each in found:
            if each.element is None and each.problem is None:
                self._receiver = each.receiver
                continue
            receiver, self._receiver = each.receiver or self._receiver, None
            if self._left_out:
                self._left_out -= 1
            else:
                yield Found(each.element, each.problem, receiver)

    def _leave_out(self) -> None:
        self._left_out -= 1
        self._receiver = None

    def _pass(self, start: int, end: int) -> None:
        """Count the lines of what is not looked at."""
        while start < end:
            step = min(end, start + BLOCK_BYTES)
            self._line += between(self._source, start, step).count(b"\n")
            start = step


def _is_one(tags: list[Mark]) -> bool:
    """Whether the tags can only be those of one invoice."""
    return bool(tags) and [tag.is_end for tag in tags] in ([False], [False, True], [True])


def _names_in(head: bytes) -> Iterator[re.Match[bytes]]:
    return _NAMESPACE.finditer(masked(head))
