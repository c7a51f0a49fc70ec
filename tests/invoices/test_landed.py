"""The card "Did it land?": the evidence in one sentence, and what is not possible meanwhile."""

from __future__ import annotations

import re

import pytest

from invoices import engine
from invoices.models import InvoiceExport
from tests.invoices.correcting import POSTS, run_due
from tests.staff import log_in, text, url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost(client, tenant, queued, sandbox):
    log_in(client, "Accountant")
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", after_effect=False, **POSTS)
    engine.run_lane(tenant.pk)
    export.refresh_from_db()
    assert export.status == "unknown"
    return export


def card(client, export):
    page = text(client.get(url("invoices_invoiceexport_change", export.pk)))
    found = re.search(r'(?s)<section class="desk-card" id="landed">.*?</section>', page)
    return " ".join(re.sub("<[^>]*>", " ", found[0]).split()) if found else ""


def test_lost_answer_is_told_with_the_evidence_and_no_way_to_send(client, lost):
    shown = card(client, lost)

    assert "Attempt 1 was sent on" in shown
    assert "its answer was lost (http_500, HTTP 500)" in shown
    assert "It has not been looked for in Procountor since." in shown
    assert "It is looked for again on" in shown
    assert "could book it twice" in shown
    page = client.get(url("invoices_invoiceexport_change", lost.pk)).content.decode()
    assert 'disabled aria-describedby="landed-why"' in page


def test_look_up_is_told_with_query_and_verdict(client, tenant, lost):
    run_due(tenant)

    shown = card(client, lost)
    assert "originalInvoiceNumber=A-1&types=SALES_INVOICE: Not in Procountor (look-up 1)." in shown


def test_blind_look_up_asks_for_a_person_and_says_what_to_do(client, tenant, lost):
    InvoiceExport.objects.update(status="needs_attention", attention_reason="lookup_blind")

    shown = card(client, lost)
    assert "A look-up proves nothing here" in shown
    assert "search the sales invoices for A-1" in shown
    assert "It is looked for again" not in shown


@pytest.mark.parametrize("status", ["queued", "submitted", "reconciled", "skipped"])
def test_no_card_where_it_is_known(client, lost, status):
    InvoiceExport.objects.update(status=status, not_before=None)

    assert card(client, lost) == ""
