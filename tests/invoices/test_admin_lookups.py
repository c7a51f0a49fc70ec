"""What Procountor was asked about an export, and a conflict, as an accountant sees them."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.urls import reverse
from django.utils import timezone

from integrations import outages
from integrations.procountor import OutcomeUnknown
from invoices import engine, triggers
from invoices.models import InvoiceExport
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = {"method": "POST", "path": "/invoices"}


@pytest.fixture
def accountant(client):
    client.force_login(factories.UserFactory(role="Accountant"))
    return client


def page(client, export, language="en"):
    url = reverse("admin:invoices_invoiceexport_change", args=[export.pk])
    html = client.get(url, headers={"accept-language": language}).content.decode()
    return " ".join(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", html).split())


def run_due(tenant):
    InvoiceExport.objects.exclude(not_before=None).update(not_before=timezone.now())
    engine.run_lane(tenant.pk)


@pytest.fixture
def lost(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", after_effect=True, **POSTS)
    engine.run_lane(tenant.pk)
    export.refresh_from_db()
    return export


def test_unknown_export_says_when_procountor_is_asked_next(accountant, lost):
    shown = page(accountant, lost)

    assert "Next look-up in Procountor:" in shown
    assert "Look-ups in Procountor" not in shown


def test_look_up_is_shown_with_query_hits_and_verdict(accountant, tenant, lost):
    run_due(tenant)

    shown = page(accountant, lost)
    assert "originalInvoiceNumber=A-1&amp;types=SALES_INVOICE" in shown
    assert "The same invoice" in shown
    look_up = lost.look_ups.get()
    assert (look_up.verdict, look_up.purpose, look_up.after_attempt) == ("equal", "settle", 1)
    assert look_up.answered_at >= look_up.asked_at
    assert look_up.hits[0]["id"] == look_up.found["id"]


def test_look_up_without_an_answer_is_kept_too(accountant, tenant, lost, sandbox):
    sandbox.fault(kind="html_500", method="GET", path="/invoices")
    run_due(tenant)

    look_up = lost.look_ups.get()
    assert (look_up.verdict, look_up.cause, look_up.http_status) == ("no_answer", "http_500", 500)
    assert "http_500 (HTTP 500)" in page(accountant, lost)


@pytest.fixture
def conflict(tenant, lost):
    """The same number is in Procountor, with another total and date than ours."""
    with connection.cursor() as cursor:
        triggers.drop_triggers(connection)
        cursor.execute("UPDATE invoices_invoice SET gross_total = '99.00', date = '2026-09-02'")
        triggers.create_triggers(connection)
    run_due(tenant)
    lost.refresh_from_db()
    assert lost.attention_reason == "conflict"
    return lost


def test_conflict_is_shown_side_by_side(accountant, conflict):
    shown = page(accountant, conflict)

    assert "Ours and Procountor's, side by side" in shown
    assert "Total with VAT 99.00 EUR 125.50 EUR Differs" in shown
    assert "Invoice number A-1 A-1 Same" in shown
    assert "Procountor status – UNFINISHED –" in shown


def test_conflict_is_shown_in_finnish(accountant, conflict):
    shown = page(accountant, conflict, "fi")

    assert "Oma lasku ja Procountorin lasku rinnakkain" in shown
    assert "Poikkeaa" in shown


def test_queued_export_says_that_procountor_does_not_answer(accountant, queued):
    (export,) = queued("A-1")
    tally = outages.Tally("test")
    for _request in range(20):
        tally.count(OutcomeUnknown("http_503"))
    tally.flush()

    assert "Procountor does not answer. It is asked now and then" in page(accountant, export)


def test_retried_export_says_when_and_how_often(accountant, tenant, queued, sandbox, settings):
    settings.EXPORT_RETRY_SECONDS = [3600, 3600]
    (export,) = queued("A-1")
    sandbox.fault(kind="rate_limited", retry_after=0, **POSTS)
    engine.run_lane(tenant.pk)

    assert "(1 of 2 automatic retries)" in page(accountant, export)


def test_look_ups_cannot_be_changed_or_deleted(tenant, lost):
    run_due(tenant)
    look_up = lost.look_ups.get()

    for statement in (
        "UPDATE invoices_lookup SET verdict = 'absent'",
        "DELETE FROM invoices_lookup",
    ):
        with (
            pytest.raises(DatabaseError, match="evidence is never changed"),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    look_up.refresh_from_db()
    assert look_up.verdict == "equal"


def test_restored_export_says_that_it_is_looked_for(accountant, queued):
    (export,) = queued("A-1")
    call_command("after_restore")

    assert "A backup was put back" in page(accountant, export)
