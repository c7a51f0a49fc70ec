"""Lists that are longer than the bound: what they count, sort, offer, and take all the same."""

import datetime as dt
import json

import pytest
from django.utils import translation
from django.utils.formats import date_format

from integrations.admin import bounded
from invoices import filing, finding
from invoices.admin.exports import InvoiceExportAdmin
from invoices.models import AuditEvent, InvoiceExport
from invoices.plan_models import BulkPlan
from tests import factories
from tests.invoices.correcting import correct
from tests.staff import log_in, said, text, url

pytestmark = pytest.mark.django_db
LISTS = [
    *("invoiceexport", "invoice", "receivedfile", "auditevent", "fix", "bulkplan", "alert"),
    *("periodmove",),
]


@pytest.fixture
def bound(monkeypatch):
    monkeypatch.setattr(bounded, "BOUND", 3)


def listed(client, name="invoiceexport", **query):
    response = client.get(url(f"invoices_{name}_changelist"), query)
    return response, [str(row) for row in response.context["cl"].result_list]


def test_a_list_within_the_bound_is_counted_and_sorted(client, queued, bound):
    queued("A-1", "A-3", "A-2")
    log_in(client, "Accountant")

    response, rows = listed(client, o="1")

    assert rows == ["A-1", "A-2", "A-3"]
    assert "Re-send all 3 there are" in text(response)
    assert said(response) == []


def test_a_longer_list_says_so_and_keeps_its_own_order(client, queued, bound):
    queued("A-1", "A-3", "A-2", "A-4")
    log_in(client, "Accountant")

    response, rows = listed(client, o="1")

    assert rows == ["A-4", "A-2", "A-3", "A-1"]
    assert "Re-send all 3+ there are" in text(response)
    assert "Too many to sort (3+)" in text(response)


def test_statuses_above_the_list_say_that_there_are_more(client, queued, bound):
    exports = queued("A-1", "A-2", "A-3", "A-4", "A-5")
    InvoiceExport.objects.filter(pk=exports[0].pk).update(status="unknown")
    log_in(client, "Accountant")

    response, _rows = listed(client)

    shown = {status["value"]: str(status["count"]) for status in response.context["statuses"]}
    assert shown == {"queued": "3+", "unknown": "1"}
    assert "Queued 3+" in text(response)


def test_everything_the_filter_matches_is_all_of_it(client, queued, bound):
    queued("A-1", "A-2", "A-3", "A-4", "A-5")
    InvoiceExport.objects.update(status="needs_attention", attention_reason="refused")
    log_in(client, "Accountant")

    address = url("invoices_invoiceexport_resend") + "?status__exact=needs_attention"
    client.post(address, {"choose": "all"})

    assert BulkPlan.objects.get().items.count() == 5


def test_pages_are_offered_up_to_the_bound_and_no_further(client, queued, monkeypatch):
    monkeypatch.setattr(bounded, "BOUND", 4)
    monkeypatch.setattr(InvoiceExportAdmin, "list_per_page", 2)
    queued(*(f"A-{n}" for n in range(6)))
    log_in(client, "Accountant")
    page = url("invoices_invoiceexport_changelist")

    assert listed(client, p="2")[1] == ["A-3", "A-2"]
    assert client.get(page, {"p": "3"})["Location"].endswith("?e=1")


@pytest.mark.parametrize(
    ("count", "language", "shown"), [(10_000, "en", "10,000+"), (10_000, "fi", "10 000+")]
)
def test_a_count_that_stopped_says_so_in_the_readers_notation(count, language, shown):
    with translation.override(language):
        # Finnish groups by a space that does not break.
        assert " ".join(str(bounded.AtLeast(count)).split()) == shown
    assert bounded.AtLeast(count) == count


def test_list_shows_what_counts_now_and_what_was_received(client, queued):
    export, _other = queued("A-1", "A-2")
    InvoiceExport.objects.update(status="needs_attention", attention_reason="refused")
    export.refresh_from_db()
    correct(export, buyer__address__name="Oikaistu Oy", date="2026-09-02")
    log_in(client, "Accountant")

    page = text(listed(client)[0])

    assert "Oikaistu Oy" in page
    assert "corrected, received: Ostaja Oy" in page
    assert f"corrected, received: {date_format(dt.date(2026, 9, 1))}" in page
    assert page.count("corrected, received:") == 2
    assert listed(client, q="oikaistu")[1] == ["A-1"]


@pytest.mark.parametrize("query", [{}, {"q": "acme"}, {"q": "A-1"}, {"o": "7"}, {"q": "ostaja"}])
def test_exports_list_costs_the_same_at_any_length(
    client, queued, django_assert_num_queries, bound, query
):
    (first,) = queued("A-1")
    log_in(client, "Accountant")
    listed(client, **query)
    with django_assert_num_queries(_queries(query)):
        listed(client, **query)
    exports = queued("A-2", "A-3", "A-4", "A-5", "A-6")
    InvoiceExport.objects.filter(pk=exports[0].pk).update(status="needs_attention")
    exports[0].refresh_from_db()
    correct(exports[0], buyer__address__name="Oikaistu Ostaja Oy")
    with django_assert_num_queries(_queries(query)):
        listed(client, **query)


def test_search_that_finds_many_shows_the_newest_and_takes_all(client, queued, monkeypatch):
    monkeypatch.setattr(finding, "_FEW", 2)
    monkeypatch.setattr(bounded, "SEARCH_BOUND", 2)
    queued("A-1", "A-2", "A-3", "A-4", "A-5")
    InvoiceExport.objects.update(status="needs_attention", attention_reason="refused")
    log_in(client, "Accountant")

    response, rows = listed(client, q="ostaja", o="1")
    filtered = listed(client, q="ostaja", status__exact="needs_attention")
    client.post(url("invoices_invoiceexport_resend") + "?q=ostaja", {"choose": "all"})

    assert rows[:2] == ["A-5", "A-4"]
    assert "Too many to sort (2+)" in text(response)
    assert filtered[1][:2] == ["A-5", "A-4"]
    assert str(filtered[0].context["cl"].counted) == "2+"
    assert BulkPlan.objects.get().items.count() == 5


def _queries(query):
    return 9 + 4 * ("q" in query)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("query", [{"tenant__id__exact": "1"}, {"q": "A-1"}, {"o": "-1"}])
def test_every_list_can_be_filtered_searched_and_sorted(client, queued, bound, name, query):
    queued("A-1", "A-2", "A-3", "A-4")
    log_in(client, "Administrator")

    assert client.get(url(f"invoices_{name}_changelist"), query, follow=True).status_code == 200


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("own", ["own.json", "own.json"]),
        ("A-2", ["own.json"]),
        ("wn.json", []),
        ("two", ["two.json"]),
    ],
)
def test_received_files_are_found_by_the_beginning_of_a_name_or_number(
    client, tenant, queued, term, names
):
    queued("A-1")
    queued("A-2")
    content = json.dumps(factories.invoice("B-1")).encode()
    received = filing.file_invoices(tenant, "two.json", content, via="command")
    log_in(client, "Management")

    assert listed(client, "receivedfile", q=term)[1] == names
    assert listed(client, "receivedfile", q=received.sha256)[1] == ["two.json"]


def test_audit_trail_is_filtered_by_day_action_and_invoice(client, queued):
    queued("A-1", "A-2")
    log_in(client, "Management")

    def shown(**query):
        response, _rows = listed(client, "auditevent", **query)
        return sorted(
            (event.action, str(event.export or "")) for event in response.context["cl"].result_list
        )

    assert shown(action="export.queued") == [("export.queued", "A-1"), ("export.queued", "A-2")]
    assert {number for _action, number in shown(q="A-2")} == {"A-2"}
    assert shown(at_to="2020-01-01") == []
    assert len(shown(at_from="2020-01-01")) == AuditEvent.objects.count()
