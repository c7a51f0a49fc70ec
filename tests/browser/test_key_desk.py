"""Support staff at the key desk: from a pasted mail to a live tenant."""

import pytest
from django.urls import reverse

from integrations import tasks
from integrations.models import ReceivedKey, Tenant
from invoices.models import AuditEvent
from tests.browser.pictures import shot, width_of
from tests.integrations import mails

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def letter(company, key):
    account = company.bank_accounts[0]["iban"]
    return (
        f"Hei,\n\nAPI-avain:\n{mails.wrap(key, 76)}\n\nTilinro: {account}\n"
        "\nTerveisin\nMaija Ostaja\nAcme Oy\nY-tunnus 2077474-0"
    )


def in_background(page, work):
    """What the cluster would do by now; the page looks again by itself, and must not meet it in
    the database that test and server share."""
    address = page.url
    page.goto("about:blank")
    work()
    page.goto(address)


def identify_all():
    for pk in list(ReceivedKey.objects.values_list("pk", flat=True)):
        tasks.identify_key(pk)


def test_from_a_pasted_mail_to_a_live_tenant_in_four_clicks_and_a_reason(log_in, sandbox):
    company = sandbox.add_company(name="Acme Oy", business_id="2077474-0")
    page = log_in("Support")
    page.get_by_role("link", name="Tenants").first.click()

    clicks = 0
    page.get_by_role("link", name="Read a customer's mail").click()
    clicks += 1
    page.locator("textarea[name=text]").fill(letter(company, company.api_key))
    shot(page, "mail-pasted")
    page.get_by_role("button", name="Find the key").click()
    clicks += 1
    page.get_by_text("Procountor is being asked whose key this is").wait_for()
    in_background(page, identify_all)
    page.get_by_text("this key opens Acme Oy (2077474-0)").wait_for()
    assert company.api_key not in page.content()
    shot(page, "mail-found")
    page.get_by_role("button", name="Make the tenant Acme Oy and file it").click()
    clicks += 1
    page.get_by_text("is filed for Acme Oy").wait_for()
    in_background(page, lambda: tasks.check_connection(Tenant.objects.get().pk))
    page.get_by_text("Verified: ready to go live").wait_for()
    shot(page, "mail-verified")
    page.locator("#going-live").get_by_role("link", name="Go live").click()
    clicks += 1
    page.get_by_text("Nothing has been rehearsed yet.").first.wait_for()
    # A company without invoices has nothing to rehearse with: the cursor is in the field.
    page.locator("input[name=reason]:focus").wait_for()
    reason = "No invoices yet"
    page.keyboard.type(reason)
    page.keyboard.press("Enter")
    page.get_by_text("is live: what is queued is submitted from now on.").wait_for()

    tenant = Tenant.objects.get()
    keystrokes = len(reason) + 1
    assert (tenant.state, clicks, keystrokes) == ("active", 4, 16)
    assert AuditEvent.objects.get(action="tenant.went_live").data["reason"] == reason
    assert tenant.invoice_account.iban == company.bank_accounts[0]["iban"]
    assert page.errors == []


@pytest.mark.parametrize(("language", "width"), [("fi", 1280), ("fi", 390), ("en", 390)])
def test_replacing_a_key_keeps_the_older_one_until_the_new_one_has_passed(
    log_in, live_server, tenant, sandbox, language, width
):
    older, newer = tenant.active_credential, tenant.company.new_api_key()
    page = log_in("Support", language=language, width=width)
    page.goto(f"{live_server.url}/admin/integrations/tenant/read-mail/")
    page.locator("textarea[name=text]").fill(letter(tenant.company, newer))
    page.locator("form.desk-card button[type=submit]").click()
    page.wait_for_url("**/read-mail/*-*/")
    in_background(page, identify_all)
    page.locator("form input[name=account]").first.wait_for()
    shot(page, f"replace-{language}-{width}")
    page.locator("section form button[type=submit]").click()
    page.wait_for_url("**/change/**")
    shot(page, f"candidate-{language}-{width}")

    tenant.refresh_from_db()
    assert (tenant.state, tenant.candidate.last_four) == ("active", newer[-4:])
    assert tenant.active_credential == older
    width_of_page = width_of(page)
    in_background(page, lambda: tasks.check_connection(tenant.pk))
    assert tenant.active_credential.last_four == newer[-4:]
    assert width_of_page <= width
    assert page.errors == []


@pytest.mark.parametrize("width", [1280, 390])
def test_support_copies_a_text_and_notes_that_it_was_sent(log_in, live_server, tenant, width):
    page = log_in("Support", language="fi", width=width)
    page.goto(f"{live_server.url}{reverse('admin:integrations_tenant_change', args=[tenant.pk])}")
    shot(page, f"tenant-{width}")
    assert width_of(page) <= width
    page.get_by_role("link", name="Kirjoita asiakkaalle").click()
    page.get_by_text("Yhteytenne Procountoriin toimii").wait_for()
    page.get_by_role("link", name="Svenska").click()
    page.get_by_text("Er anslutning till Procountor fungerar").wait_for()
    shot(page, f"write-{width}")
    page.get_by_role("button", name="Kopioi").first.click()
    page.get_by_role("button", name="Kopioitu").wait_for()
    page.get_by_role("button", name="Olen lähettänyt sen").first.click()
    page.get_by_text("Merkitty: asiakkaalle on kirjoitettu.").wait_for()

    event = AuditEvent.objects.get(action="customer.told")
    assert event.data == {"text": "working", "language": "sv"}
    assert width_of(page) <= width
    assert page.errors == []
