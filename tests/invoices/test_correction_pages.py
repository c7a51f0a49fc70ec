"""The form for correcting: ladder, differences, all errors at their fields, tampering, races."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest

from integrations import diagnosis
from invoices import engine
from invoices.correction_models import Correction
from invoices.models import AuditEvent, InvoiceExport, SubmissionAttempt
from tests.invoices.correcting import checked_and_saved, correct, form_of, post
from tests.staff import ANONYMOUS, EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db(transaction=True)

MAY = ("Accountant", "Administrator")


@pytest.fixture
def held(queued):
    (export,) = queued("A-1")
    InvoiceExport.objects.update(status="needs_attention", attention_reason="refused")
    export.refresh_from_db()
    return export


@pytest.fixture
def accountant(client):
    log_in(client, "Accountant")
    return client


def alerts(response):
    return [" ".join(found.split()) for found in re.findall(r'role="alert">(.*?)<', text(response))]


@pytest.mark.parametrize("rung", EVERYBODY)
def test_only_accountants_and_administrators_correct(client, held, rung):
    log_in(client, rung)

    shown = client.get(url("invoices_export_correct", held.pk))
    saved = client.post(url("invoices_export_correct", held.pk), {"save": "1"})

    if rung in MAY:
        expected = "shown"
    elif rung == ANONYMOUS or rung == "no rights":
        expected = refusal(shown)
        assert expected in ("log in", "refused")
    else:
        expected = "refused"
    assert (refusal(shown), refusal(saved)) == (expected, expected)
    assert not Correction.objects.exists()


def test_difference_is_shown_before_anything_is_saved(accountant, held):
    fields = form_of(accountant, held) | {"date": "2026-09-02", "reason": "Wrong day"}

    page = text(post(accountant, held, fields))

    assert "<del>1 Sep 2026</del>" in page
    assert "Save and queue again" in page
    assert not Correction.objects.exists()


def test_saved_correction_is_queued_submitted_and_shown(accountant, tenant, held):
    fields = form_of(accountant, held)
    fields |= {"buyer.address.zip": "00100", "buyer.address.city": "Helsinki", "reason": "Moved"}
    response = checked_and_saved(accountant, held, fields)

    assert said(response)[0].startswith("Version 1 is saved and queued.")
    engine.run_lane(tenant.pk)
    attempt = SubmissionAttempt.objects.get()
    address = json.loads(attempt.request_body)["counterParty"]["counterPartyAddress"]
    assert (address["zip"], address["city"], attempt.reason) == ("00100", "Helsinki", "Moved")
    page = text(accountant.get(url("invoices_invoiceexport_change", held.pk)))
    assert "Version 1" in page
    assert "Buyer · City" in page
    assert AuditEvent.objects.get(action="invoice.corrected").data["reason"] == "Moved"


def test_all_problems_are_told_at_once_each_at_its_field(accountant, tenant, held):
    fields = form_of(accountant, held) | {
        "due_date": "2026-08-01",
        "reference_number": "1234",
        "buyer.business_id": "",
        "invoice_channel": "ELECTRONIC_INVOICE",
        "rows[1].vat_category": "AE",
        "reason": "",
    }

    response = post(accountant, held, fields)

    wrong = {name for name, errors in response.context["form"].errors.items() if errors}
    assert wrong == {
        "reason",
        "due_date",
        "reference_number",
        "buyer.vat_number",
        "buyer.einvoice_address",
        "buyer.einvoice_operator",
        "rows[1].vat_category",
    }
    assert "Save and queue again" not in text(response)


def test_closed_period_is_told_at_the_date(accountant, tenant, held):
    tenant.company.close_period(dt.date(2026, 9, 1), dt.date(2026, 9, 30))
    diagnosis.run_check(tenant)
    fields = form_of(accountant, held) | {"buyer.address.city": "Vantaa", "reason": "x"}

    response = post(accountant, held, fields)

    assert list(response.context["form"].errors) == ["date"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", "A-2"),
        ("gross_total", "1.00"),
        ("currency", "SEK"),
        ("seller_business_id", "1"),
        ("rows[1].quantity", "5"),
        ("rows[1].unit_price", "5"),
        ("rows[1].vat_percent", "0"),
        ("rows[2].unit", "h"),
    ],
)
def test_tampered_fields_are_refused(accountant, held, name, value):
    fields = form_of(accountant, held) | {"date": "2026-09-02", "reason": "x", name: value}

    response = post(accountant, held, fields, "save")

    assert f"This cannot be changed: {name}." in alerts(response)
    assert not Correction.objects.exists()


def test_what_was_not_shown_is_not_saved(accountant, held):
    fields = form_of(accountant, held) | {"date": "2026-09-02", "reason": "x"}
    page = text(post(accountant, held, fields))
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', page)[1]

    response = post(accountant, held, fields | {"seen": seen, "date": "2026-09-03"}, "save")

    assert "<del>1 Sep 2026</del>" in text(response)
    assert not Correction.objects.exists()


def test_second_of_two_people_is_told(accountant, held):
    fields = form_of(accountant, held) | {"date": "2026-09-03", "reason": "x"}
    correct(held, date="2026-09-02")
    InvoiceExport.objects.update(status="needs_attention")

    response = post(accountant, held, fields, "save")

    assert any("Somebody else has corrected" in alert for alert in alerts(response))
    assert [c.content["date"] for c in Correction.objects.all()] == ["2026-09-02"]


@pytest.mark.parametrize("status", ["queued", "submitting", "unknown", "submitted", "reconciled"])
def test_export_that_moved_on_is_told_and_left_alone(accountant, held, status):
    fields = form_of(accountant, held) | {"date": "2026-09-02", "reason": "x"}
    InvoiceExport.objects.update(status=status)

    response = post(accountant, held, fields, "save")

    assert refusal(response) == "moved"
    assert said(response)[0].startswith("Not corrected")
    assert not Correction.objects.exists()


def test_nothing_changed_is_told(accountant, held):
    response = post(accountant, held, form_of(accountant, held) | {"reason": "x"})

    assert "Nothing differs from the invoice as it is." in alerts(response)


def test_markup_in_values_stays_text(accountant, held):
    fields = form_of(accountant, held)
    fields |= {"buyer.contact_person": "<script>alert(1)</script>", "reason": "x"}

    assert "<script>alert(1)</script>" not in post(accountant, held, fields).content.decode()


def test_button_is_shown_only_where_it_can_do_something(accountant, held):
    page = url("invoices_invoiceexport_change", held.pk)
    assert "Correct and queue again" in text(accountant.get(page))

    InvoiceExport.objects.update(status="reconciled")
    assert "Correct and queue again" not in text(accountant.get(page))
