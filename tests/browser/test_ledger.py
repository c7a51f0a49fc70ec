"""Reconciliation by day as an accountant meets it: from all tenants to one difference."""

from __future__ import annotations

import datetime as dt

import pytest

from invoices.ledger_models import LedgerDifference
from invoices.models import InvoiceExport
from tests.browser.pictures import shot, width_of
from tests.invoices.ledger.conftest import DAY, Ledger, drive

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def books(tenant, sandbox):
    found = Ledger(tenant, sandbox)
    found.exported("A-1", "A-2", "A-3")
    found.exported("A-4", "A-6", date=DAY + dt.timedelta(days=1))
    found.exported("A-7", date=DAY + dt.timedelta(days=2))
    found.received("A-8", date=DAY + dt.timedelta(days=3))
    found.read(DAY, DAY + dt.timedelta(days=27))
    found.delete("A-1")
    found.change("A-2", total="99.00")
    found.enter(number="A-9", total="10.00")
    found.read()
    InvoiceExport.objects.filter(pk=found.export("A-7").pk).update(remote_status="APPROVED")
    return found


def test_from_the_month_to_a_settled_difference(log_in, live_server, books):
    page = log_in("Accountant")
    page.goto(f"{live_server.url}/admin/invoices/ledgerday/months/?month=2026-09")
    shot(page, "months")
    page.click(f"text={books.tenant.name}")
    page.locator("a.desk-calendar-day").first.wait_for()
    shot(page, "month")
    page.click("a.desk-calendar-day >> nth=0")
    page.locator("#content").get_by_text("✗ Different").first.wait_for()
    shot(page, "day")

    page.click("a:has-text('In Procountor, unknown here')")
    page.fill("input[name=reason]", "Entered by the shop")
    shot(page, "difference")
    page.click("button[name=explain]")

    page.get_by_text("Noted: this counts as settled.").wait_for()
    assert LedgerDifference.objects.get(kind="orphan").reason == "Entered by the shop"
    assert page.errors == []


def test_reading_asked_for_by_its_button(log_in, live_server, books):
    books.change("A-2", total="125.50")
    page = log_in("Accountant")
    address = f"/admin/invoices/ledgerday/{books.tenant.pk}/2026-09-01/"
    page.goto(f"{live_server.url}{address}")

    page.click("text=Read this day in Procountor now")
    page.get_by_text("Procountor is being read in the background").wait_for()
    drive()
    page.reload()

    assert "Other total or currency" not in page.inner_text("body")
    assert page.errors == []


@pytest.mark.parametrize(("language", "width", "dark"), [("fi", 1280, False), ("fi", 390, True)])
def test_pages_fit(log_in, live_server, books, language, width, dark):
    page = log_in("Accountant", language=language, width=width, dark=dark)
    start = f"{live_server.url}/admin/invoices"
    for name, address in {
        "months": "/ledgerday/months/?month=2026-09",
        "month": f"/ledgerday/{books.tenant.pk}/2026-09/",
        "day": f"/ledgerday/{books.tenant.pk}/2026-09-01/",
        "list": "/ledgerdifference/",
    }.items():
        page.goto(start + address)
        shot(page, f"{name}-{language}-{width}")
        assert width_of(page) <= page.viewport_size["width"] + 1, name
    assert page.errors == []
