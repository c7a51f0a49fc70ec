"""An accountant corrects a refused invoice, sends it again, and takes one entered by hand."""

from __future__ import annotations

import pytest

from invoices import engine, tasks
from invoices.correction_models import Correction, EnteredByHand
from invoices.models import InvoiceExport
from tests.browser.pictures import shot, width_of
from tests.browser.test_key_desk import in_background
from tests.invoices.correcting import POSTS, correct
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def refused(tenant, queued):
    (export,) = queued("A-1")
    InvoiceExport.objects.update(
        status="needs_attention",
        attention_reason="refused",
        problems=[{"code": "channel_field_missing", "place": "buyer.email", "value": "EMAIL"}],
        not_before=None,
    )
    export.refresh_from_db()
    return export


def test_from_a_refused_invoice_to_a_corrected_one_in_procountor(
    log_in, live_server, tenant, refused, sandbox
):
    page = log_in("Accountant")
    page.goto(live_server.url + url("invoices_invoiceexport_change", refused.pk))
    page.get_by_role("link", name="Correct and queue again").click()
    page.get_by_label("Channel of this invoice").select_option("EMAIL")
    page.get_by_label("Reason").fill("The buyer wants it by e-mail")
    page.get_by_role("button", name="Check and show what changes").click()
    page.get_by_text("Not saved: see the fields below.").wait_for()
    page.get_by_label("Buyer · E-mail").fill("osto@example.com")
    page.keyboard.press("Enter")
    page.get_by_text("Pre-flight passed.").wait_for()
    page.locator("button[name=save]:focus").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("Version 1 is saved and queued.").wait_for()
    in_background(page, lambda: engine.run_lane(tenant.pk))
    page.get_by_text("read back and equal to our invoice").wait_for()

    (booked,) = sandbox.ledger()
    assert booked["invoiceChannel"] == "EMAIL"
    assert Correction.objects.get().reason == "The buyer wants it by e-mail"
    assert page.errors == []


def test_number_entered_by_hand_is_looked_up_and_told(log_in, live_server, refused):
    page = log_in("Accountant")
    page.goto(live_server.url + url("invoices_invoiceexport_change", refused.pk))
    page.get_by_role("link", name="It was entered by hand").click()
    page.get_by_label("Invoice number in Procountor").fill("77")
    page.get_by_label("Reason").fill("Entered on Monday")
    page.get_by_role("button", name="Look it up").click()
    page.get_by_text("Procountor is asked for invoice number 77.").wait_for()
    in_background(page, lambda: tasks.look_up_entered(EnteredByHand.objects.get().pk))
    page.get_by_text("Procountor has no sales invoice with number 77.").wait_for()

    refused.refresh_from_db()
    assert refused.status == "needs_attention"
    assert page.errors == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("language", "dark"), [("en", False), ("fi", False), ("fi", True)])
def test_pages_fit(log_in, live_server, tenant, queued, refused, sandbox, language, dark, width):
    correct(refused, buyer__email="osto@example.com", reason="The buyer wants it by e-mail")
    InvoiceExport.objects.update(
        status="needs_attention", attention_reason="lookup_blind", not_before=None
    )
    (lost,) = queued("A-2")
    sandbox.fault(kind="html_500", after_effect=False, **POSTS)
    engine.run_lane(tenant.pk)
    name = f"{language}-{width}{'-dark' if dark else ''}"
    page = log_in("Accountant", language=language, width=width, dark=dark)
    widths = []

    def look(address, picture):
        page.goto(live_server.url + address)
        shot(page, f"{picture}-{name}")
        widths.append(width_of(page))

    look(url("invoices_invoiceexport_change", lost.pk), "landed")
    look(url("invoices_invoiceexport_change", refused.pk), "corrected")
    look(url("invoices_export_entered", refused.pk), "entered")
    look(url("invoices_export_correct", refused.pk), "correct-form")
    page.locator("[name='due_date']").fill("2026-09-20")
    page.locator("[name='reference_number']").fill("1234")
    page.locator("button[name=check]").click()
    shot(page, f"correct-errors-{name}")
    page.locator("[name='reference_number']").fill("1232")
    page.locator("[name='reason']").fill("Viite puuttui")
    page.locator("button[name=check]").click()
    page.locator("button[name=save]:focus").wait_for()
    shot(page, f"correct-checked-{name}")
    widths.append(width_of(page))

    assert max(widths) <= width
    assert page.errors == []
