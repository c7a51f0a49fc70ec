"""The onboarding board in a browser: read, filtered, and followed to what is next."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from integrations import custody, diagnosis
from integrations.connect import intake_links
from tests import factories
from tests.browser.pictures import shot, width_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def customers(sandbox):
    """One customer at each of several stages."""
    by = factories.UserFactory()

    def tenant(name, business_id, **fields):
        return factories.TenantFactory(name=name, business_id=business_id, **fields)

    begin = timezone.now() - dt.timedelta(days=9)
    with time_machine.travel(begin):
        tenant("Alfa Oy", "0112038-9", went_live_at=None)
        intake_links.make(tenant("Beta Oy", "1572860-0", went_live_at=None), by=by)
    with time_machine.travel(begin + dt.timedelta(days=6)):
        opened = intake_links.make(tenant("Gamma Oy", "0201256-6", went_live_at=None), by=by)
    with time_machine.travel(begin + dt.timedelta(days=7)):
        intake_links.begin(opened)
    delta = tenant("Delta Oy", "2077474-0", went_live_at=None)
    company = sandbox.add_company(name="Delta Oy", business_id="2077474-0")
    account = company.bank_accounts[0]["iban"]
    custody.file_with_account(delta, company.api_key, account, via="email")
    diagnosis.run_check(delta)
    eeta = tenant("Eeta Oy", "0737546-2", went_live_at=None)
    company = sandbox.add_company(name="Eeta Oy", business_id="0737546-2")
    company.set_right("sales.salesInvoiceSearch", "NO_ACCESS")
    custody.file_with_account(eeta, company.api_key, "", via="email")
    diagnosis.run_check(eeta)
    tenant("Feeta Oy", "0772017-4", state="active")


@pytest.mark.parametrize(
    ("role", "language", "width", "dark"),
    [
        ("Support", "fi", 1280, False),
        ("Support", "en", 390, True),
        ("Management", "en", 1280, True),
        ("Accountant", "fi", 390, False),
    ],
)
def test_board_tells_who_must_move(log_in, live_server, customers, role, language, width, dark):
    page = log_in(role, language=language, width=width, dark=dark)
    board = {"fi": "Käyttöönottotaulu", "en": "Onboarding board"}[language]
    never = {"fi": "Jäi kesken 1", "en": "Never finished 1"}[language]
    path = reverse("admin:integrations_tenant_onboarding")
    page.goto(f"{live_server.url}{path}")
    page.get_by_role("heading", name=board).wait_for()
    names = page.locator("tbody tr td:first-child a").all_inner_texts()
    shot(page, f"board-{role}-{language}-{width}")
    assert set(names) == {"Alfa Oy", "Beta Oy", "Gamma Oy", "Delta Oy", "Eeta Oy"}
    assert width_of(page) <= width
    table = page.locator(".desk-scroll")
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")

    page.get_by_role("link", name=never).click()
    page.wait_for_function("document.querySelectorAll('tbody tr').length === 1")
    assert page.locator("tbody tr td:first-child a").inner_text() == "Beta Oy"
    shot(page, f"board-never-{role}-{language}-{width}")
    assert page.errors == []


def test_next_thing_to_do_is_one_click_away(log_in, customers):
    page = log_in("Support")
    page.get_by_role("link", name="Onboarding board").first.click()
    page.get_by_role("link", name="Rehearse, then go live.").click()
    page.get_by_text("Delta Oy").first.wait_for()
    assert "/rehearsal" in page.url
    page.go_back()
    page.get_by_role("link", name="Invite the customer, or read its mail.").click()
    page.get_by_text("Alfa Oy").first.wait_for()
    assert page.url.endswith("/invite/")
