"""Files of the export history: the numbers of the page, harmless cells, and who may open them."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
import zipfile
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from invoices import finding, tasks
from invoices.correction_models import Correction
from invoices.document import InvoiceDocument
from invoices.models import AuditEvent, InvoiceExport
from invoices.report_models import HistoryFile, HistoryFilePart, SavedView
from invoices.reports import files, history, rolling, writers
from invoices.reports.choosing import Chosen
from tests import factories, reports
from tests.staff import EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db
HISTORY = "invoices_exportfact_changelist"
ALL = "?period=all&col=number&col=buyer&col=total&col=currency&col=exported&col=date"


@pytest.fixture
def tenant():
    return factories.TenantFactory(state="active")


@pytest.fixture
def exported(tenant):
    """Three exports in two currencies, one of an evil buyer."""
    for total, currency, buyer in (
        ("1234.50", "EUR", "Öljy Oy"),
        ("-10.00", "EUR", "=HYPERLINK(1)"),
        ("7.00", "SEK", "Ab; Å\nB"),
    ):
        reports.accept(reports.take_in(tenant, total, currency, buyer=buyer))
    rolling.roll_up()


def made(client, file_format, query=ALL):
    """Ask on the page, let the worker work, and download."""
    answer = client.post(url(HISTORY) + query, {"format": file_format})
    file = HistoryFile.objects.latest("pk")
    assert answer["Location"] == url("invoices_historyfile_change", file.pk)
    assert tasks.make_history_file(file.pk)
    file.refresh_from_db()
    answer = client.get(url("invoices_historyfile_download", file.pk))
    return file, b"".join(answer.streaming_content)


def test_finnish_csv_is_as_a_finnish_excel_reads_it(client, exported):
    log_in(client, "Management")
    _file, content = made(client, "csv_fi")

    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert rows[0] == [
        "Invoice number",
        "Buyer",
        "Invoice date",
        "Total with VAT",
        "Currency",
        "Exported",
    ]
    assert [row[1:5] for row in rows[1:4]] == [
        ["Ab; Å\nB", "01.09.2026", "7,00", "SEK"],
        ["'=HYPERLINK(1)", "01.09.2026", "-10,00", "EUR"],
        ["Öljy Oy", "01.09.2026", "1234,50", "EUR"],
    ]
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d", rows[1][5])
    assert rows[4:] == [
        ["Invoices", "3"],
        ["Total with VAT, EUR", "1224,50"],
        ["Total with VAT, SEK", "7,00"],
    ]


def test_plain_csv_has_points_and_iso_dates(client, exported):
    log_in(client, "Management")
    _file, content = made(client, "csv")

    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert rows[3][1:5] == ["Öljy Oy", "2026-09-01", "1234.50", "EUR"]
    assert dt.datetime.fromisoformat(rows[3][5]).utcoffset() is not None
    assert rows[5] == ["Total with VAT, EUR", "1224.50"]


def test_xlsx_keeps_numbers_as_numbers_and_texts_as_texts(client, exported):
    log_in(client, "Management")
    _file, content = made(client, "xlsx")

    sheet = etree.fromstring(zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml"))
    space = {"x": sheet.nsmap[None]}
    cells = {cell.get("r"): cell for cell in sheet.iterfind(".//x:c", space)}
    assert cells["D3"].get("t") in (None, "n") and cells["D3"].findtext("x:v", None, space) == "-10"
    assert cells["B3"].get("t") == "inlineStr"
    assert "".join(cells["B3"].itertext()) == "'=HYPERLINK(1)"
    assert not sheet.findall(".//x:f", space)
    assert "".join(cells["B5"].itertext()) == "3"


def test_file_page_and_audit_trail_tell_the_same_numbers(client, exported):
    user = log_in(client, "Management")
    shown = text(client.get(url(HISTORY) + ALL))
    file, content = made(client, "csv")

    assert "Invoices: 3" in shown and "1,224.50 EUR" in shown and "7.00 SEK" in shown
    assert (file.done, file.sums) == (file.expected, file.expected_sums)
    assert file.sums == {"EUR": "1224.50", "SEK": "7.00"}
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    event = AuditEvent.objects.get(action="history.exported")
    assert (event.by, event.data["count"], event.data["sha256"]) == (user, 3, file.sha256)
    assert event.data["filter"] == "period=all"
    assert AuditEvent.objects.filter(action="history.downloaded", by=user).count() == 1
    request = AuditEvent.objects.get(action="history.requested")
    assert (request.by, request.data) == (
        user,
        {
            "file": file.pk,
            "filter": "period=all",
            "format": "csv",
            "columns": file.columns,
            "count": 3,
            "sums": {"EUR": "1224.50", "SEK": "7.00"},
        },
    )


@given(st.text(min_size=1))
def test_no_text_becomes_a_formula(value):
    out = io.BytesIO()
    writer = writers.CsvWriter(out, finnish=True, yes="K", no="E")
    writer.row([value], ["text"])
    writer.end()
    [[cell], *_rest] = (
        csv.reader(
            io.StringIO(out.getvalue().decode("utf-8-sig", "surrogatepass"), newline=""),
            delimiter=";",
        )
        if value.isprintable()
        else [[writers.harmless(value)]]
    )

    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell in (value, f"'{value}")


@given(st.decimals("-999999999999.99", "999999999999.99", places=2))
def test_amounts_stay_numbers(amount):
    out = io.BytesIO()
    writer = writers.CsvWriter(out, finnish=True, yes="K", no="E")
    writer.row([amount], ["money"])
    writer.end()

    written = out.getvalue().decode("utf-8-sig").strip()
    assert Decimal(written.replace(",", ".")) == amount


def test_rows_come_once_each_over_all_pages(tenant):
    for number in range(25):
        reports.accept(
            reports.take_in(tenant), when=reports.at(f"2026-11-{1 + number % 4:02}") + MINUTE
        )
    rolling.roll_up()
    chosen = Chosen("all")

    found = [row.export for row in history.rows_of(chosen, ["number"], size=4)]

    assert len(found) == len(set(found)) == history.totals(chosen).count == 25


MINUTE = dt.timedelta(minutes=1)


def test_who_may_make_and_who_may_open_a_file(client, exported):
    log_in(client, "Management")
    file, _content = made(client, "csv")
    ask, page, download = {}, {}, {}
    for rung in EVERYBODY:
        client.logout()
        log_in(client, rung)
        ask[rung] = refusal(client.post(url(HISTORY) + ALL, {"format": "csv"}))
        page[rung] = refusal(client.get(url("invoices_historyfile_change", file.pk)))
        download[rung] = refusal(client.get(url("invoices_historyfile_download", file.pk)))

    nobody = dict.fromkeys(EVERYBODY, "refused") | {"anonymous": "log in"}
    assert ask == nobody | {"Management": "moved", "Administrator": "moved"}
    # Another manager may not: only who asked, and whom it is given to.
    assert page == download == nobody | {"Administrator": "shown"}


def test_cancelled_file_is_not_written_on(client, exported, monkeypatch):
    log_in(client, "Management")
    client.post(url(HISTORY) + ALL, {"format": "csv"})
    file = HistoryFile.objects.get()
    monkeypatch.setattr(files, "_NOTED_EVERY", 1)
    monkeypatch.setattr(files, "_write", _cancelling(file, files._write))

    assert files.make(file.pk) is False

    file.refresh_from_db()
    assert (file.state, file.parts.count()) == ("cancelled", 0)
    client.get(url("invoices_historyfile_download", file.pk))
    assert not AuditEvent.objects.filter(action="history.exported").exists()


def _cancelling(file, write):
    def cancel_then_write(*args):
        assert files.cancel(file, by=factories.UserFactory())
        return write(*args)

    return cancel_then_write


def test_worker_that_died_is_followed_by_another_and_its_parts_do_not_count(client, exported):
    log_in(client, "Management")
    client.post(url(HISTORY) + ALL, {"format": "csv"})
    file = HistoryFile.objects.get()
    HistoryFile.objects.update(state="running", holder="dead", seen_at=timezone.now())
    HistoryFilePart.objects.create(file=file, number=0, content=b"half")
    assert files.make(file.pk) is False  # it may live
    HistoryFile.objects.update(seen_at=timezone.now() - dt.timedelta(minutes=5))

    assert files.make(file.pk) is True

    file.refresh_from_db()
    content = b"".join(files.content(file))
    assert hashlib.sha256(content).hexdigest() == file.sha256
    assert files.make(file.pk) is False  # a redelivered task


def test_content_is_deleted_after_its_days(client, exported, settings):
    log_in(client, "Management")
    file, _content = made(client, "csv")
    later = timezone.now() + dt.timedelta(days=settings.HISTORY_FILE_DAYS, minutes=1)

    with time_machine.travel(later):
        files.follow()

    file.refresh_from_db()
    assert (file.state, file.parts.count()) == ("deleted", 0)
    assert AuditEvent.objects.filter(action="history.deleted").exists()
    answer = client.get(url("invoices_historyfile_download", file.pk))
    assert said(answer) == ["The file is not ready, or its content is deleted."]


def test_exports_that_moved_on_meanwhile_are_told(client, exported, tenant):
    log_in(client, "Management")
    client.post(url(HISTORY) + ALL, {"format": "csv"})
    reports.accept(reports.take_in(tenant, "1.00"))
    rolling.roll_up()
    file = HistoryFile.objects.get()
    files.make(file.pk)

    page = text(client.get(url("invoices_historyfile_change", file.pk)))

    assert "When it was asked for the page showed 3 invoices" in page


def test_filters_are_saved_for_their_owner_alone(client, exported):
    user = log_in(client, "Management")
    client.post(url(HISTORY) + "?period=last_month&col=number", {"name": "Kuukausi"})

    saved = SavedView.objects.get(owner=user)
    assert saved.query == "period=last_month&col=number"
    assert f"?{saved.query}".replace("&", "&amp;") in client.get(url(HISTORY)).content.decode()
    client.logout()
    log_in(client, "Management")
    assert "Kuukausi" not in text(client.get(url(HISTORY)))
    client.post(url(HISTORY), {"drop": saved.pk})
    assert SavedView.objects.filter(pk=saved.pk).exists()


def test_what_was_corrected_is_shown_and_written_and_both_are_found(client, tenant):
    export = reports.take_in(tenant, buyer="Vanha Oy")
    reports.fail(export)
    one = factories.invoice(date="2026-10-02", due_date="2026-10-16")
    content = InvoiceDocument.model_validate(one).as_json()
    content["buyer"]["address"]["name"] = "Uusi Oy"
    Correction.objects.create(
        export=export,
        number=1,
        date="2026-10-02",
        content=content,
        changes=[],
        reason="moved",
        by=factories.UserFactory(),
        at=timezone.now(),
    )
    InvoiceExport.objects.filter(pk=export.pk).update(corrections=1)
    finding.add(export.pk, export.invoice.number, "Vanha Oy")
    finding.add(export.pk, "", "Uusi Oy")
    reports.take_in(tenant, buyer="Toinen Oy")
    rolling.roll_up()
    log_in(client, "Management")
    query = "?period=all&day=taken&col=buyer&col=date&col=due_date"

    _file, written = made(client, "csv", query)
    found = [text(client.get(f"{url(HISTORY)}{query}&q={q}")) for q in ("vanha", "uusi", "toinen")]

    rows = list(csv.reader(io.StringIO(written.decode(), newline="")))
    assert rows[1:3] == [["Toinen Oy", "2026-09-01", ""], ["Uusi Oy", "2026-10-02", "2026-10-16"]]
    assert ["Uusi Oy" in page for page in found] == [True, True, False]
    assert not any("Vanha Oy" in page for page in found)


def test_page_counts_so_far_and_the_file_counts_all(client, exported, monkeypatch):
    monkeypatch.setattr(history, "COUNTED", 2)
    log_in(client, "Management")
    query = "?period=month&day=taken&first_try=yes&col=number"

    shown = text(client.get(url(HISTORY) + query))
    file, _content = made(client, "csv", query)

    assert "Invoices: 2+" in shown and "1,224.50" not in shown
    assert "There are more: a file of them has their number and totals." in shown
    assert (file.expected, file.done) == (3, 3) and file.sums == file.expected_sums


def test_more_rows_than_a_sheet_takes_go_on_in_the_next_one(client, exported, monkeypatch):
    monkeypatch.setattr(writers, "ROWS_ON_A_SHEET", 2)
    log_in(client, "Management")
    _file, content = made(client, "xlsx")

    book = zipfile.ZipFile(io.BytesIO(content))
    sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    heads = []
    for name in sheets:
        sheet = etree.fromstring(book.read(name))
        space = {"x": sheet.nsmap[None]}
        heads.append("".join(sheet.find(".//x:row/x:c", space).itertext()))
        assert len(sheet.findall(".//x:row", space)) <= 3
    # Three invoices, their number and two sums.
    assert heads == ["Invoice number"] * 3
