"""An invoice that came again with other content, from the start page to the decision."""

from __future__ import annotations

import json

import pytest

from invoices import filing
from invoices.change_models import HeldChange
from tests import factories
from tests.browser.pictures import shot, width_of
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROW = factories.invoice()["rows"][0]
BUYER = factories.invoice()["buyer"]
MOVED = BUYER | {"address": BUYER["address"] | {"street": "Uusitie 9", "zip": "00100"}}


def take_in(tenant, number, **fields):
    content = json.dumps(factories.invoice(number, **fields)).encode()
    filing.file_invoices(tenant, "elokuu.json", content, via="command")


@pytest.mark.parametrize(
    ("language", "dark", "take_over", "leave"),
    [
        ("en", False, "Take over as a correction", "Leave the invoice as it was"),
        ("fi", True, "Ota korjauksena", "Jätä lasku ennalleen"),
    ],
)
def test_from_the_start_page_to_a_correction_and_to_a_no(
    log_in, live_server, tenant, language, dark, take_over, leave
):
    for number in ("A-1", "A-2"):
        take_in(tenant, number)
    take_in(tenant, "A-1", buyer=MOVED, due_date="2026-09-20")
    take_in(tenant, "A-2", rows=[ROW | {"quantity": "2"}], gross_total="251.00")
    page = log_in("Accountant", language=language, dark=dark)
    page.goto(f"{live_server.url}{url('invoices_invoiceexport_needs_action')}")
    shot(page, f"changed-home-{language}")
    page.click("a[href$='/heldchange/']:has-text('2')")
    shot(page, f"changed-list-{language}")
    assert width_of(page) <= 1280

    page.click("a:has-text('A-1')")
    shot(page, f"changed-one-{language}")
    page.click(f"a:has-text('{take_over}')")
    page.fill("input[name=reason]", "Moved")
    page.click("button[name=check]")
    shot(page, f"changed-correct-{language}")
    page.click("button[name=save]")
    page.wait_for_url("**/invoiceexport/*/change/")
    shot(page, f"changed-export-{language}")
    assert HeldChange.objects.get(export__invoice__number="A-1").state == "corrected"

    page.goto(f"{live_server.url}{url('invoices_heldchange_changelist')}")
    page.click("a:has-text('A-2')")
    shot(page, f"changed-fixed-{language}")
    page.set_viewport_size({"width": 390, "height": 800})
    shot(page, f"changed-narrow-{language}")
    assert width_of(page) <= 390
    page.fill("input[name=reason]", "The first one is right")
    page.click(f"button:has-text('{leave}')")
    page.wait_for_url("**/heldchange/")
    assert HeldChange.objects.get(export__invoice__number="A-2").state == "kept"
    assert page.errors == []
