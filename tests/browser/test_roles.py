"""People at work: each role logs in, and an accountant re-sends a failed export."""

import pytest

from invoices import engine
from tests import factories
from tests.browser.pictures import width_of
from tests.browser.test_key_desk import identify_all, in_background

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FIRST_HEADING = {
    "Support": "Connections",
    "Accountant": "What needs action",
    "Management": "Exported",
    "Administrator": "Connections",
}


@pytest.mark.parametrize("role", list(FIRST_HEADING))
def test_each_role_starts_with_its_own_work(log_in, tenant, role):
    page = log_in(role)

    assert page.locator("h2.desk-heading").first.inner_text() == FIRST_HEADING[role]
    assert page.get_by_role("link", name="Users").count() == (role == "Administrator")
    assert page.errors == []


def test_accountant_re_sends_a_failed_export(log_in, tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault("status", status=400, method="POST", path="/invoices")
    engine.run_lane(tenant.pk)

    page = log_in("Accountant")
    page.get_by_role("link", name="1 Needs attention").click()
    page.get_by_role("link", name="A-1").click()
    assert "a person must decide" in page.locator(".desk-story").inner_text()
    page.get_by_role("link", name="replay Queue again").click()
    page.get_by_label("Reason").fill("Corrected in Procountor")
    page.get_by_role("button", name="Queue 1 again").click()
    page.get_by_text("1 queued again.").wait_for()

    engine.run_lane(tenant.pk)
    page.reload()

    assert "read back and equal" in page.locator(".desk-story").inner_text()
    assert page.get_by_role("link", name="replay Queue again").count() == 0
    assert [row["originalInvoiceNumber"] for row in sandbox.ledger()] == ["A-1"]
    assert page.errors == []


def test_support_files_a_key_on_the_tenants_page(log_in, make_tenant, sandbox):
    tenant = make_tenant(check=False)
    key = tenant.company.new_api_key()
    page = log_in("Support")

    page.locator(
        'nav a[href$="/integrations/tenant/"], a[href$="/integrations/tenant/"]'
    ).first.click()
    page.get_by_role("link", name="Acme Oy").click()
    page.get_by_role("link", name="File API key").click()
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Ask Procountor whose key it is").click()
    page.get_by_text("Procountor is being asked whose key this is").wait_for()
    in_background(page, identify_all)
    page.get_by_role("button", name="File it for Acme Oy").click()
    page.get_by_text(f"…{key[-4:]} is filed for Acme Oy").wait_for()

    assert key not in page.content()
    assert tenant.active_credential.last_four == key[-4:]


@pytest.mark.parametrize("path", ["", "invoices/invoiceexport/", "integrations/tenant/"])
def test_pages_fit_a_phone(log_in, tenant, queued, live_server, path):
    queued("A-1")
    page = log_in("Administrator", width=390, height=844)

    page.goto(f"{live_server.url}/admin/{path}")

    width = width_of(page)
    assert width <= 390


def test_finnish_is_spoken_to_finns(log_in, tenant):
    page = log_in("Accountant", language="fi")

    assert page.locator("html").get_attribute("lang") == "fi"
    assert "What needs action" not in page.content()


def test_staff_user_without_a_group_is_told_whom_to_ask(chromium, live_server, log_in):
    factories.UserFactory()
    page = log_in(None)

    assert "no rights yet" in page.content()
