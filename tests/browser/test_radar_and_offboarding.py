"""The rights radar on a tenant's page, and a connection that is ended and proved so."""

import datetime as dt

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from integrations import diagnosis
from integrations.models import ConnectionCheck
from invoices import engine
from tests.browser.pictures import shot, width_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LOOKS = [("en", 1280, False), ("fi", 1280, True), ("fi", 390, False), ("en", 390, True)]


def at(live_server, name, tenant):
    return live_server.url + reverse(f"admin:integrations_tenant_{name}", args=[tenant.pk])


def fits(page, width):
    return width_of(page) <= width


@pytest.fixture
def warned(tenant):
    """A month of checks: red a while ago, green since, a warning today."""
    now = timezone.now()
    first = ConnectionCheck.objects.get()
    for days in range(1, 28):
        moment = now - dt.timedelta(days=days)
        ConnectionCheck.objects.create(
            tenant=tenant,
            credential=tenant.active_credential,
            started_at=moment,
            finished_at=moment,
            outcome="failed" if days in (9, 10) else "passed",
            steps=first.steps,
            reference_data=first.reference_data,
        )
    year = timezone.localdate().year
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")
    tenant.company.set_right("sales.customerRegister", "NO_ACCESS")
    tenant.company.close_period(dt.date(year + 1, 1, 1), dt.date(year + 1, 12, 31))
    cache.clear()
    diagnosis.run_check(tenant)
    return tenant


@pytest.mark.parametrize(("language", "width", "dark"), LOOKS)
def test_radar_and_strip_on_the_tenants_page(log_in, live_server, warned, language, width, dark):
    page = log_in("Support", language=language, width=width, dark=dark)
    page.goto(at(live_server, "change", warned))

    shot(page, f"radar-{language}-{width}")
    assert page.locator(".desk-day").count() == 30
    assert page.locator(".desk-day-red").count() == 2
    assert fits(page, width)
    today = page.locator(".desk-day").last
    today.focus()
    assert page.evaluate("document.activeElement.className") == "desk-day desk-day-amber"
    page.keyboard.press("Enter")
    page.wait_for_url("**/connectioncheck/**")
    shot(page, f"radar-check-{language}-{width}")
    assert page.locator("#radar .desk-copy").count() >= 3
    assert fits(page, width)
    assert page.errors == []


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("fi", 390)])
def test_list_and_home_show_conditions(log_in, live_server, warned, make_tenant, language, width):
    make_tenant(name="Beta Oy", business_id="0112038-9")
    page = log_in("Support", language=language, width=width)
    shot(page, f"conditions-home-{language}-{width}")
    page.goto(f"{live_server.url}{reverse('admin:integrations_tenant_changelist')}")
    shot(page, f"conditions-list-{language}-{width}")

    page.goto(f"{page.url}?connection=degraded")

    assert page.locator("#result_list tbody tr").count() == 1
    assert fits(page, width)
    assert page.errors == []


@pytest.mark.parametrize(("language", "width", "dark"), LOOKS)
def test_connection_is_ended_and_proved(log_in, live_server, tenant, queued, language, width, dark):
    queued("A-1", "A-2")
    engine.run_lane(tenant.pk)
    queued("A-3")
    page = log_in("Support", language=language, width=width, dark=dark)
    page.goto(at(live_server, "end_connection", tenant))
    shot(page, f"end-{language}-{width}")
    assert fits(page, width)
    page.fill("textarea[name=reason]", "Asiakas vaihtaa ohjelmaa")
    page.locator("form.desk-card button[type=submit]").click()
    page.wait_for_url("**/proof/")
    shot(page, f"proof-{language}-{width}")

    assert page.locator("#uses-after").inner_text() == "0"
    assert fits(page, width)
    with page.expect_navigation():
        page.locator("a[href$='language=sv']").click()
    page.locator(".desk-letter").wait_for()
    shot(page, f"proof-letter-{language}-{width}")
    page.emulate_media(media="print")
    assert page.locator(".desk-noprint").first.is_hidden()
    assert page.locator("#nav-sidebar").is_hidden()
    assert page.locator(".desk-letter").is_visible()
    shot(page, f"proof-print-{language}-{width}")
    page.emulate_media(media="screen")
    page.goto(at(live_server, "change", tenant))
    shot(page, f"closed-{language}-{width}")
    assert fits(page, width)
    tenant.refresh_from_db()
    assert tenant.state == "closed"
    assert page.errors == []
