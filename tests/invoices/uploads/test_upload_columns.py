"""What the columns of a table are: asked once, learnt for the tenant, and used the next time."""

import pytest

from invoices import tasks
from invoices.models import AuditEvent, Invoice
from invoices.upload_models import ColumnLayout
from tests.staff import log_in, refusal, said, text, url
from tests.uploads import HEADINGS, named, press, row, send, staged, table, taken_in

pytestmark = pytest.mark.django_db

UNKNOWN = ("Docket", "When", "Who", "Y-tunnus", "What", "Levy", "Each")
FIELDS = ("number", "date", "buyer.name", "buyer.business_id", "row.name", "row.vat_percent")


@pytest.fixture
def accountant(client):
    client.user = log_in(client, "Accountant")
    return client


def unknown(*rows, headings=UNKNOWN):
    """A table whose headings nobody knows."""
    renamed = [dict(zip(UNKNOWN, each.values(), strict=True)) for each in rows]
    return table(*renamed, headings=headings)


def columns_of(upload):
    return url("invoices_upload_columns", upload.pk, upload.files.get().pk)


def choices(headings=UNKNOWN, price="row.unit_price", **other):
    chosen = dict(zip(UNKNOWN, (*FIELDS, price), strict=True)) | other
    return {f"column-{n}": chosen.get(heading, "") for n, heading in enumerate(headings)}


def learn(client, upload, **other):
    return client.post(columns_of(upload), {"save": "1", **choices(**other)})


def test_table_of_unknown_headings_asks_for_its_columns(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"))))

    shown = text(accountant.get(url("invoices_upload_change", upload.pk)))
    assert "Say what the columns of this table are" in shown
    page = text(accountant.get(columns_of(upload)))
    assert "Not read from any column, but needed: Invoice number, Invoice date" in page
    assert "Docket" in page and "Kukka Oy" in page and "1.9.2026" in page


def test_first_rows_are_shown_as_they_would_be_read(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"), row("T-2"))))
    shown = url("invoices_upload_columns_shown", upload.pk, upload.files.get().pk)

    half = text(accountant.post(shown, choices(Who="")))
    whole = text(accountant.post(shown, choices()))
    twice = text(accountant.post(shown, choices(What="number")))

    assert "Not read from any column, but needed: Buyer's name" in half
    assert "T-1" in whole and "1 Sep 2026" in whole
    assert "Kukka Oy" in whole and "T-2" in whole and "125.50 EUR" in whole
    assert "Several columns are chosen as “Invoice number”: keep one." in twice
    assert not ColumnLayout.objects.exists() and not Invoice.objects.exists()


def test_without_a_script_a_button_shows_the_rows(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"))))

    page = text(accountant.post(columns_of(upload), {"show": "1", **choices()}))

    assert "T-1" in page and "Kukka Oy" in page
    assert '<option value="row.unit_price" selected>' in page
    assert not ColumnLayout.objects.exists()


def test_saved_columns_are_used_for_the_file_and_the_next_one(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"))))
    answer = learn(accountant, upload)
    assert answer["Location"] == url("invoices_upload_change", upload.pk)
    assert tasks.preview_upload(upload.pk)
    assert upload.files.get().counts == {"new": 1}

    # In another order, and written otherwise.
    headings = ("EACH", "docket ", "When", "Who", "Y-tunnus", "What", "Levy.")
    cells = ("7,00", "T-2", "2.9.2026", "Kukka Oy", "0112038-9", "Työ", "25,5")
    content = f"{';'.join(headings)}\n{';'.join(cells)}\n"
    later = taken_in(accountant, tenant, named("b.csv", content))

    invoice = Invoice.objects.get(number="T-2")
    assert str(invoice.gross_total) == "8.79"
    file = later.files.get()
    assert file.layout.columns["number"] == "Docket" and file.layout.used_at
    shown = text(accountant.get(url("invoices_upload_change", later.pk)))
    assert f"Its columns are read as {accountant.user} said on" in shown


def test_columns_of_one_tenant_are_not_used_for_another(accountant, make_tenant):
    acme, beta = make_tenant(), make_tenant(name="Beta Oy", business_id="0112038-9")
    learn(accountant, staged(accountant, acme, named("a.csv", unknown(row("T-1")))))

    upload = staged(accountant, beta, named("a.csv", unknown(row("T-1"))))

    assert upload.files.get().layout is None
    assert [p["code"] for p in upload.files.get().problems][0] == "column_missing"


def test_column_that_we_know_can_be_left_unread(accountant, tenant):
    content = table(row("T-1", Eräpäivä="heti"), headings=(*HEADINGS, "Eräpäivä"))
    upload = staged(accountant, tenant, named("a.csv", content))
    assert upload.files.get().counts == {"rejected": 1}

    fields = (*FIELDS, "row.unit_price", "")
    chosen = {f"column-{n}": name for n, name in enumerate(fields)}
    accountant.post(columns_of(upload), {"save": "1", **chosen})
    tasks.preview_upload(upload.pk)

    file = upload.files.get()
    assert (file.counts, file.layout.unread) == ({"new": 1}, ["Eräpäivä"])
    assert ["Eräpäivä", "", ""] in file.columns


@pytest.mark.parametrize(
    ("cell", "heading", "setting", "value", "code"),
    [
        ("1.234", "Each", "decimal_mark", "comma", "number_ambiguous"),
        ("1/2/2026", "When", "date_order", "day_first", "date_ambiguous"),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked(
    accountant, tenant, cell, heading, setting, value, code
):
    sound = dict(zip(UNKNOWN, row("T-1").values(), strict=True))
    content = table(sound | {heading: cell}, headings=UNKNOWN)
    upload = staged(accountant, tenant, named("a.csv", content))
    learn(accountant, upload)
    tasks.preview_upload(upload.pk)
    assert [cause["code"] for cause in upload.files.get().causes] == [code]
    assert "Choose the columns" in text(accountant.get(url("invoices_upload_change", upload.pk)))

    accountant.post(columns_of(upload), {"save": "1", setting: value, **choices()})
    tasks.preview_upload(upload.pk)

    assert upload.files.get().counts == {"new": 1}
    assert ColumnLayout.objects.get().date_order == (value if setting == "date_order" else "")


def test_every_save_and_removal_is_in_the_audit_trail(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"))))
    learn(accountant, upload)
    tasks.preview_upload(upload.pk)
    learn(accountant, upload, price="row.net_amount")
    layout = ColumnLayout.objects.get()
    accountant.post(url("invoices_columnlayout_change", layout.pk), {"delete": "1"})

    events = AuditEvent.objects.filter(action__startswith="columns.").order_by("pk")
    assert [event.action for event in events] == [
        "columns.saved",
        "columns.saved",
        "columns.deleted",
    ]
    assert {(event.by, event.tenant) for event in events} == {(accountant.user, tenant)}
    assert events[0].data["columns"]["row.unit_price"] == "Each"
    assert events[1].data["before"]["columns"]["row.unit_price"] == "Each"
    assert not ColumnLayout.objects.exists()


def test_learnt_columns_are_listed_and_changed(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"))))
    learn(accountant, upload)
    layout = ColumnLayout.objects.get()
    page = url("invoices_columnlayout_change", layout.pk)

    assert "Docket, When, Who" in text(accountant.get(url("invoices_columnlayout_changelist")))
    shown = text(accountant.get(page))
    assert '<option value="row.unit_price" selected>' in shown
    accountant.post(page, {"save": "1", **choices(price="row.net_amount")})

    layout.refresh_from_db()
    assert layout.columns["row.net_amount"] == "Each"


def test_columns_are_not_saved_for_a_closed_tenant(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"))))
    type(tenant).objects.update(state="closed")

    assert "is closed" in said(learn(accountant, upload))[0]
    assert not ColumnLayout.objects.exists()


def test_columns_chosen_too_late_are_told(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"))))
    press(accountant, upload, "discard")

    assert learn(accountant, upload).status_code == 404


def test_columns_are_asked_of_tables_only(accountant, tenant):
    send(accountant, tenant, named("a.json", b"{}"))
    upload = staged(accountant, tenant, named("a.json", b'{"invoices": []}'))

    assert accountant.get(columns_of(upload)).status_code == 404


@pytest.mark.parametrize("role", ["Support", "Management", None])
def test_columns_are_for_accountants(accountant, tenant, client, role):
    upload = staged(accountant, tenant, named("a.csv", unknown(row("T-1"))))
    learn(accountant, upload)
    page = url("invoices_columnlayout_change", ColumnLayout.objects.get().pk)
    log_in(client, role or "no rights")

    assert refusal(client.get(page)) == "refused"
    assert client.post(page, {"delete": "1"}).status_code == 403
    assert learn(client, upload).status_code == 403
    assert ColumnLayout.objects.count() == 1
