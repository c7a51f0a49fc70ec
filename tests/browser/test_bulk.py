"""Re-sending many failed invoices, as an accountant does it in a browser."""

from __future__ import annotations

import pytest

from invoices import engine, tasks
from invoices.cause_models import Recheck
from invoices.models import InvoiceExport
from invoices.plan_models import BulkPlan
from invoices.plans import making, running
from tests.browser.pictures import shot, width_of
from tests.browser.test_key_desk import in_background
from tests.bulk import failed, heal, work
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """The engine takes its turn after the plan's, not beside it."""
    monkeypatch.setattr(running, "_TURN_SECONDS", 0)


def newest():
    return BulkPlan.objects.latest("pk")


def test_chosen_rows_are_planned_and_re_sent(log_in, live_server, tenant):
    failed(tenant, *["unmapped"] * 4)
    heal(tenant)
    page = log_in("Accountant")
    page.goto(f"{live_server.url}{url('invoices_invoiceexport_changelist')}")
    rows = page.locator("#resend-rows")
    assert rows.is_disabled()
    for number in (0, 1, 2):
        page.locator("input.action-select").nth(number).check()
    page.get_by_role("button", name="Re-send the 3 chosen").wait_for()
    shot(page, "bulk-list-chosen")
    rows.click()

    page.get_by_role("button", name="Re-send 3 invoices").wait_for()
    page.get_by_label("Reason").fill("Mapping corrected")
    page.keyboard.press("Enter")
    page.get_by_text("Stage 1 of 3").wait_for()
    shot(page, "bulk-running")
    in_background(page, lambda: work(newest()))
    page.locator("tr", has_text="In Procountor").first.wait_for()
    shot(page, "bulk-finished")

    assert InvoiceExport.objects.filter(status="reconciled").count() == 3
    assert InvoiceExport.objects.filter(status="needs_attention").count() == 1
    assert page.errors == []


def test_stopped_by_itself_and_resumed(log_in, live_server, tenant):
    failed(tenant, *["unmapped"] * 8)
    page = log_in("Accountant")
    page.goto(f"{live_server.url}{url('invoices_invoiceexport_changelist')}")
    page.get_by_role("button", name="Re-send all 8 there are").click()
    page.get_by_label("Reason").fill("Try again")
    page.get_by_role("button", name="Re-send 8 invoices").click()
    page.get_by_text("Stage 1 of 3").wait_for()
    in_background(page, lambda: work(newest()))
    page.get_by_text("the same error came three times").wait_for()
    shot(page, "bulk-stopped")
    heal(tenant)
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("The re-send goes on.").wait_for()
    in_background(page, lambda: work(newest()))
    page.locator("progress").wait_for()

    assert newest().state == "finished"
    assert page.errors == []


def test_large_plan_is_made_while_the_page_tells_without_scripts(
    log_in, live_server, tenant, monkeypatch
):
    monkeypatch.setattr(making, "AT_ONCE", 2)
    failed(tenant, *["unmapped"] * 5)
    heal(tenant)
    page = log_in("Accountant", scripts=False)
    page.set_default_timeout(8000)
    page.goto(f"{live_server.url}{url('invoices_invoiceexport_changelist')}")
    page.locator("button[value=all]").click()
    page.get_by_text("The plan is being made: 0 of 5 invoices looked at.").wait_for()
    shot(page, "bulk-making")
    assert page.locator("button[name=start]").count() == 0
    in_background(page, lambda: tasks.advance_plan(newest().pk))
    page.get_by_text("The plan is being made: 2 of 5 invoices looked at.").wait_for()
    while tasks.advance_plan(newest().pk):
        pass
    page.get_by_role("button", name="Re-send 5 invoices").wait_for()
    page.get_by_label("Reason").fill("Mapping corrected")
    page.get_by_role("button", name="Re-send 5 invoices").click()
    page.get_by_text("Stage 1 of 3").wait_for()
    in_background(page, lambda: work(newest()))
    page.locator("tr", has_text="In Procountor").first.wait_for()

    assert InvoiceExport.objects.filter(status="reconciled").count() == 5
    assert page.errors == []


def test_one_cause_is_checked_again_and_leads_to_a_plan(log_in, live_server, tenant):
    failed(tenant, *["unmapped"] * 3, "good")
    page = log_in("Accountant")
    page.goto(f"{live_server.url}{url('index')}")
    page.get_by_role("link", name="Failed invoices by cause").click()
    page.get_by_role("link", name="No VAT status is chosen for the VAT category K.").click()
    heal(tenant)
    page.get_by_role("button", name="Check again without sending").click()
    page.get_by_text("looks again by itself").wait_for()
    in_background(page, lambda: tasks.recheck_cause(Recheck.objects.latest("pk").pk))
    page.get_by_text("3 of 3 would pass now").wait_for()
    shot(page, "cause-checked")
    page.get_by_role("button", name="Plan to re-send the 3 that would pass").click()
    page.get_by_role("button", name="Re-send 3 invoices").wait_for()

    assert newest().summary["submit"]["count"] == 3
    assert page.errors == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("language", "dark"), [("en", False), ("fi", False), ("fi", True)])
def test_pages_fit_and_speak(log_in, live_server, tenant, language, dark, width):
    rows = failed(tenant, *["unmapped"] * 10, "good")
    InvoiceExport.objects.filter(pk=rows[9].pk).update(status="unknown")
    name = f"{language}-{width}{'-dark' if dark else ''}"
    page = log_in("Accountant", language=language, width=width, dark=dark)
    address = f"{live_server.url}{url('invoices_invoiceexport_changelist')}"
    widths = []

    def look(what):
        shot(page, f"bulk-{what}-{name}")
        widths.append(width_of(page))

    page.goto(address)
    look("list")
    page.locator("button[value=all]").click()
    page.locator("button[name=start]").wait_for()
    look("plan")
    page.locator("input[name=reason]").fill("Mapping")
    page.locator("button[name=start]").click()
    page.locator("button[name=stop]").wait_for()
    in_background(page, lambda: work(newest()))
    look("stopped")
    page.goto(f"{live_server.url}{url('invoices_bulkplan_changelist')}")
    look("plans")
    page.goto(f"{live_server.url}{url('invoices_exportcause_changelist')}")
    look("causes")
    page.locator("td a.desk-link").first.click()
    page.locator("h3", has_text="2.").wait_for()
    look("cause")
    heal(tenant)
    newest().items.first()
    engine.run_lanes()

    assert max(widths) <= width
    assert page.errors == []
