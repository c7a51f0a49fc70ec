"""Rehearsing, going live and changing settings, as support staff do it in a browser."""

from __future__ import annotations

import datetime as dt

import pytest

from integrations.models import Tenant
from integrations.rehearsal_models import Rehearsal
from invoices import tasks
from invoices.models import AuditEvent
from tests.browser.pictures import shot, width_of
from tests.browser.test_key_desk import in_background
from tests.rehearsals import rehearsed, take_in
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def acme(make_tenant):
    tenant = make_tenant(
        went_live_at=None, contact_name="Maija Ostaja", contact_email="maija@example.com"
    )
    tenant.company.close_period(dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    return tenant


def run_newest():
    tasks.rehearse(Rehearsal.objects.latest("pk").pk)


def test_one_click_and_enter_from_a_verified_tenant_to_a_live_one(log_in, live_server, acme):
    take_in(acme, *["good"] * 3, queue=True)
    page = log_in("Support")
    page.goto(live_server.url + url("integrations_tenant_change", acme.pk))
    shot(page, "rehearsal-tenant")

    page.locator("#going-live").get_by_role("button", name="Rehearse").click()
    page.get_by_text("The rehearsal waits for its turn").wait_for()
    in_background(page, run_newest)
    page.get_by_text("3 of 3 would pass").wait_for()
    shot(page, "rehearsal-good")
    page.locator("button[name=go_live]:focus").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("is live: what is queued is submitted from now on.").wait_for()

    acme.refresh_from_db()
    assert acme.state == "active"
    assert AuditEvent.objects.get(action="tenant.went_live").data["score"] == "100.0"
    assert page.errors == []


def test_list_for_the_customer_is_copied_and_a_reason_lets_it_go_live(log_in, live_server, acme):
    take_in(acme, *["good"] * 3, "unmapped", "closed", "closed")
    rehearsed(acme)
    page = log_in("Support")
    page.goto(live_server.url + url("integrations_rehearsal_of_tenant", acme.pk))

    page.get_by_text("3 of 6 would pass").wait_for()
    page.get_by_text("The invoice date 3/2026 is not in an open period").click()
    page.get_by_role("link", name="R-5").wait_for()
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    page.get_by_role("button", name="Go live all the same").click()
    page.get_by_text("Give a reason.").wait_for()
    page.get_by_label("Reason").fill("The customer opens March tomorrow")
    page.keyboard.press("Enter")
    page.get_by_text("is live: what is queued is submitted from now on.").wait_for()

    event = AuditEvent.objects.get(action="tenant.went_live")
    assert event.data["reason"] == "The customer opens March tomorrow"
    assert page.errors == []


def test_settings_are_tried_and_saved(log_in, live_server, tenant):
    take_in(tenant, "good", "unmapped", "unmapped")
    page = log_in("Support")
    page.goto(live_server.url + url("integrations_tenant_change", tenant.pk))
    page.get_by_role("link", name="Rehearse a change of settings").click()
    page.get_by_label("VAT status by category").fill('{"K": 5}')
    page.get_by_role("button", name="Rehearse with these").click()
    page.get_by_text("The rehearsal waits for its turn").wait_for()
    in_background(page, run_newest)
    page.get_by_text("2 invoices would newly pass").wait_for()
    page.locator("button[name=save]:focus").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("The settings are saved").wait_for()

    assert Tenant.objects.get().vat_status_by_category == {"K": 5}
    assert page.errors == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("language", "dark"), [("en", False), ("fi", False), ("fi", True)])
def test_pages_fit_and_speak(log_in, live_server, acme, language, dark, width):
    take_in(acme, *["good"] * 5, "unmapped", "closed", "rate")
    acme.company.vat_percents = [p for p in acme.company.vat_percents if str(p) != "13.5"]
    rehearsed(acme)
    tried = rehearsed(acme, vat_status_by_category={"K": 5}, invoice_language="SWEDISH")
    name = f"{language}-{width}{'-dark' if dark else ''}"
    page = log_in("Support", language=language, width=width, dark=dark)

    page.goto(live_server.url + url("integrations_tenant_change", acme.pk))
    shot(page, f"going-live-{name}")
    widths = [width_of(page)]
    page.goto(live_server.url + url("integrations_rehearsal_of_tenant", acme.pk))
    page.locator("details.desk-finding summary").first.click()
    shot(page, f"rehearsal-{name}")
    widths.append(width_of(page))
    page.goto(f"{live_server.url}{url('integrations_rehearsal_settings', acme.pk)}")
    shot(page, f"settings-form-{name}")
    widths.append(width_of(page))
    page.goto(
        f"{live_server.url}{url('integrations_rehearsal_settings', acme.pk)}?rehearsal={tried.pk}"
    )
    shot(page, f"settings-result-{name}")
    widths.append(width_of(page))

    assert max(widths) <= width
    assert page.errors == []
