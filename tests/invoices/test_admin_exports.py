"""What the accountant's lists find, and pages whose evidence is odd."""

import datetime as dt
import json
import re

import pytest
from django.utils import timezone

from integrations.models import Tenant
from invoices import filing
from invoices.admin import questions
from invoices.admin.words import ACTIONS, described
from invoices.enums import ExportStatus
from invoices.models import AuditEvent, InvoiceExport, SubmissionAttempt
from tests import factories
from tests.staff import NO_RIGHTS, log_in, said, text, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt(queued):
    """A closed attempt of a queued export; made as the engine makes it, open first."""

    def make(**fields):
        (export,) = queued("A-1")
        made = SubmissionAttempt.objects.create(
            export=export,
            number=1,
            trigger="automatic",
            correlation_id="6f1c3a2e-8f5e-4c2b-9a53-0d7e5f6b8c90",
            key_fingerprint="abcdef123456",
            mapping_version="1",
            software_version="0.1.0",
            started_at="2026-09-01T10:00:00Z",
            request_body='{"unitPrice": 100.00, "name": "<b>Työ</b>"}',
            request_sha256="0" * 64,
        )
        closed = {"finished_at": "2026-09-01T10:00:02Z", "outcome": "refused"} | fields
        SubmissionAttempt.objects.filter(pk=made.pk).update(**closed)
        return export

    return make


def rows(response):
    return sorted(export.invoice.number for export in response.context["cl"].result_list)


def submitted(export, at):
    InvoiceExport.objects.filter(pk=export.pk).update(status="submitted", submitted_at=at)


def at(day, hour, minute=0):
    return timezone.make_aware(dt.datetime(2026, 9, day, hour, minute))


def test_submitted_days_include_the_first_and_the_last(client, queued):
    one, two, three, four = queued("A-1", "A-2", "A-3", "A-4")
    for export, moment in (
        (one, at(9, 23, 59)),
        (two, at(10, 0)),
        (three, at(11, 23, 59)),
        (four, at(12, 0)),
    ):
        submitted(export, moment)
    log_in(client, "Management")

    response = client.get(
        url("invoices_invoiceexport_changelist"),
        {"submitted_at_from": "2026-09-10", "submitted_at_to": "2026-09-11"},
    )

    assert rows(response) == ["A-2", "A-3"]


@pytest.mark.parametrize("date", ["x", "2026-02-31", "11.9.2026", ""])
def test_an_odd_date_in_a_filter_is_no_error_page(client, queued, date):
    queued("A-1")
    log_in(client, "Management")

    response = client.get(
        url("invoices_invoiceexport_changelist"),
        {"submitted_at_from": date, "invoice__date_from": date},
    )

    assert response.status_code == 200


@pytest.mark.parametrize("first", ["10.9.2026", "10.09.2026", "2026-09-10"])
def test_invoice_date_is_filtered_as_either_language_writes_it(client, queued, first):
    queued("A-1", date="2026-09-09")
    queued("A-2", date="2026-09-10")
    log_in(client, "Management")

    page = url("invoices_invoiceexport_changelist")

    assert rows(client.get(page, {"invoice__date_from": first})) == ["A-2"]
    assert rows(client.get(page, {"invoice__date_to": first})) == ["A-1", "A-2"]


def test_the_figure_of_the_last_days_links_to_exactly_its_rows(client, queued):
    now = timezone.now()
    for export, days in zip(queued("A-1", "A-2", "A-3"), (0, 6, 8), strict=True):
        submitted(export, now - dt.timedelta(days=days))
    log_in(client, "Support")

    home = client.get(url("index"))
    (section,) = [s for s in home.context["sections"] if "7" in s["title"]]

    assert section["cards"][0]["figure"] == 2
    assert rows(client.get(section["cards"][0]["url"])) == ["A-1", "A-2"]


@pytest.mark.parametrize(
    ("role", "first"),
    [
        ("Support", "Connections"),
        ("Accountant", "What needs action"),
        ("Administrator", "Connections"),
    ],
)
def test_home_begins_with_what_the_role_is_for(client, db, role, first):
    log_in(client, role)

    page = client.get(url("index")).content.decode()

    assert re.findall(r'<h2 class="desk-heading">([^<]*)</h2>', page)[0] == first


def test_home_costs_the_same_at_one_and_three_rows(client, queued, django_assert_num_queries):
    log_in(client, "Administrator")
    queued("A-1")
    client.get(url("index"))
    with django_assert_num_queries(18):
        client.get(url("index"))
    queued("A-2", "A-3")
    with django_assert_num_queries(18):
        client.get(url("index"))


def test_received_file_found_by_an_items_number_keeps_its_counts(client, tenant):
    content = json.dumps({"invoices": [factories.invoice(n) for n in ("A-1", "A-2", "A-3")]})
    filing.file_invoices(tenant, "own.json", content.encode(), via="command")
    log_in(client, "Management")

    response = client.get(url("invoices_receivedfile_changelist"), {"q": "A-2"})

    (found,) = response.context["cl"].result_list
    assert (found.accepted_count, found.rejected_count) == (3, 0)


@pytest.mark.parametrize(
    "body",
    ["", "<html>502</html>", "[" * 20_000, '{"a": 1e400, "b": NaN}', "\ud7ff €", '{"a": 0.10}'],
    ids=["empty", "html", "deep", "huge", "text", "json"],
)
def test_any_answer_can_be_shown(client, attempt, body):
    export = attempt(response_body=body, http_status=400)
    log_in(client, "Accountant")

    response = client.get(url("invoices_invoiceexport_change", export.pk))

    assert response.status_code == 200


def test_attempt_shows_status_codes_digest_and_bodies_as_they_were(client, attempt):
    errors = [
        {"status": 400, "field": None, "message": "NO_FIELD"},
        {"status": 400, "field": "counterParty", "message": "BAD"},
    ]
    export = attempt(response_body='{"errors": []}', http_status=400, errors=errors)
    log_in(client, "Accountant")

    response = client.get(url("invoices_invoiceexport_change", export.pk))

    assert response.context["attempts"][0]["codes"] == ["NO_FIELD", "counterParty BAD"]
    assert response.context["attempts"][0]["seconds"] == "2.00"
    assert "0" * 64 in text(response)
    bodies = client.get(url("invoices_attempt_payload", export.pk, 1))
    assert '"unitPrice": 100.00' in text(bodies)
    assert "<b>Työ</b>" not in bodies.content.decode()
    assert "0" * 64 in text(bodies)


def test_export_page_costs_the_same_for_one_and_three_attempts(
    client, attempt, django_assert_num_queries
):
    export = attempt()
    log_in(client, "Accountant")
    page = url("invoices_invoiceexport_change", export.pk)
    client.get(page)
    with django_assert_num_queries(30):
        client.get(page)
    template = SubmissionAttempt.objects.get()
    for number in (2, 3):
        template.pk, template.number = None, number
        template.save(force_insert=True)
    with django_assert_num_queries(30):
        client.get(page)


def test_list_action_takes_all_pages_when_asked_to(client, queued):
    exports = queued(*(f"A-{n}" for n in range(3)))
    InvoiceExport.objects.update(status="needs_attention", attention_reason="refused")
    log_in(client, "Accountant")
    chosen = {
        "action": "skip_selected",
        "select_across": "1",
        "_selected_action": [exports[0].pk],
        "reason": "Entered by hand",
    }

    response = client.post(url("invoices_invoiceexport_changelist"), chosen | {"confirmed": "1"})

    assert said(response) == ["3 skipped."]


def test_list_action_takes_so_many_at_once_and_says_so(client, queued, monkeypatch):
    monkeypatch.setattr(questions, "AT_ONCE", 2)
    chosen = queued("A-1", "A-2", "A-3")
    InvoiceExport.objects.update(status="needs_attention", attention_reason="refused")
    log_in(client, "Accountant")
    data = {
        "action": "skip_selected",
        "_selected_action": [export.pk for export in chosen],
        "reason": "Entered by hand",
    }
    page = url("invoices_invoiceexport_changelist")

    question = text(client.post(page, data))
    first = client.post(page, data | {"confirmed": "1"})
    second = client.post(page, data | {"confirmed": "1"})

    assert "At most 2 are taken at a time" in question
    assert said(first) == ["2 skipped."]
    assert said(second)[-1].startswith("1 skipped. 2 left alone")
    assert InvoiceExport.objects.filter(status="skipped").count() == 3


@pytest.mark.parametrize("rung", [NO_RIGHTS, "Support", "Management"])
@pytest.mark.parametrize("action", ["skip_selected"])
def test_list_action_posted_without_the_right_changes_nothing(client, queued, rung, action):
    (export,) = queued("A-1")
    InvoiceExport.objects.update(status="needs_attention", attention_reason="refused")
    log_in(client, rung)

    client.post(
        url("invoices_invoiceexport_changelist"),
        {
            "action": action,
            "_selected_action": [export.pk],
            "confirmed": "1",
            "reason": "Because",
        },
    )

    export.refresh_from_db()
    assert export.status == "needs_attention"


def test_list_shows_every_tenants_exports_apart_by_filter(client, make_tenant, queued):
    queued("A-1")
    other = make_tenant(name="Toinen Oy", business_id="0112038-9")
    content = json.dumps(factories.invoice("B-1")).encode()
    filing.file_invoices(other, "b.json", content, via="command")
    log_in(client, "Management")

    page = url("invoices_invoiceexport_changelist")

    assert rows(client.get(page)) == ["A-1", "B-1"]
    assert rows(client.get(page, {"tenant__id__exact": other.pk})) == ["B-1"]
    assert Tenant.objects.count() == 2


@pytest.mark.parametrize("page", ["invoice_changelist", "receivedfile_changelist"])
def test_lists_cost_the_same_at_one_and_three_rows(client, queued, django_assert_num_queries, page):
    queries = {"invoice_changelist": 7, "receivedfile_changelist": 9}[page]
    log_in(client, "Management")
    address = url(f"invoices_{page}")
    queued("A-1")
    client.get(address)
    with django_assert_num_queries(queries):
        client.get(address)
    queued("A-2")
    queued("A-3")
    with django_assert_num_queries(queries):
        client.get(address)


def test_audit_trail_costs_the_same_at_any_length(client, queued, django_assert_num_queries):
    log_in(client, "Management")
    address = url("invoices_auditevent_changelist")
    queued("A-1")
    client.get(address)
    before = AuditEvent.objects.count()
    with django_assert_num_queries(8):
        client.get(address)
    queued("A-2", "A-3")
    assert AuditEvent.objects.count() > before
    with django_assert_num_queries(8):
        client.get(address)


def test_every_move_of_an_export_has_its_words_in_the_trail():
    assert {f"export.{status}" for status in ExportStatus.values} - {"export.draft"} <= set(ACTIONS)


def test_audit_trail_shows_no_raw_structure(client, queued):
    queued("A-1")
    log_in(client, "Management")

    shown = client.get(url("invoices_auditevent_changelist")).context["cl"].result_list

    assert not any(mark in described(event.data) for event in shown for mark in "[]{}")


def test_statuses_above_the_list_count_and_lead_to_their_rows(client, queued):
    one, *_others = queued("A-1", "A-2", "A-3")
    InvoiceExport.objects.filter(pk=one.pk).update(status="unknown")
    log_in(client, "Management")

    shown = client.get(url("invoices_invoiceexport_changelist")).context["statuses"]

    assert [(s["value"], s["count"]) for s in shown] == [("queued", 2), ("unknown", 1)]
    assert rows(client.get(shown[1]["url"])) == ["A-1"]


def test_rows_show_what_the_source_states_and_count_the_rest(client, queued):
    row = factories.invoice()["rows"][0]
    (export,) = queued(
        "A-1",
        rows=[
            row | {"quantity": "3", "unit_price": "10.00", "discount_percent": "10"},
            row | {"quantity": "1", "unit_price": "33.333", "net_amount": "33.33"},
        ],
        gross_total=None,
    )
    log_in(client, "Management")

    context = client.get(url("invoices_invoiceexport_change", export.pk)).context

    assert [row["net"] for row in context["invoice_rows"]] == ["27.00", "33.33"]
    assert (context["invoice_net"], context["invoice_vat"], context["invoice_total"]) == (
        "60.33 EUR",
        "15.38 EUR",
        "75.71 EUR",
    )
