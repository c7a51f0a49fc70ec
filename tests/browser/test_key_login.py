"""A customer logs in to (the simulated) Procountor from its intake link, and is connected."""

import pytest

from integrations import tasks
from integrations.connect import intake_links, invitations
from integrations.models import Credential
from tests import factories
from tests.browser.pictures import shot, width_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def link(sandbox, settings, live_server):
    sandbox.add_company(name="Acme Oy", business_id="2077474-0")
    sandbox.redirect_uri = f"{live_server.url}/connect/logged-in/"
    config = settings.PROCOUNTOR["test"] | {"redirect_uri": sandbox.redirect_uri}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}
    made = intake_links.make(factories.TenantFactory(language="fi"), by=factories.UserFactory())
    intake_links.begin(made)
    return made


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("fi", 390), ("sv", 390)])
def test_customer_logs_in_instead_of_pasting_a_key(
    chromium, live_server, link, sandbox, language, width
):
    (company,) = sandbox.companies.values()
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.errors = []
    page.on("console", lambda said: page.errors.append(said.text))
    page.goto(f"{live_server.url}{invitations.path_of(link)}?lang={language}")
    shot(page, f"key-login-form-{language}-{width}")
    assert width_of(page) <= width

    page.locator("#login_account").fill(company.bank_accounts[0]["iban"])
    page.locator("form:has(#login_account) button").click()
    page.get_by_text("This is not Procountor").wait_for()
    shot(page, f"key-login-page-{language}-{width}")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}{invitations.path_of(link)}")
    address = page.url
    page.goto("about:blank")
    assert tasks.try_intake_key(str(link.pk)) == "filed"
    tasks.check_connection(link.tenant.pk)
    page.goto(f"{address}?lang={language}")
    shot(page, f"key-login-done-{language}-{width}")

    assert Credential.objects.get().last_four == company.api_key[-4:]
    link.tenant.refresh_from_db()
    assert link.tenant.state == "active"
    assert company.api_key not in page.content()
    assert [error for error in page.errors if "Content Security Policy" in error] == []
    context.close()
