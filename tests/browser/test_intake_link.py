"""A customer with an intake link in a browser: from the guide to a connection that works."""

import pytest
import requests
from django.core.cache import cache

from integrations import tasks
from integrations.connect import intake_links, invitations
from tests import factories
from tests.browser.pictures import shot, width_of
from tests.browser.test_key_desk import in_background
from tests.integrations import mails

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def company(sandbox):
    return sandbox.add_company(name="Acme Oy", business_id="2077474-0")


@pytest.fixture
def link(company):
    cache.clear()
    tenant = factories.TenantFactory(language="fi", contact_name="Maija")
    return intake_links.make(tenant, by=factories.UserFactory())


@pytest.fixture
def browse(chromium, live_server, link):
    """Open the link as a customer does: no log-in, a screen of its own."""
    contexts = []

    def open_at(width=1280, dark=False, scripts=True):
        context = chromium.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.errors.append(said.text))
        page.goto(f"{live_server.url}{invitations.path_of(link)}")
        return page

    yield open_at
    for context in contexts:
        context.close()


def fits(page, width):
    return width_of(page) <= width


WORDS = {
    "fi": ("Aloita", "Lähetä avain ja tarkista se", "Yhteys toimii"),
    "sv": ("Börja", "Skicka nyckeln och kontrollera den", "Anslutningen fungerar"),
    "en": ("Begin", "Send the key and check it", "The connection works"),
}


@pytest.mark.parametrize(
    ("language", "width", "dark"),
    [("fi", 390, False), ("fi", 1280, True), ("sv", 390, True), ("en", 1280, False)],
)
def test_customer_connects_its_company(browse, company, link, language, width, dark):
    begin, send, works = WORDS[language]
    name = f"link-{language}-{width}"
    scanner = requests.get(browse(width).url, timeout=10)
    assert scanner.status_code == 200
    page = browse(width, dark=dark)
    link.refresh_from_db()
    assert link.state == "invited"
    page.goto(f"{page.url}?lang={language}")
    shot(page, f"{name}-1-landing")
    page.get_by_role("button", name=begin).click()
    page.get_by_role("button", name=send).wait_for()
    shot(page, f"{name}-2-form")
    assert fits(page, width)

    page.fill("textarea[name=api_key]", mails.wrap(company.api_key, 76))
    page.fill("input[name=account]", company.bank_accounts[0]["iban"])
    page.get_by_role("button", name=send).click()
    page.get_by_role("status").wait_for()
    assert company.api_key not in page.content()
    shot(page, f"{name}-3-waiting")
    in_background(page, lambda: tasks.try_intake_key(str(link.pk)))
    in_background(page, lambda: tasks.check_connection(link.tenant.pk))
    page.get_by_text(works).first.wait_for()
    shot(page, f"{name}-4-works")

    assert link.tenant.active_credential.last_four == company.api_key[-4:]
    assert fits(page, width)
    assert page.errors == []


@pytest.mark.parametrize("width", [390, 1280])
def test_what_is_wrong_is_told_and_put_right_on_the_page(browse, company, link, width):
    page = browse(width)
    page.get_by_role("button", name="Aloita").click()
    page.fill("textarea[name=api_key]", mails.WRONG_CLIENT)
    page.fill("input[name=account]", "FI00")
    page.locator("button", has_text="Lähetä avain").click()
    page.get_by_text("ei ole kelvollinen tilinumero").wait_for()
    shot(page, f"link-wrong-{width}-1-account")
    assert mails.WRONG_CLIENT not in page.content()
    page.fill("textarea[name=api_key]", mails.WRONG_CLIENT)
    page.fill("input[name=account]", "FI49 5000 9420 0287 30")
    page.locator("button", has_text="Lähetä avain").click()
    page.get_by_role("status").wait_for()
    in_background(page, lambda: tasks.try_intake_key(str(link.pk)))
    page.get_by_text("on luotu toiselle ohjelmistolle").wait_for()
    page.get_by_text("4 yritystä jäljellä").wait_for()
    shot(page, f"link-wrong-{width}-2-client")

    page.fill("textarea[name=api_key]", company.api_key)
    page.locator("button", has_text="Lähetä avain").click()
    page.get_by_role("status").wait_for()
    in_background(page, lambda: tasks.try_intake_key(str(link.pk)))
    in_background(page, lambda: tasks.check_connection(link.tenant.pk))
    page.get_by_text("ei ole Procountorissanne").wait_for()
    shot(page, f"link-wrong-{width}-3-to-fix")
    page.fill("input[name=account]", company.bank_accounts[0]["iban"])
    page.get_by_role("button", name="Vaihda tili").click()
    page.get_by_role("status").wait_for()
    in_background(page, lambda: tasks.check_connection(link.tenant.pk))
    page.get_by_text("Yhteys toimii").first.wait_for()
    assert fits(page, width)
    assert page.errors == []


def test_second_submission_and_a_used_up_link_take_nothing(browse, company, link):
    first, second = browse(), browse()
    first.get_by_role("button", name="Aloita").click()
    first.locator("textarea[name=api_key]").wait_for()
    second.get_by_role("button", name="Aloita").click()
    second.locator("textarea[name=api_key]").wait_for()
    key, other = company.api_key, company.new_api_key()
    for page, entered in ((first, key), (second, other)):
        page.fill("textarea[name=api_key]", entered)
        page.fill("input[name=account]", company.bank_accounts[0]["iban"])
    first.locator("button", has_text="Lähetä avain").click()
    first.get_by_role("status").wait_for()
    first.goto("about:blank")
    tasks.try_intake_key(str(link.pk))

    second.locator("button", has_text="Lähetä avain").click()
    second.get_by_role("status").wait_for()

    assert [c.last_four for c in link.tenant.credentials.all()] == [key[-4:]]


def test_page_works_without_scripts(browse, company, link):
    page = browse(390, scripts=False)
    page.get_by_role("button", name="Aloita").click()
    page.fill("textarea[name=api_key]", company.api_key)
    page.fill("input[name=account]", company.bank_accounts[0]["iban"])
    page.locator("button", has_text="Lähetä avain").click()
    page.get_by_role("status").wait_for()

    link.refresh_from_db()
    assert link.state == "asking"


def test_link_that_leads_nowhere_says_so_in_three_languages(browse, live_server):
    page = browse(390)
    page.goto(f"{live_server.url}/connect/{'x' * 43}/")

    page.get_by_text("Tämä linkki ei enää johda mihinkään").wait_for()
    page.get_by_text("Denna länk leder inte längre någonstans").wait_for()
    shot(page, "link-over")
    assert fits(page, 390)


@pytest.mark.parametrize(("language", "width"), [("fi", 1280), ("en", 390)])
def test_support_invites_a_customer(log_in, live_server, language, width):
    page = log_in("Support", language=language, width=width)
    page.goto(f"{live_server.url}/admin/integrations/tenant/invite-customer/")
    page.fill("input[name=name]", "Acme Oy")
    page.fill("input[name=business_id]", "2077474-0")
    page.fill("input[name=contact_name]", "Maija")
    page.fill("input[name=contact_email]", "maija@acme.example")
    shot(page, f"invite-form-{language}-{width}")
    page.locator("form.desk-card button[type=submit]").click()
    page.wait_for_url("**/invite/")
    page.get_by_text("/connect/").first.wait_for()
    shot(page, f"invite-letter-{language}-{width}")
    assert fits(page, width)
    assert page.errors == []
