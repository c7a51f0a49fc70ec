"""A buyer's personal data are seen by those whose work needs them, and found by nobody else."""

from __future__ import annotations

import pytest

from invoices import engine, filing
from invoices.admin import privacy
from invoices.document import Problem
from invoices.models import AuditEvent, Invoice, InvoiceExport, ReceivedFile
from invoices.reports import rolling
from tests import factories
from tests.invoices.correcting import correct
from tests.staff import log_in, refusal, text, url

pytestmark = pytest.mark.django_db(transaction=True)

ALLOWED = ["Accountant", "Management", "Administrator"]
LISTS = ["invoices_invoiceexport_changelist", "invoices_invoice_changelist"]
PERSON = {
    "address": {
        "name": "Maija Meikäläinen",
        "street": "Salakuja 3 <b>",
        "zip": "33100",
        "city": "Tampere",
        "country": "FI",
    },
    "email": "maija.m@example.com",
    "einvoice_address": "FI2112345600000785",
}
SECRETS = ["Maija", "Meikäläinen", "Salakuja", "33100", "Tampere", "maija.m", "FI2112345600000785"]


@pytest.fixture
def bought(tenant, queued):
    """P-1 was bought by a person, C-1 by a company; both are in Procountor."""
    (person,) = queued("P-1", buyer=PERSON)
    company = factories.invoice()["buyer"] | {"contact_person": "Kalle Kontakti"}
    (firm,) = queued("C-1", buyer=company)
    engine.run_lanes()
    rolling.roll_up()
    return person, firm


def pages(person):
    return [
        *(url(name) for name in LISTS),
        url("invoices_invoiceexport_change", person.pk),
        url("invoices_invoice_change", person.invoice_id),
        url("invoices_attempt_payload", person.pk, 1),
        url("invoices_exportfact_changelist") + "?period=all",
        url("invoices_auditevent_changelist"),
        url("invoices_receivedfile_change", person.invoice.received_items.get().file_id),
    ]


@pytest.mark.parametrize("role", ["Support", *ALLOWED])
def test_person_is_shown_to_whoever_may_see_it(client, bought, role):
    person, _firm = bought
    log_in(client, role)

    shown = [page for page in pages(person) if leaked(client.get(page), SECRETS)]

    if role == "Support":
        assert shown == []
    else:
        hide_nothing = {url("invoices_auditevent_changelist"), pages(person)[-1]}
        assert set(shown) == set(pages(person)) - hide_nothing


def leaked(response, secrets):
    assert response.status_code == 200
    return [secret for secret in secrets if secret in text(response)]


def test_support_sees_companies_without_their_people(client, bought):
    _person, firm = bought
    log_in(client, "Support")

    assert "Ostaja Oy" in text(client.get(url(LISTS[0])))
    assert "Private person" in text(client.get(url(LISTS[0])))
    for page in (
        url("invoices_invoiceexport_change", firm.pk),
        url("invoices_attempt_payload", firm.pk, 1),
    ):
        answer = client.get(page)
        assert "Ostaja Oy" in text(answer) and "Kalle" not in text(answer)


def test_what_was_corrected_is_hidden_in_every_version(client, tenant, queued, sandbox):
    (export,) = queued("P-1", buyer=PERSON)
    InvoiceExport.objects.update(status="needs_attention", not_before=None)
    export.refresh_from_db()
    name = "Maija Virtanen"
    correct(export, buyer__address__name=name)
    log_in(client, "Support")
    export_page = url("invoices_invoiceexport_change", export.pk)

    assert AuditEvent.objects.filter(action="invoice.corrected").exists()
    for page in (
        export_page,
        *(url(name) for name in LISTS),
        url("invoices_auditevent_changelist"),
    ):
        assert not leaked(client.get(page), [*SECRETS, "Virtanen"])
    log_in(client, "Accountant")
    assert leaked(client.get(export_page), ["Virtanen", "Meikäläinen"])


class TestSearch:
    @pytest.mark.parametrize("page", [*LISTS, "invoices_auditevent_changelist"])
    @pytest.mark.parametrize(
        ("typed", "support", "others"),
        [
            ("meikäläinen", set(), {"P-1"}),
            ("Maija", set(), {"P-1"}),
            ("P-1", {"P-1"}, {"P-1"}),
            ("ostaja", {"C-1"}, {"C-1"}),
        ],
    )
    def test_people_are_not_found_by_name(self, client, bought, page, typed, support, others):
        for role, expected in (("Support", support), ("Accountant", others)):
            log_in(client, role)
            rows = client.get(url(page), {"q": typed}).context["cl"].result_list
            assert {number(row) for row in rows} == expected, role

    def test_nor_in_the_history(self, client, bought):
        page = url("invoices_exportfact_changelist")
        for role, count in (("Support", "0"), ("Management", "1")):
            log_in(client, role)
            answer = client.get(page, {"period": "all", "q": "meikäläinen", "no_people": ""})
            assert answer.context["count"] == count
        log_in(client, "Support")
        answer = client.get(page, {"period": "all", "col": ["buyer", "number"]})
        assert [str(head.label) for head in answer.context["heads"]] == ["Invoice number"]


def number(row):
    if isinstance(row, Invoice):
        return row.number
    return (row if isinstance(row, InvoiceExport) else row.export).invoice.number


class TestFiles:
    @pytest.mark.parametrize("role", ["Support", *ALLOWED])
    def test_received_file_is_for_whoever_may_see_people(self, client, bought, role):
        file = ReceivedFile.objects.first()
        log_in(client, role)

        answer = client.get(url("invoices_receivedfile_download", file.pk))

        assert refusal(answer) == ("refused" if role == "Support" else "shown")

    def test_link_to_it_is_not_shown_to_others(self, client, bought):
        page = url("invoices_receivedfile_change", ReceivedFile.objects.first().pk)
        log_in(client, "Support")
        assert "Download the original" not in text(client.get(page))
        log_in(client, "Accountant")
        assert "Download the original" in text(client.get(page))

    def test_value_of_a_refused_buyer_is_hidden(self, client, tenant):
        buyer = PERSON | {"email": "maija at example"}
        content = factories.json.dumps({"invoices": [factories.invoice("P-2", buyer=buyer)]})
        received = filing.file_invoices(tenant, "a.json", content.encode(), via="command")
        page = url("invoices_receivedfile_change", received.pk)
        log_in(client, "Accountant")
        seen = "maija at example" in text(client.get(page))
        log_in(client, "Support")

        assert "maija at example" not in text(client.get(page))
        assert seen or received.items.get().outcome == "accepted"


@pytest.mark.parametrize(
    ("place", "is_hidden"),
    [
        ("buyer.email", True),
        ("buyer.address.zip", True),
        ("counterParty.counterPartyAddress.street", True),
        ("buyer.business_id", False),
        ("counterParty.identifier", False),
        ("rows[0].vat_percent", False),
    ],
)
def test_problem_hides_the_buyers_values_only(monkeypatch, place, is_hidden):
    monkeypatch.setattr(privacy, "may_see", lambda: False)

    found = privacy.problem(Problem("x", place=place, value="secret"))

    assert (found.value == privacy.HIDDEN) == is_hidden
