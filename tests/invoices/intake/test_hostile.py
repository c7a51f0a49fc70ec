"""Files made to hurt: a clear problem, in bounded time and memory."""

import io
import tracemalloc
import zipfile

import pytest

from invoices.intake import ReadResult, read
from invoices.intake.table import sheet as table_sheet
from tests.benchmarks import fuzz
from tests.invoices.intake import written
from tests.invoices.intake.seeds import seeds, sound

#: Peak of what Python holds while a file is read; a file itself is at most 20 MB.
MOST_BYTES = 400_000_000
pytestmark = pytest.mark.timeout(120)

HEADINGS = "Laskunumero;Laskupäivä;Asiakas;Tuote;ALV-%;Loppusumma\n"
ROW = "1;5.1.2026;Kukka Oy;Työ;25,5;125,50\n"


def bounded(content: bytes) -> ReadResult:
    tracemalloc.start()
    try:
        result = read(content)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    return result


def codes(result: ReadResult) -> set[str]:
    found = [*result.problems, *(each for item in result.items for each in item.problems)]
    return {each.code for each in found}


def laughs(root: str) -> bytes:
    """Ten thousand million laughs in a kilobyte."""
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    text = {"ubl": written.ubl, "cii": written.cii}[root](sound()).decode()
    return (
        text.replace("?>\n", f"?>\n<!DOCTYPE a [{entities}]>", 1).replace("Hitsaus", "&k;").encode()
    )


@pytest.mark.parametrize("root", ["ubl", "cii"])
def test_entity_bomb(root):
    assert codes(bounded(laughs(root))) == {"xml_forbidden"}


@pytest.mark.parametrize("root", ["ubl", "cii"])
def test_very_deep_xml(root):
    text = {"ubl": written.ubl, "cii": written.cii}[root](sound()).decode()
    deep = "<a>" * 200_000 + "</a>" * 200_000
    assert codes(bounded(text.replace("Hitsaus", deep).encode())) == {"xml_broken"}


@pytest.mark.parametrize("piece", [b"<!--", b"<![CDATA[", b"<Invoice>", b"<CreditNote>", b"<?xml "])
def test_repeated_damage_of_xml(piece):
    start = written.ubl(sound())[:400]
    result = bounded(start + piece * (3_000_000 // len(piece)))
    assert result.problems or all(item.document is None for item in result.items)


def test_million_columns():
    assert codes(bounded(b";".join([b"a"] * 1_000_000) + b"\n" + b";" * 999_999)) == {"too_many"}
    assert codes(bounded((HEADINGS + ";" * 1_000_000 + "\n").encode())) == {"too_many"}
    assert codes(bounded((HEADINGS + ROW + ";" * 5_000 + "x\n").encode())) == {"too_many"}


def test_millions_of_empty_rows():
    assert codes(bounded((HEADINGS + "\n" * 10_000_000).encode())) == {"too_many"}


def test_rows_to_the_limit_and_beyond(monkeypatch):
    monkeypatch.setattr(table_sheet, "MAX_TABLE_ROWS", 10)
    monkeypatch.setattr("invoices.intake.table.csv_form.MAX_TABLE_ROWS", 10)
    assert codes(bounded((HEADINGS + ROW * 9).encode())) == {"missing"}
    assert codes(bounded((HEADINGS + ROW * 11).encode())) == {"too_many"}


@pytest.mark.parametrize("quoted", ['"', ""])
def test_huge_cell(quoted):
    huge = quoted + "x" * 10_000_000 + quoted
    result = bounded((HEADINGS + ROW.replace("Työ", huge)).encode())
    assert codes(result) <= {"table_broken", "cell_too_long"} and codes(result)


@pytest.mark.parametrize("at", ["Kukka", "ALV", "5.1"])
def test_nul_makes_a_file_of_no_format(at):
    content = (HEADINGS + ROW).replace(at, f"{at}\x00").encode()
    assert codes(bounded(content)) == {"format_unknown"}


def test_wrong_encoding():
    assert codes(bounded((HEADINGS + ROW).encode() + b"\x81\x8d")) == {"format_unknown"}
    assert codes(bounded(b"\xff\xfea;b")) == {"encoding_wrong"}


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    "{}</sheetData></worksheet>"
)


def workbook(name: str, content: bytes) -> bytes:
    """A sound workbook with one part put in another's place."""
    source = zipfile.ZipFile(io.BytesIO(written.xlsx(written.table(sound()))))
    parts = {each: source.read(each) for each in source.namelist()}
    assert name in parts
    return written.zipped(parts | {name: content})


def sheet(rows: str) -> bytes:
    return workbook("xl/worksheets/sheet1.xml", SHEET.format(rows).encode())


def test_workbook_with_an_entity_bomb():
    entity = b'<!DOCTYPE a [<!ENTITY a "ha">]>' + SHEET.format("&a;").encode()
    assert codes(bounded(workbook("xl/worksheets/sheet1.xml", entity))) == {"xml_forbidden"}
    texts = b'<!DOCTYPE sst [<!ENTITY a "ha">]><sst/>'
    assert codes(bounded(workbook("xl/sharedStrings.xml", texts))) == {"xml_forbidden"}


def test_directory_of_hundreds_of_thousands():
    one = written.zipped({"a": b""})
    listed, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    directory = one[listed:end] * 300_000
    size = len(directory).to_bytes(4, "little")
    content = one[:listed] + directory + one[end : end + 12] + size + one[end + 16 :]
    assert codes(bounded(content)) == {"too_many"}


def test_workbook_in_an_encoding_that_is_none():
    part = b'<?xml version="1.0" encoding="UTF-9"?>' + SHEET.format("").encode()
    assert codes(bounded(workbook("xl/worksheets/sheet1.xml", part))) == {"table_broken"}


def test_workbook_damaged_where_it_is_packed():
    content = written.xlsx(written.table(sound()))
    at = content.index(b"xl/worksheets/sheet1.xml") + 24
    found = {
        code
        for offset in range(0, 400, 5)
        for code in codes(read(content[: at + offset] + b"\xff\xff" + content[at + offset + 2 :]))
    }
    assert found == {"table_broken"}


def test_workbook_that_unpacks_to_too_much():
    assert codes(bounded(sheet(" " * 50_000_000))) == {"zip_too_large"}


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1048576"><c r="A1048576"><v>1</v></c></row>',
        '<row r="1000000000"><c r="A1000000000"><v>1</v></c></row>',
        "".join(f'<row r="{n}"><c r="XFD{n}"/></row>' for n in range(1, 1_000)),
        '<row r="1"><c r="ZZZZZZ1"><v>1</v></c></row>',
    ],
    ids=["last row", "beyond the last row", "last column", "beyond the last column"],
)
def test_workbook_with_a_cell_in_the_last_corner(rows):
    assert codes(bounded(sheet(rows))) <= {"too_many", "table_broken", "column_missing"} | {
        "columns_not_read"
    }


def test_workbook_with_a_huge_cell():
    text = "x" * 100_000
    rows = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{text}</t></is></c></row>'
    assert codes(bounded(sheet(rows))) == {"cell_too_long"}


@pytest.mark.parametrize("name", sorted(seeds()))
def test_a_hundred_damaged_files_of_each_format(name, capsys):
    assert fuzz.main(["--format", name, "--inputs", "100", "--megabytes", "4000"]) == 0
    assert "100 inputs" in capsys.readouterr().out
