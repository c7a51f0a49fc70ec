"""From bytes to the elements of invoices, one by one, so that a broken one never takes the others
along. Which elements those are is the format's to say: Finvoice, or Invoice and CreditNote.

A file may be one XML document, invoices under any wrapper, or a SOAP envelope and a document one
after another, many times over, each with its own encoding. Entities, DTDs and the network stay off.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from lxml import etree

from invoices.document import Problem
from invoices.intake.values import problem

#: An XML document of more tags than this is refused: the tree would not fit in memory.
MAX_TAGS = 1_500_000
#: An invoice has one, and its envelope another.
MAX_DECLARATIONS = 30_000

_DECLARATION = re.compile(rb"<\?xml[\s]")
_DECLARED_ENCODING = re.compile(
    rb"<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']"
)
_ENVELOPE_END = re.compile(rb"</(?:[A-Za-z_][\w.-]{0,60}:)?Envelope\s*>")
_ENVELOPE_START = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,60}:)?Envelope(?=[\s>/])")
_WITHOUT_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_LINES = re.compile(r",? line \d+(?:, column \d+)?")
_ENCODINGS = {
    "utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "iso8859-4", "iso8859-10", "cp1257",
}  # fmt: skip
#: Byte order marks, and what UTF-16 begins with when it has none.
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)


@dataclass(frozen=True)
class Receiver:
    """The buyer's e-invoice address as a SOAP envelope gives it."""

    address: str = ""
    operator: str = ""


@dataclass(frozen=True)
class Found:
    """One invoice of the file: its element without namespaces, or why there is none."""

    element: etree._Element | None = None
    problem: Problem | None = None
    receiver: Receiver | None = None


class Unparsable(Exception):
    """A piece of the file that cannot be read as XML; carries the problem and the piece's line."""

    def __init__(self, found: Problem, line: int = 1) -> None:
        super().__init__(found.code)
        self.problem = found
        self.line = line


def as_ascii_compatible(content: bytes) -> tuple[bytes, str]:
    """`content` in an encoding whose markup is ASCII, and the encoding when it is settled.

    UTF-16 and UTF-32 come back as UTF-8. Raises Unparsable when they are damaged.
    """
    for mark, encoding in BOMS:
        if content.startswith(mark):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError as error:
                raise Unparsable(problem("encoding_wrong", "", encoding)) from error
            return text.removeprefix("\ufeff").encode("utf-8", "replace"), "utf-8"
    return content.removeprefix(codecs.BOM_UTF8), ""


def too_complex(content: bytes) -> Problem | None:
    """The problem with a file of more tags or XML declarations than are read; None without one.
    To be asked first: what follows takes time for each of them."""
    limits = ((b"<", MAX_TAGS), (b"<?xml", MAX_DECLARATIONS))
    for mark, most in limits:
        if content.count(mark) > most:
            return problem("file_too_complex", "", content.count(mark), most)
    return None


def mentions(markup: bytes, *names: str) -> bool:
    """Whether a tag of one of `names` stands in `markup`, which is what `masked` leaves."""
    return _tag(names).search(markup) is not None


def openings(content: bytes, *names: str) -> list[int]:
    """Where tags of these names open, whether or not a comment hides them."""
    return [found.start() for found in _tag(names).finditer(content) if not found[1]]


@cache
def _tag(names: tuple[str, ...]) -> re.Pattern[bytes]:
    either = "|".join(names).encode("ascii")
    return re.compile(rb"<(/?)(?:[A-Za-z_][\w.-]{0,60}:)?(?:" + either + rb")(?=[\s>/])")


def documents(content: bytes, encoding: str, *names: str) -> Iterator[Found]:
    """Every element of one of `names` in `content` (ASCII compatible, see above), in file order.
    `encoding` overrides the declared one."""
    if excess := too_complex(content):
        yield Found(problem=excess)
        return
    markup = masked(content)
    starts = [found.start() for found in _DECLARATION.finditer(markup)]
    edges = sorted({0, *starts, len(content)})
    receiver: Receiver | None = None
    line = 1
    for start, end in zip(edges, edges[1:], strict=False):
        segment = Segment(content[start:end], markup[start:end], encoding, line, names)
        line += segment.content.count(b"\n")
        for found in segment.documents():
            if found.element is None and found.problem is None:
                receiver = found.receiver
                continue
            # An envelope is about the next invoice only: never address two by one envelope.
            yield Found(found.element, found.problem, found.receiver or receiver)
            receiver = None


@dataclass(frozen=True)
class Segment:
    """The bytes from one XML declaration to the next, all in one encoding. `around` are
    declarations of namespaces that stand outside of a piece of it."""

    content: bytes
    masked: bytes
    settled: str
    first_line: int
    names: tuple[str, ...]
    around: str = ""

    def documents(self) -> Iterator[Found]:
        """Invoices, and `Found` with only a receiver for an envelope that stands alone."""
        if _tag(self.names).search(self.masked) is None:
            yield from self._envelope(0, len(self.content))
            return
        if b"<!ENTITY" not in self.masked:
            try:
                whole = self._parsed(0, len(self.content))
            except Unparsable:
                whole = None
            if whole is not None and not _nested(whole, self.names):
                yield from _inside(whole, self.names)
                return
        yield from self._sliced()

    def _sliced(self) -> Iterator[Found]:
        done, opened, line = 0, -1, self.first_line
        for tag in _tag(self.names).finditer(self.masked):
            if not tag[1] and opened < 0:
                opened = tag.start()
                continue
            end = tag.start()
            if tag[1]:
                end = self.masked.find(b">", end) + 1 or len(self.content)
            yield from self.piece(done, opened if opened >= 0 else done, end, line)
            line += self.content.count(b"\n", done, end)
            done, opened = end, -1 if tag[1] else end
        if opened >= 0:
            yield from self.piece(done, opened, len(self.content), line)
        else:
            yield from self._envelope(done, len(self.content))

    def piece(self, before: int, begin: int, end: int, line: int) -> Iterator[Found]:
        """The invoice from `begin` to `end`; `before` is where what belongs to it starts, on
        `line` of the file."""
        yield from self._envelope(before, begin)
        line += self.content.count(b"\n", before, begin)
        if b"<!ENTITY" in self.masked[before:end]:
            yield Found(problem=problem("xml_forbidden", f"line {line}", "<!ENTITY"))
            return
        try:
            yield Found(element=self._parsed_within(begin, end))
        except Unparsable as error:
            place = f"line {line + error.line - 1}"
            yield Found(problem=replace(error.problem, place=place))

    def _envelope(self, begin: int, end: int) -> Iterator[Found]:
        start = _ENVELOPE_START.search(self.masked, begin, end)
        close = _ENVELOPE_END.search(self.masked, start.end(), end) if start else None
        if start is None or close is None or b"<!ENTITY" in self.masked[begin:end]:
            return
        try:
            root = self._parsed(start.start(), close.end())
        except Unparsable:
            return
        yield Found(receiver=_receiver(root))

    def _parsed(self, begin: int, end: int) -> etree._Element:
        return parsed(self._text(begin, end))

    def _parsed_within(self, begin: int, end: int) -> etree._Element:
        """With the namespaces that are declared outside of it, if it needs them."""
        try:
            return self._parsed(begin, end)
        except Unparsable:
            if not self.around:
                raise
            text = self._text(begin, end)
        within = parsed(f"<w {self.around}>{_WITHOUT_DECLARATION.sub('', text, count=1)}</w>")
        if len(within) != 1:
            raise Unparsable(problem("xml_broken", "", "content outside of the invoice"))
        return within[0]

    def _text(self, begin: int, end: int) -> str:
        return _decoded(self.content[begin:end], self.settled or declared_encoding(self.content))


def declared_encoding(content: bytes) -> str:
    found = _DECLARED_ENCODING.match(content)
    return found[1].decode("ascii") if found else "utf-8"


def _decoded(content: bytes, declared: str) -> str:
    try:
        encoding = codecs.lookup(declared).name
    except LookupError:
        encoding = ""
    if encoding not in _ENCODINGS:
        code = "encoding_wrong" if encoding.startswith("utf") else "encoding_unknown"
        raise Unparsable(problem(code, "", declared))
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unparsable(problem("encoding_wrong", "", declared)) from error


def parsed(text: str) -> etree._Element:
    """The root element of one XML document, namespaces taken off, comments dropped.

    Raises Unparsable: `xml_broken` with the parser's words and line, or `xml_forbidden`.
    """
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False, remove_comments=True, remove_pis=True, dtd_validation=False,
    )  # fmt: skip
    try:
        root = etree.fromstring(text.strip("\ufeff \t\r\n").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        cause = _LINES.sub("", error.msg or "empty")
        raise Unparsable(problem("xml_broken", "", cause), error.lineno or 1) from error
    for node in root.iter():
        if not isinstance(node.tag, str):
            raise Unparsable(problem("xml_forbidden", "", node.text or "entity"))
        if node.tag.startswith("{"):
            node.tag = node.tag.rpartition("}")[2]
    return root


def _nested(root: etree._Element, names: tuple[str, ...]) -> bool:
    return any(next(found.iterancestors(*names), None) is not None for found in root.iter(*names))


def _inside(root: etree._Element, names: tuple[str, ...]) -> Iterator[Found]:
    found = list(root.iter(*names))
    framed = root.tag == "Envelope" and len(found) == 1
    for element in found:
        yield Found(element=element, receiver=_receiver(root) if framed else None)


def _receiver(envelope: etree._Element) -> Receiver | None:
    """SOAP header's To parties, told apart by their Role (Finvoice transport frame)."""
    roles = {
        (party.findtext("Role") or "").strip(): (party.findtext("PartyId") or "").strip()
        for party in envelope.iter("To")
    }
    receiver = Receiver(roles.get("Receiver", ""), roles.get("Intermediator", ""))
    return receiver if receiver.address or receiver.operator else None


def masked(content: bytes) -> bytes:
    """`content` with comments and CDATA blanked, so that tags are searched in markup only.

    "--" cannot stand inside a comment, so one that is never closed ends the search there and
    cannot hide the invoices after it.
    """
    at = content.find(b"<!--")
    if at < 0:
        return _without_cdata(content)
    blank = bytearray(content)
    while at >= 0:
        end = content.find(b"--", at + 4)
        if end < 0:
            break
        if content[end : end + 3] == b"-->":
            blank[at : end + 3] = b" " * (end + 3 - at)
        at = content.find(b"<!--", max(end - 2, at + 4))
    return _without_cdata(bytes(blank))


def _without_cdata(content: bytes) -> bytes:
    at, end = content.find(b"<![CDATA["), -1
    if at < 0:
        return content
    blank = bytearray(content)
    while at >= 0:
        following = content.find(b"<![CDATA[", at + 9)
        if end < at:
            end = content.find(b"]]>", at)
        if end < 0:
            break
        if following < 0 or end < following:
            blank[at : end + 3] = b" " * (end + 3 - at)
        at = following
    return bytes(blank)
