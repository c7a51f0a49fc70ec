"""The alerts, as support and management meet them: the start page, the list, one alert."""

import pytest

from invoices.watch import raise_alert, recover
from invoices.watch_models import Alert
from tests import factories
from tests.browser.pictures import shot, width_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("role", "language", "width", "dark"),
    [
        ("Support", "fi", 1280, False),
        ("Management", "fi", 390, False),
        ("Administrator", "en", 1280, True),
        ("Support", "en", 390, True),
    ],
)
def test_alerts_are_found_from_the_start_page(log_in, live_server, role, language, width, dark):
    beta = factories.TenantFactory(name="Beta Oy", business_id="0112038-9")
    gamma = factories.TenantFactory(name="Gamma Oy", business_id="2077474-0")
    raise_alert("credential_refused", beta)
    raise_alert("rights_missing", gamma)
    recover("rights_missing", gamma)
    raise_alert("worker_silent", None, {"seconds": 4000})
    name = f"alerts-{role}-{language}-{width}"
    page = log_in(role, language=language, width=width, dark=dark)
    shot(page, f"{name}-1-home")
    link = page.locator(".desk-health-alerts a")
    assert "2" in link.inner_text()

    link.click()
    page.locator("#result_list").wait_for()
    assert page.locator("#result_list tbody tr").count() == 2
    shot(page, f"{name}-2-list")
    page.goto(f"{live_server.url}/admin/invoices/alert/")
    assert page.locator("#result_list tbody tr").count() == 3
    page.locator("#result_list tbody a").first.click()
    page.wait_for_url("**/change/**")
    shot(page, f"{name}-3-alert")

    assert Alert.objects.count() == 3
    assert width_of(page) <= width
    assert page.errors == []
