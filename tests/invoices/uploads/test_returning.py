"""Rejected invoices as a file to put right: the customer's own, with what is wrong beside each."""

import csv
import io
import json
import zipfile

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.models import AuditEvent, Invoice, ReceivedFile
from invoices.uploads import tables
from tests import factories, uploads
from tests.invoices.intake import written
from tests.invoices.intake.seeds import sound
from tests.staff import log_in, refusal, said, text, url
from tests.uploads import HEADINGS, named, row, staged, table

pytestmark = pytest.mark.django_db
ERRORS = "Flashnode: errors"


@pytest.fixture
def accountant(client):
    client.user = log_in(client, "Accountant")
    return client


def rejected(client, received, **headers):
    answer = client.get(url("invoices_receivedfile_rejected", received.pk), headers=headers)
    assert answer.status_code == 200, answer
    return answer["Content-Disposition"], b"".join(answer.streaming_content)


def take_in(client, tenant, name, content):
    uploads.taken_in(client, tenant, named(name, content))
    return ReceivedFile.objects.latest("pk")


def rows_of(content, encoding="utf-8"):
    return list(csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=";"))


def test_table_comes_back_with_its_rejected_rows_and_their_errors(accountant, tenant):
    content = table(row("T-1"), row("T-2", **{"ALV-%": "paljon"}), row("T-3", Asiakas=""))
    received = take_in(accountant, tenant, "myynti.csv", content)

    name, back = rejected(accountant, received)

    assert 'filename="myynti-rejected.csv"' in name
    head, second, third = rows_of(back)
    assert head == [*HEADINGS, ERRORS]
    assert (second[0], third[0]) == ("T-2", "T-3")
    assert second[:-1] == ["T-2", "1.9.2026", "Kukka Oy", "0112038-9", "Työ", "paljon", "100,00"]
    assert second[-1].startswith("ALV-%: paljon is not a number we can read.")
    assert third[-1].startswith("Asiakas: A required value is missing.")


def test_corrected_file_takes_in_only_what_is_new(accountant, tenant):
    content = table(row("T-1"), row("T-2", **{"ALV-%": "paljon"}), row("T-3", Asiakas=""))
    received = take_in(accountant, tenant, "a.csv", content)
    _name, back = rejected(accountant, received)

    once = back.decode().replace("paljon;", "25,5;", 1)
    again = take_in(accountant, tenant, "a.csv", once)
    _name, left = rejected(accountant, again)
    corrected = left.decode().replace("1.9.2026;;", "1.9.2026;Kukka Oy;")
    last = take_in(accountant, tenant, "a.csv", corrected)
    whole = take_in(accountant, tenant, "a.csv", once)

    def outcomes(file):
        return list(file.items.order_by("position").values_list("number", "outcome"))

    assert outcomes(again) == [("T-2", "accepted"), ("T-3", "rejected")]
    assert rows_of(left)[0] == [*HEADINGS, ERRORS] and len(rows_of(left)[1]) == len(HEADINGS) + 1
    assert outcomes(last) == [("T-3", "accepted")]
    assert outcomes(whole)[0] == ("T-2", "duplicate")
    assert sorted(Invoice.objects.values_list("number", flat=True)) == ["T-1", "T-2", "T-3"]


def test_every_row_of_a_rejected_invoice_comes_back(accountant, tenant):
    rows = [row("T-1"), row("T-2"), row("T-1", **{"ALV-%": "x"}), row("T-2"), row("T-1")]
    received = take_in(accountant, tenant, "a.csv", table(*rows))

    back = rows_of(rejected(accountant, received)[1])

    assert [each[0] for each in back[1:]] == ["T-1", "T-1", "T-1"]
    assert [bool(each[-1]) for each in back[1:]] == [False, True, False]


def test_row_without_a_number_comes_back(accountant, tenant):
    received = take_in(accountant, tenant, "a.csv", table(row("T-1"), row("")))

    back = rows_of(rejected(accountant, received)[1])

    assert [each[0] for each in back] == ["Laskunumero", ""]
    assert back[1][-1].startswith("Laskunumero: A required value is missing.")


def test_what_is_wrong_with_the_invoice_stands_at_its_first_row(accountant, tenant):
    rows = [row("T-1", Eräpäivä="1.1.2020"), row("T-1", Eräpäivä="1.1.2020")]
    content = table(*rows, headings=(*HEADINGS, "Eräpäivä"))
    received = take_in(accountant, tenant, "a.csv", content)
    assert received.items.get().outcome == "rejected"

    back = rows_of(rejected(accountant, received)[1])

    assert [bool(each[-1]) for each in back[1:]] == [True, False]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("cp1252", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-8", b"")],
)
@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_encoding_separator_and_line_ends_are_kept(accountant, tenant, encoding, mark, separator):
    cells = row("T-1", **{"ALV-%": "Äijä"}) | {"Yksikköhinta": "100.00"}
    text = table(cells).replace(";", separator).replace("\r\n", "\n")
    content = mark + f"Myyntilaskut 2026\n{text}".encode(encoding)
    received = take_in(accountant, tenant, "a.csv", content)

    _name, back = rejected(accountant, received)

    assert back.startswith(mark)
    lines = back[len(mark) :].decode(encoding).split("\n")
    assert lines[0] == "Myyntilaskut 2026"
    assert lines[1] == text.split("\n")[0] + separator + f'"{ERRORS}"'
    assert lines[2].startswith(text.split("\n")[1] + separator) and "\r" not in "".join(lines)


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")]
)
def test_wide_encodings_are_kept(encoding, mark):
    content = mark + table(row("T-1", Asiakas="Öljy Oy")).encode(encoding)
    headings = [("", heading) for heading in HEADINGS]
    out = io.BytesIO()

    tables.copy(io.BytesIO(content), "csv", headings, lambda row: "väärin", out, errors=ERRORS)

    assert out.getvalue().startswith(mark)
    rows = rows_of(out.getvalue()[2:], encoding)
    assert rows[0][-1] == ERRORS and rows[1][2] == "Öljy Oy" and rows[1][-1] == "väärin"


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12)
EVIL = st.sampled_from(["=1+1", "+358", "-1", "@x", "'=1", '"a";b', "\tx", "1\n2", "00123"])


@settings(max_examples=25, deadline=None)
@given(st.lists(CELLS | EVIL, min_size=1, max_size=5))
def test_customers_cells_are_copied_byte_for_byte(cells):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(["Laskunumero", "Viesti"])
    for cell in cells:
        writer.writerow(["T-1", cell])
    content = out.getvalue().encode()

    copied = io.BytesIO()
    headings = [("", "Laskunumero"), ("", "Viesti")]
    count = tables.copy(
        io.BytesIO(content), "csv", headings, lambda row: "=bad", copied, errors=ERRORS
    )

    back = rows_of(copied.getvalue())
    assert count == len(cells)
    assert [each[1] for each in back[1:]] == cells
    assert {each[2] for each in back[1:]} == {"'=bad"}
    for line in content.split(b"\r\n")[1:-1]:
        assert line in copied.getvalue()


def test_error_text_is_never_a_formula_and_the_customers_values_are_untouched(accountant, tenant):
    heading = "=HYPERLINK(1)"
    headings = ("Laskunumero", "Laskun pvm", heading, "Tuote", "ALV-%", "Yksikköhinta")
    values = ("T-1", "1.9.2026", "", "=2+2", "25,5", "100,00")
    content = f"{';'.join(headings)}\r\n{';'.join(values)}\r\n"
    upload = staged(accountant, tenant, named("a.csv", content))
    fields = ("number", "date", "buyer.name", "row.name", "row.vat_percent", "row.unit_price")
    chosen = {f"column-{n}": name for n, name in enumerate(fields)}
    columns = url("invoices_upload_columns", upload.pk, upload.files.get().pk)
    accountant.post(columns, {"save": "1", **chosen})
    received = take_in(accountant, tenant, "a.csv", content)

    back = rows_of(rejected(accountant, received)[1])

    assert back[0][2] == heading and back[1][3] == "=2+2"
    assert back[1][-1].startswith("'=HYPERLINK(1): A required value is missing.")


def workbook(*sheets):
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    dates = book.add_format({"num_format": "dd.mm.yyyy"})
    for name, rows in sheets:
        sheet = book.add_worksheet(name)
        for at, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, tuple):
                    sheet.write_datetime(at, column, cell[0], dates)
                elif isinstance(cell, str):
                    sheet.write_string(at, column, cell)
                else:
                    sheet.write(at, column, cell)
    book.close()
    return out.getvalue()


def test_workbook_comes_back_with_sheets_types_and_formats(accountant, tenant):
    day = (written.dt.datetime(2026, 9, 1),)
    good = ["T-1", day, "Kukka Oy", "0112038-9", "=2+2", 25.5, 100.25]
    bad = ["T-2", day, "", "0112038-9", "=2+2", 25.5, 100.25]
    other = ["T-3", day, "Kukka Oy", "0112038-9", "Työ", 25.5, 100.25]
    content = workbook(
        ("Syyskuu", [["Myynti"], list(HEADINGS), good, bad]), ("Lokakuu", [list(HEADINGS), other])
    )
    received = take_in(accountant, tenant, "myynti.xlsx", content)

    name, back = rejected(accountant, received)

    assert 'filename="myynti-rejected.xlsx"' in name
    book = openpyxl.load_workbook(io.BytesIO(back))
    assert book.sheetnames == ["Syyskuu"]
    cells = [list(each) for each in book["Syyskuu"].iter_rows()]
    values = [[cell.value for cell in each] for each in cells]
    assert values[0][0] == "Myynti"
    assert values[1] == [*HEADINGS, ERRORS]
    assert values[2][:7] == ["T-2", day[0], "", "0112038-9", "=2+2", 25.5, 100.25]
    assert (cells[2][1].number_format, cells[2][4].data_type) == ("dd.mm.yyyy", "s")
    assert values[2][7].startswith("Asiakas: A required value is missing.")
    fixed = openpyxl.load_workbook(io.BytesIO(back))
    fixed["Syyskuu"]["C3"] = "Kukka Oy"
    out = io.BytesIO()
    fixed["Syyskuu"]["E3"].data_type = "s"
    fixed.save(out)
    again = take_in(accountant, tenant, "b.xlsx", out.getvalue())
    assert list(again.items.values_list("number", "outcome")) == [("T-2", "accepted")]


def test_json_comes_back_as_it_was_written_with_a_list_of_errors(accountant, tenant):
    bad = '{"number": "A-2",  "rows": [], "note": 1.10}'
    content = f'{{"invoices": [{json.dumps(factories.invoice("A-1"))}, {bad}]}}'
    received = take_in(accountant, tenant, "a.json", content)

    name, back = rejected(accountant, received)

    assert 'filename="a-rejected.zip"' in name
    package = zipfile.ZipFile(io.BytesIO(back))
    assert package.namelist() == ["rejected.json", "flashnode-errors.csv"]
    assert bad in package.read("rejected.json").decode()
    assert len(json.loads(package.read("rejected.json"))["invoices"]) == 1
    lines = rows_of(package.read("flashnode-errors.csv"), "utf-8-sig")
    assert lines[0] == ["File", "Invoice number", "Place", "What is wrong", "What to do"]
    assert {tuple(line[:2]) for line in lines[1:]} == {("rejected.json", "A-2")}


def test_xml_comes_back_one_file_an_invoice(accountant, tenant):
    documents = [sound(f"B-{n}", exempt=False) for n in (1, 2, 3)]
    parts = [written.ubl(document).decode() for document in documents]
    content = parts[0] + parts[1].replace("<cbc:IssueDate>", "<cbc:IssueDate>x") + parts[2]
    received = take_in(accountant, tenant, "a.xml", content)
    outcomes = list(received.items.order_by("position").values_list("outcome", flat=True))
    assert outcomes == ["accepted", "rejected", "accepted"]

    package = zipfile.ZipFile(io.BytesIO(rejected(accountant, received)[1]))

    assert package.namelist() == ["000002-B-2.xml", "flashnode-errors.csv"]
    alone = package.read("000002-B-2.xml")
    assert b"<cbc:IssueDate>x" in alone and alone.count(b"<Invoice") == 1
    fixed = alone.replace(b"<cbc:IssueDate>x", b"<cbc:IssueDate>")
    again = take_in(accountant, tenant, "b.xml", fixed)
    assert list(again.items.values_list("number", "outcome")) == [("B-2", "accepted")]


def test_entries_of_a_zip_file_come_back_and_may_be_uploaded_as_they_are(accountant, tenant):
    document = sound("B-1", exempt=False)
    bad = table(row("T-1"), row("T-2", Asiakas="")).encode()
    content = written.zipped({"a.xml": written.ubl(document), "b.csv": bad})
    received = take_in(accountant, tenant, "a.zip", content)

    back = rejected(accountant, received)[1]
    again = take_in(accountant, tenant, "b.zip", back)

    assert zipfile.ZipFile(io.BytesIO(back)).read("b.csv") == bad
    outcomes = list(again.items.order_by("position").values_list("number", "outcome"))
    assert outcomes == [("T-1", "duplicate"), ("T-2", "rejected")]


def test_errors_are_in_the_reader_s_language(accountant, tenant):
    received = take_in(accountant, tenant, "a.csv", table(row("T-3", Asiakas="")))

    head, line = rows_of(rejected(accountant, received, **{"Accept-Language": "fi"})[1])

    assert head[-1] == "Flashnode: virheet"
    assert line[-1].startswith("Asiakas: Pakollinen")


def test_nothing_rejected_is_said(accountant, tenant):
    received = take_in(accountant, tenant, "a.csv", table(row("T-1")))

    answer = accountant.get(url("invoices_receivedfile_rejected", received.pk))

    assert said(answer) == ["No invoice of this file was rejected."]


def test_rejected_invoices_are_handed_to_accountants_only_and_recorded(accountant, tenant, client):
    received = take_in(accountant, tenant, "a.csv", table(row("T-3", Asiakas="")))
    rejected(accountant, received)
    page = url("invoices_receivedfile_change", received.pk)
    assert "Rejected invoices as a file to correct" in text(accountant.get(page))

    event = AuditEvent.objects.get(action="file.rejected_downloaded")
    assert (event.by, event.data["file"]) == (accountant.user, received.pk)
    for role in ("Support", "Management"):
        log_in(client, role)
        assert refusal(client.get(url("invoices_receivedfile_rejected", received.pk))) == "refused"
        assert "Rejected invoices as a file to correct" not in text(client.get(page))
