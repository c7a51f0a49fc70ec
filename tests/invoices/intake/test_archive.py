import io
import zipfile

import pytest

from invoices.intake import archive, package, read
from tests.invoices.intake import written
from tests.invoices.intake.builders import error_codes
from tests.invoices.intake.seeds import seeds, sound


def test_files_of_every_format_are_read_from_one_zip_file():
    kinds = {name: files[0] for name, files in seeds().items() if name != "zip"}
    alone = {name: read(content) for name, content in kinds.items()}
    result = read(written.zipped({f"{name}.dat": content for name, content in kinds.items()}))
    assert result.format == "zip"
    expected = [item for name in sorted(alone) for item in alone[name].items]
    assert [item.document for item in result.items] == [item.document for item in expected]


def test_each_entry_is_its_own_result_with_its_name_in_the_problems():
    broken = written.ubl(sound("2")).replace(b"<cbc:Name>Hitsaus</cbc:Name>", b"")
    files = {"c/third.xml": broken, "a.txt": b"hello", "b.xml": written.ubl(sound("1"))}
    first, second, third = read(written.zipped(files)).items
    assert (first.position, first.document, error_codes(first)) == (1, None, {"format_unknown"})
    assert first.problems[0].place == "a.txt"
    assert second.document == sound("1")
    assert third.problems[0].place == "c/third.xml: InvoiceLine[1]/Item/Name"


def test_entry_that_is_a_workbook_is_one_and_one_that_is_a_zip_file_is_not_opened():
    inner = written.zipped({"a.xml": written.ubl(sound("1"))})
    book = written.xlsx(written.table(sound("2")))
    first, second = read(written.zipped({"a.zip": inner, "b.xlsx": book})).items
    assert error_codes(first) == {"zip_nested"}
    assert second.document == sound("2")


def test_what_operating_systems_add_is_passed_over():
    files = {"__MACOSX/._a.xml": b"x", ".DS_Store": b"x", "a.xml": written.ubl(sound())}
    (item,) = read(written.zipped(files)).items
    assert item.document == sound()


def test_zip_file_of_nothing_is_refused():
    assert [found.code for found in read(written.zipped({})).problems] == ["file_empty"]


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 100, b"PK\x05\x06"])
def test_broken_zip_file_is_refused(content):
    result = read(content)
    assert (result.format, [found.code for found in result.problems]) == ("zip", ["zip_broken"])


def test_damaged_entry_takes_no_other_with_it():
    content = bytearray(written.zipped({"a.xml": written.ubl(sound("1")), "b.txt": b"hello"}))
    content[60:70] = b"\x00" * 10
    first, second = read(bytes(content)).items
    assert (error_codes(first), error_codes(second)) == ({"zip_broken"}, {"format_unknown"})


def test_entry_without_a_name_is_read():
    content = written.zipped({"n": written.ubl(sound())})
    header, listed = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    nameless = bytearray(content)
    for start, length, name in ((header, 26, 30), (listed, 28, 46)):
        assert nameless[start + name] == ord("n")
        nameless[start + length] = 0
    # The name's byte now belongs to the extra field, which may hold anything.
    nameless[header + 28] = nameless[listed + 30] = 1
    assert read(bytes(nameless)).format == "zip"


def test_password_is_told():
    content = bytearray(written.zipped({"a.xml": b"x"}))
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    assert [found.code for found in read(bytes(content)).problems] == ["zip_encrypted"]


def test_limits_are_told(monkeypatch):
    content = written.zipped({f"{n}.xml": written.ubl(sound(str(n))) for n in range(3)})
    monkeypatch.setattr(archive, "MAX_ENTRIES", 2)
    assert [found.code for found in read(content).problems] == ["too_many"]
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 1_000)
    assert [found.code for found in read(content).problems] == ["zip_too_large"]


def test_bomb_is_refused_before_it_is_unpacked():
    bomb = written.zipped({"a.xml": b" " * 5_000_000})
    assert len(bomb) * package.MOST_RATIO < 5_000_000
    assert [found.code for found in read(bomb).problems] == ["zip_too_large"]


def test_entry_that_says_it_is_small_unpacks_to_no_more():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("a.xml", b" " * 1_000_000)
    content = out.getvalue()
    claimed = content.replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    (item,) = read(claimed).items
    assert error_codes(item) == {"zip_broken"}
