"""What is written out in a format and read back is the same invoice."""

import codecs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoices.intake import ColumnMapping, DateOrder, DecimalMark, read
from tests.invoices.intake import written

SLOW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
XML = {"ubl": written.ubl, "cii": written.cii}
ENCODINGS = {
    "utf-8": str.encode,
    "utf-8 with a mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "windows-1252": lambda text: text.encode("cp1252"),
}


@pytest.mark.parametrize("name", XML)
@SLOW
@given(document=written.documents())
def test_invoice_written_as_xml_and_read_back_is_the_same(name, document):
    result = read(XML[name](document))
    (item,) = result.items
    assert (result.format, item.problems) == (name, ())
    assert item.document == document


@SLOW
@given(
    document=written.documents(),
    separator=st.sampled_from(";,\t"),
    mark=st.sampled_from(DecimalMark),
    day=st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%Y%m%d", "%d/%m/%Y"]),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    language=st.integers(0, 2),
)
def test_invoice_written_as_csv_and_read_back_is_the_same(
    document, separator, mark, day, encoding, language
):
    shown = {DecimalMark.COMMA: ",", DecimalMark.POINT: "."}[mark]
    text = written.csv_text(
        written.table(document), separator=separator, mark=shown, day=day, language=language
    )
    mapping = ColumnMapping(decimal_mark=mark, date_order=DateOrder.DAY_FIRST)
    result = read(ENCODINGS[encoding](text), mapping=mapping)
    (item,) = result.items
    assert (result.format, item.problems, item.document) == ("csv", (), document)


@SLOW
@given(document=written.documents(), language=st.integers(0, 2))
def test_invoice_written_as_workbook_and_read_back_is_the_same(document, language):
    result = read(written.xlsx(written.table(document), language=language))
    (item,) = result.items
    assert (result.format, item.problems, item.document) == ("xlsx", (), document)


@SLOW
@given(documents=st.lists(written.documents(), min_size=1, max_size=4))
def test_invoices_of_one_zip_file_come_in_the_order_of_names(documents):
    files = {f"{9 - at}.xml": written.ubl(each) for at, each in enumerate(documents)}
    result = read(written.zipped(files))
    assert result.format == "zip"
    assert [item.document for item in result.items] == documents[::-1]
    assert [item.position for item in result.items] == [*range(1, len(documents) + 1)]
