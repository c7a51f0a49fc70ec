"""Files of any size are read piece by piece, with the results of reading them at once."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.intake import MAX_UPLOAD_BYTES, ReadResult, read, reading, xml_stream, xml_tags
from invoices.intake import progress as progress_module
from invoices.intake.table import csv_stream
from tests.benchmarks import invoice_files
from tests.invoices.intake.builders import DATA, finvoice
from tests.invoices.intake.seeds import seeds

#: The package's name for it is the function's.
reading_module = sys.modules["invoices.intake.reading"]
SAMPLES = Path("/work/shared/samples")
#: What reading a file of any size may take.
MOST_MEGABYTES = 160
pytestmark = pytest.mark.timeout(300)


def streamed(content, *, after=0) -> ReadResult:
    found = reading(io.BytesIO(content), after=after)
    items = tuple(found)
    assert found.done_bytes == found.size or found.problems
    return ReadResult(found.format, items, found.problems, found.columns)


@pytest.fixture
def cut(monkeypatch):
    """Cut every XML file at its invoices' tags, and read tiny blocks."""

    def small(block=97):
        monkeypatch.setattr(reading_module, "WHOLE_BYTES", 0)
        monkeypatch.setattr(xml_stream, "TOGETHER_BYTES", 0)
        for module in (progress_module, xml_tags):
            monkeypatch.setattr(module, "BLOCK_BYTES", block)

    return small


def files():
    found = [content for each in seeds().values() for content in each]
    found += [path.read_bytes() for path in sorted(DATA.rglob("*")) if path.is_file()]
    return found


@pytest.mark.parametrize("name", seeds())
def test_every_format_is_read_as_at_once(name):
    for content in seeds()[name]:
        assert streamed(content) == read(content)


def test_test_data_is_read_as_at_once_also_in_small_pieces(cut):
    for content in files():
        assert streamed(content) == read(content)
    cut()
    for content in files():
        assert streamed(content) == read(content)


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.exists(), reason="no sample files beside the project")
def test_samples_are_read_as_at_once_also_in_small_pieces(cut):
    paths = [path for path in sorted(SAMPLES.rglob("*")) if path.is_file()]
    contents = [path.read_bytes() for path in paths if path.stat().st_size < 2_000_000]
    assert contents
    wanted = [read(content) for content in contents]
    assert [streamed(content) for content in contents] == wanted
    cut(block=5_000)
    assert [streamed(content) for content in contents] == wanted


DECLARED = '<?xml version="1.0" encoding="UTF-8"?>'
SOAP = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><To><PartyId>00371'
    "</PartyId><Role>Receiver</Role></To></e:Header><e:Body/></e:Envelope>"
)
pieces = st.lists(
    st.one_of(
        st.integers(1, 9).map(lambda n: finvoice(number=f"N-{n}")),
        st.sampled_from(
            [
                DECLARED,
                SOAP,
                "\n\n",
                "<!-- <Finvoice> -->",
                "<![CDATA[ </Finvoice> ]]>",
                finvoice(rows=""),
                finvoice(number="<b>"),
                finvoice()[:300],
                "</Finvoice>",
            ]
        ),
    ),
    max_size=7,
)


@given(parts=pieces, block=st.sampled_from([300, 1 << 20]))
@settings(deadline=None, max_examples=60)
def test_documents_in_any_order_are_read_as_at_once(parts, block):
    """Each in a document of its own: that is what both ways of cutting agree about."""
    content = "".join(f"{DECLARED}{part}" for part in parts).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading_module, "WHOLE_BYTES", 0)
        for module in (progress_module, xml_tags):
            patched.setattr(module, "BLOCK_BYTES", block)
        assert streamed(content) == read(content)


@given(count=st.integers(1, 12), after=st.integers(0, 14), wrapped=st.booleans())
@settings(deadline=None, max_examples=40)
def test_going_on_after_some_invoices_gives_the_others(count, after, wrapped):
    texts = [finvoice(number=f"N-{n}") for n in range(count)]
    text = f"<All>{''.join(texts)}</All>" if wrapped else DECLARED + DECLARED.join(texts)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading_module, "WHOLE_BYTES", 0)
        patched.setattr(xml_stream, "TOGETHER_BYTES", 0)
        for content in (text.encode(), b"".join(invoice_files.csv(count))):
            assert streamed(content, after=after).items == read(content).items[after:]


def test_namespaces_of_a_wrapper_hold_for_the_invoices_cut_out_of_it(cut):
    content = next(each for each in seeds()["ubl"] if b"<" in each).decode()
    start = content.index("<Invoice") if "<Invoice" in content else content.index("<CreditNote")
    head, __, body = content[start:].partition(">")
    names = head.split(None, 1)[1]
    tag = head.split(None, 1)[0][1:]
    wrapped = f"<All {names}>{f'<{tag}>{body}' * 3}</All>".encode()

    wanted = read(wrapped)
    cut()

    assert [item.problems for item in wanted.items] == [()] * 3
    assert streamed(wrapped) == wanted


cells = st.sampled_from(["1,5", "1.5", "1.234", "1,234", "1.234,50", "x", "", " 7 "])
days = st.sampled_from(["1.9.2026", "02/03/2026", "13/03/2026", "2026-09-01", "", "x"])
rows = st.lists(
    st.tuples(st.sampled_from(["A-1", "A-2", "A-3", "", " A-1 "]), days, cells, cells),
    max_size=12,
)


@given(table=rows, title=st.booleans(), end=st.sampled_from(["\n", "\r\n", "\r"]))
@settings(deadline=None, max_examples=150)
def test_table_of_scattered_and_doubtful_rows_is_read_as_at_once(table, title, end):
    lines = ["Laskut 2026", ""] if title else []
    lines.append("Laskunumero;Laskupäivä;Asiakas;Tuote;Määrä;Hinta;ALV-%")
    lines += [f"{n};{day};Ostaja Oy;Työ;{one};{other};25,5" for n, day, one, other in table]
    content = end.join(lines).encode()

    assert streamed(content) == read(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings_are_read_as_at_once(encoding, cut):
    table = "Laskunumero;Laskupäivä;Asiakas;Tuote;Hinta;ALV-%\n1;1.9.2026;Äijä Oy;Työ;7;25,5\n"
    content = table.encode(encoding)
    assert streamed(content) == read(content)
    text = finvoice().encode("utf-8" if encoding == "cp1252" else encoding)
    cut()
    assert streamed(text) == read(text)


class Virtual:
    """A file that is made as it is read: `start`, then `piece` again and again, then `end`."""

    def __init__(self, start: bytes, piece: bytes, size: int, end: bytes = b"") -> None:
        times = max(0, (size - len(start) - len(end)) // len(piece))
        self._start, self._end, self._at = start, end, 0
        self._piece, self._middle = piece, times * len(piece)
        self.size = len(start) + self._middle + len(end)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self.size}[whence]
        return self._at

    def read(self, count: int = -1) -> bytes:
        left = self.size - self._at
        count = left if count < 0 else min(count, left, 1 << 20)
        return self._part(count) if count else b""

    def _part(self, count: int) -> bytes:
        at = self._at
        if at < len(self._start):
            part = self._start[at : at + count]
        elif at < len(self._start) + self._middle:
            count = min(count, len(self._start) + self._middle - at)
            offset = (at - len(self._start)) % len(self._piece)
            part = (self._piece * (count // len(self._piece) + 2))[offset : offset + count]
        else:
            at -= len(self._start) + self._middle
            part = self._end[at : at + count]
        self._at += len(part)
        return part


def bounded(source, most=MOST_MEGABYTES):
    """(how many invoices were read, codes of all problems), within the memory. The kernel counts
    it: Python's own counting would take several times as long as reading."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    found = reading(source)
    good, codes = 0, set()
    for item in found:
        good += item.document is not None
        codes |= {each.code for each in item.problems}
    assert resident("VmHWM") - before < most
    return good, codes | {each.code for each in found.problems}


def resident(name):
    (line,) = [x for x in Path("/proc/self/status").read_text().split("\n") if x.startswith(name)]
    return int(line.split()[1]) / 1000


HEADINGS = "Laskunumero;Laskupäivä;Asiakas;Tuote;Hinta;ALV-%\n".encode()
ROW = b"1;1.9.2026;Ostaja Oy;Ty;7;25,5\n"
LARGE = 21_000_000


@pytest.mark.parametrize(
    ("start", "piece", "codes"),
    [
        (HEADINGS, b"a", {"cell_too_long"}),
        (HEADINGS + b'"', b"a", {"cell_too_long"}),
        (HEADINGS + b'"', b";\n", {"table_broken"}),
        (HEADINGS, b'"\n";', {"cell_too_long"}),
        (HEADINGS, b";", {"too_many"}),
        (b"a;b\n", b"1;2\n", {"too_many"}),
        (HEADINGS, b"\x00", {"format_unknown"}),
        (HEADINGS, b"\x81", {"format_unknown"}),
        (b"", b" ", {"file_empty"}),
        (b"{", b"[", {"file_too_large"}),
        (b"PK\x03\x04", b"\x00", {"file_too_large"}),
        (b"<a>", b"<b>", {"format_unknown"}),
        (b"<a>", b"<!--", {"format_unknown"}),
        (b"<a>", b"<![CDATA[", {"format_unknown"}),
        (b"\xff\xfe", b"\x00\xd8", {"encoding_wrong"}),
    ],
)
def test_hostile_file_is_refused_in_bounded_memory(start, piece, codes, monkeypatch):
    monkeypatch.setattr(csv_stream, "MAX_STREAMED_ROWS", 200_000)

    assert bounded(Virtual(start, piece, LARGE)) == (0, codes)


def test_file_beyond_every_limit_is_refused_unread():
    class Unreadable(Virtual):
        def read(self, count=-1):
            raise AssertionError("nothing has to be read of it")

    assert bounded(Unreadable(b"", b"x", 2 * MAX_UPLOAD_BYTES)) == (0, {"file_too_large"})


@pytest.mark.parametrize("hidden", [b"<!-- ", b"<![CDATA[ ", b"<Finvoice>", b""])
def test_one_document_that_is_too_large_does_not_take_the_others_along(hidden):
    good = DECLARED.encode() + finvoice().encode()
    broken = DECLARED.encode() + finvoice().encode()[:200] + hidden

    read_well, codes = bounded(Virtual(good + broken, b"x" * 99 + b"\n", LARGE, good))

    assert read_well >= 1
    assert codes <= {"file_too_large", "xml_broken"} and codes


def test_entity_bomb_in_a_large_file_is_refused_alone():
    bomb = finvoice().replace(
        "<Finvoice", '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Finvoice', 1
    )
    text = DECLARED + bomb.replace("Kukka Oy", "&b;") + DECLARED + finvoice()

    source = Virtual(text.encode(), b" " * 1000, LARGE, (DECLARED + finvoice()).encode())

    assert bounded(source) == (2, {"xml_forbidden"})


def test_large_table_of_one_invoice_is_read_in_bounded_memory():
    lines = Virtual(HEADINGS, ROW, 6_000_000, b"2;1.9.2026;Ostaja Oy;Ty;7;25,5\n")

    assert bounded(lines) == (1, {"too_many"})
