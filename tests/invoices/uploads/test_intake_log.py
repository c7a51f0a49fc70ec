"""The list of received files accounts for everything that came in, whatever became of it."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.admin import bounded
from invoices import filing
from invoices.admin.received import having, unreadable
from invoices.models import ReceivedFile
from tests import factories
from tests.staff import log_in, text, url
from tests.uploads import named, own, row, send, table, taken_in

pytestmark = pytest.mark.django_db
LOG = "invoices_receivedfile_changelist"


@pytest.fixture
def accountant(client):
    client.user = log_in(client, "Accountant")
    return client


def listed(client, **query):
    found = client.get(url(LOG), query).context["cl"].result_list
    return sorted(file.name for file in found)


@pytest.fixture
def log(accountant, tenant):
    """A file by each way in, with each outcome."""
    taken_in(accountant, tenant, named("upload.json", own("A-1")))
    filing.file_invoices(tenant, "command.json", own("A-1", "A-2"), via="command")
    bad = json.dumps(factories.invoice("A-3", rows=[])).encode()
    filing.file_invoices(tenant, "api.json", bad, via="api")
    filing.file_invoices(tenant, "shop.bin", b"\x00\xff\xfe", via="shop")
    filing.file_invoices(tenant, "empty.json", b'{"invoices": []}', via="shop")
    taken_in(accountant, tenant, named("nothing.csv", "Docket;Asiakas\n1;Kukka Oy\n"))
    return accountant


def test_every_way_in_is_told_and_filtered_by(log):
    shown = text(log.get(url(LOG)))
    for words in ("Upload in the admin", "Command line", "HTTP API", "Shop"):
        assert words in shown
    assert listed(log, via="shop") == ["empty.json", "shop.bin"]
    assert listed(log, via="command") == ["command.json"]


def test_outcomes_are_filtered_by(log):
    assert listed(log, outcome="rejected") == ["api.json"]
    assert listed(log, outcome="duplicate") == ["command.json"]
    assert listed(log, outcome="accepted") == ["command.json", "upload.json"]
    assert listed(log, outcome="unreadable") == ["empty.json", "nothing.csv", "shop.bin"]
    assert len(listed(log, outcome="nonsense")) == 6


def test_common_outcomes_are_filtered_by_too(log, monkeypatch):
    monkeypatch.setattr(bounded, "BOUND", 1)

    assert listed(log, outcome="accepted") == ["command.json", "upload.json"]


def test_what_could_not_be_read_is_there_with_original_and_hash(log):
    received = ReceivedFile.objects.get(name="shop.bin")

    shown = text(log.get(url("invoices_receivedfile_change", received.pk)))
    original = log.get(url("invoices_receivedfile_download", received.pk))

    assert received.sha256 in shown and "not in a format we read" in shown
    assert original.content == b"\x00\xff\xfe"


def test_people_who_took_in_files_are_filtered_by(log):
    factories.UserFactory(username="somebody")

    assert listed(log, received_by__id__exact=log.user.pk) == ["nothing.csv", "upload.json"]
    shown = text(log.get(url(LOG)))
    assert log.user.username in shown and ">somebody<" not in shown


def test_item_leads_to_the_invoice_and_back(log):
    received = ReceivedFile.objects.get(name="upload.json")
    invoice = received.items.get().invoice
    file_page = url("invoices_receivedfile_change", received.pk)

    export_page = url("invoices_invoiceexport_change", invoice.export.pk)
    assert export_page in text(log.get(file_page))
    assert file_page in text(log.get(url("invoices_invoice_change", invoice.pk)))


def test_upload_and_its_received_file_lead_to_each_other(log):
    received = ReceivedFile.objects.get(name="upload.json")
    upload_page = url("invoices_upload_change", received.staged.get().upload_id)

    assert upload_page in text(log.get(url("invoices_receivedfile_change", received.pk)))
    assert url("invoices_receivedfile_change", received.pk) in text(log.get(upload_page))


def test_uploads_on_their_way_are_told_above_the_list(accountant, tenant, client):
    send(accountant, tenant, named("a.json", own("A-1")))

    assert "being looked at 1" in text(accountant.get(url(LOG)))
    log_in(client, "Management")
    assert "being looked at" not in text(client.get(url(LOG)))


def test_long_file_is_leafed_through_and_filtered(accountant, tenant):
    rows = [row(f"T-{n:03}") for n in range(130)] + [row("T-x", Asiakas="")]
    taken_in(accountant, tenant, named("a.csv", table(*rows)), queue="drafts")
    page = url("invoices_receivedfile_change", ReceivedFile.objects.get().pk)

    first, rejected = (
        text(accountant.get(page)),
        text(accountant.get(page, {"outcome": "rejected"})),
    )

    assert "T-099" in first and "T-100" not in first and "Page 1 of 2" in first
    assert "Accepted 130" in first and "Rejected 1" in first
    assert "T-x" in rejected and "T-000" not in rejected


def test_values_of_a_table_are_hidden_from_who_may_not_see_people(accountant, tenant, client):
    taken_in(accountant, tenant, named("a.csv", table(row("T-1", **{"ALV-%": "Matti"}))))
    page = url("invoices_receivedfile_change", ReceivedFile.objects.get().pk)
    assert "Matti" in text(accountant.get(page))

    log_in(client, "Support")
    assert "Matti" not in text(client.get(page))


@pytest.mark.parametrize("query", [{}, {"via": "api"}, {"outcome": "rejected"}])
def test_page_takes_as_many_queries_for_many_files(accountant, tenant, query):
    def count():
        with CaptureQueriesContext(connection) as found:
            accountant.get(url(LOG), query)
        return len(found)

    bad = json.dumps(factories.invoice("A-3", rows=[])).encode()
    filing.file_invoices(tenant, "0.json", bad, via="api")
    count()
    one = count()
    for number in range(1, 4):
        filing.file_invoices(tenant, f"{number}.json", bad, via="api")

    assert count() == one


@pytest.mark.parametrize("outcome", ["unreadable", "rejected"])
def test_rare_outcomes_are_found_by_an_index(accountant, tenant, outcome):
    filing.file_invoices(tenant, "0.json", b"\x00", via="api")
    if outcome == "unreadable":
        rows = unreadable(ReceivedFile.objects.order_by())
        index = "files_by_problems"
    else:
        rows = having(ReceivedFile.objects.order_by(), outcome)
        index = "items_by_outcome"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert index in rows.explain()
