"""A token is made, copied and revoked in a browser, and the reference is read."""

from __future__ import annotations

import pytest

from invoices.webhooks import collecting, endpoints
from tests import factories
from tests.browser.pictures import shot, width_of
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(
    ("language", "width", "dark"), [("en", 1280, False), ("fi", 390, False), ("fi", 1280, True)]
)
def test_token_and_webhook_are_made_at_the_desk(
    log_in, live_server, tenant, queued, language, width, dark
):
    boss = factories.UserFactory(role="Support")
    endpoint, _secret = endpoints.add(tenant, "https://shop.example/hooks/x", by=boss)
    name = f"{language}-{width}{'-dark' if dark else ''}"
    page = log_in("Support", language=language, width=width, dark=dark)
    page.goto(f"{live_server.url}{url('integrations_tenant_change', tenant.pk)}")
    page.click(f"a[href='{url('invoices_apitoken_desk', tenant.pk)}']")
    page.fill("input[name=name]", "Web shop")
    page.fill("input[name=expires_on]", "2099-12-31")
    shot(page, f"api-desk-form-{name}")
    page.click("button[value=token]")

    clear = page.inner_text("code.desk-secret")
    assert clear.startswith("fnk_") and len(clear) == 50
    shot(page, f"api-token-once-{name}")
    assert width_of(page) <= width
    page.click(f"a[href='{url('invoices_apitoken_desk', tenant.pk)}']")
    assert clear not in page.content()
    assert width_of(page) <= width
    shot(page, f"api-desk-{name}")
    page.goto(f"{live_server.url}{url('invoices_webhookendpoint_change', endpoint.pk)}")
    shot(page, f"webhook-{name}")
    assert width_of(page) <= width
    collecting.collect()
    page.goto(f"{live_server.url}{url('invoices_apitoken_changelist')}")
    shot(page, f"api-tokens-{name}")
    assert page.errors == []


@pytest.mark.parametrize(
    ("language", "width", "dark"), [("en", 1280, False), ("sv", 390, False), ("fi", 390, True)]
)
def test_reference_is_readable_on_every_screen(chromium, live_server, language, width, dark):
    context = chromium.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        extra_http_headers={"Accept-Language": language},
    )
    page = context.new_page()
    problems = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(f"{live_server.url}/api/v1/docs")

    assert width_of(page) <= width
    assert page.evaluate("getComputedStyle(document.body).margin") == "0px"
    shot(page, f"api-reference-{language}-{width}{'-dark' if dark else ''}")
    page.click("a[href='#problems']")
    assert problems == []
    context.close()
