"""The explain panel and the office's words, as an accountant meets them."""

import pytest

from invoices import engine
from invoices.wording_models import UnknownCode, WordingVersion
from tests.browser.pictures import shot, width_of
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

POSTS = {"method": "POST", "path": "/invoices"}
SIZES = [
    ("fi", 1280, False),
    ("fi", 390, True),
    ("en", 1280, True),
    ("en", 390, False),
]


def refused(queued, sandbox, tenant, message, field):
    (export,) = queued("A-1")
    sandbox.fault("status", status=400, message=message, field=field, **POSTS)
    engine.run_lane(tenant.pk)
    return export


@pytest.mark.parametrize(("language", "width", "dark"), SIZES)
def test_panel_leads_to_the_page_that_helps(
    log_in, live_server, tenant, queued, sandbox, language, width, dark
):
    export = refused(queued, sandbox, tenant, "ERROR_VATSTATUS_VATPERC", "invoiceRows[0].vatStatus")
    page = log_in("Accountant", language=language, width=width, dark=dark)
    page.goto(live_server.url + url("invoices_invoiceexport_change", export.pk))

    panel = page.locator(".desk-explain").first
    assert "ERROR_VATSTATUS_VATPERC" in panel.inner_text()
    assert "25.5" in panel.inner_text()
    page.locator("details > summary").filter(has_text=WHAT[language]).click()
    assert page.locator(".desk-explain:visible").count() == 2
    shot(page, f"explain-{language}-{width}-1-panel")
    assert width_of(page) <= width

    panel.locator(".desk-explain-links a").first.click()
    page.wait_for_url(f"**/tenant/{tenant.pk}/settings/")
    assert page.errors == []


WHAT = {"fi": "Mitä se tarkoittaa", "en": "What it means"}


@pytest.mark.parametrize(("language", "width", "dark"), SIZES)
def test_sentence_for_the_customer_stands_in_three_languages(
    log_in, live_server, tenant, queued, sandbox, language, width, dark
):
    export = refused(queued, sandbox, tenant, "CLOSED_FISCAL_PERIOD", "")
    page = log_in("Accountant", language=language, width=width, dark=dark)
    page.goto(live_server.url + url("invoices_invoiceexport_change", export.pk))

    panel = page.locator(".desk-explain").first
    panel.locator("summary").click()
    assert panel.locator(".desk-customer p:visible").count() == 4
    assert "2026-09-01" in panel.inner_text()
    shot(page, f"explain-{language}-{width}-2-customer")
    assert width_of(page) <= width
    assert page.errors == []


@pytest.mark.parametrize(("language", "width", "dark"), SIZES)
def test_unknown_code_gets_words_and_leaves_the_list(
    log_in, live_server, tenant, queued, sandbox, language, width, dark
):
    export = refused(queued, sandbox, tenant, "ERROR_NEW", "invoiceRows[0].unit")
    page = log_in("Accountant", language=language, width=width, dark=dark)
    name = f"explain-{language}-{width}"
    page.goto(live_server.url + url("invoices_wordingversion_changelist"))
    shot(page, f"{name}-3-words")
    assert width_of(page) <= width
    page.locator(".desk-notice a").click()
    page.locator("#result_list").wait_for()
    shot(page, f"{name}-4-waiting")
    assert width_of(page) <= width
    page.locator("#result_list a[href*='words/']").first.click()

    for code, cause in (("en", "The unit is not known."), ("fi", "Yksikköä ei tunneta.")):
        form = page.locator(f"form#{code}")
        form.locator(f"[name={code}-cause]").fill("{unit}")
        form.locator(f"[name={code}-remedy]").fill("Correct {value}.")
        form.locator("button[type=submit]").first.click()
        page.locator(".desk-error").first.wait_for()
        if code == "en":
            shot(page, f"{name}-5-refused")
        form.locator(f"[name={code}-cause]").fill(cause)
        form.locator("button[type=submit]").first.click()
        page.locator("#versions del, #versions ins").filter(has_text=cause[:6]).first.wait_for()
    shot(page, f"{name}-6-written")
    assert width_of(page) <= width

    assert WordingVersion.objects.count() == 2
    assert UnknownCode.objects.get().closed_at is not None
    page.goto(live_server.url + url("invoices_invoiceexport_change", export.pk))
    cause = {"en": "The unit is not known.", "fi": "Yksikköä ei tunneta."}[language]
    assert cause in page.locator(".desk-explain").first.inner_text()
    assert page.errors == []
