"""Web shops in a browser: from connecting one to a back-fill, in both languages."""

from __future__ import annotations

import datetime as dt

import pytest

from invoices import tasks
from invoices.models import Invoice
from invoices.shop_models import ShopConnection, ShopRun
from invoices.shops import inbox
from invoices.shops.sandbox import SandboxShop, ShopServer
from tests.browser.pictures import shot, width_of
from tests.browser.test_key_desk import in_background
from tests.invoices.shops.conftest import HOOK_SECRET, KEY, SECRET, connect, order_of
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop(settings):
    settings.SHOPS_ALLOW_LOCAL = True
    stand_in = SandboxShop("woocommerce", key=KEY, secret=SECRET)
    stand_in.orders = [
        order_of("woocommerce", 1000 + n, at=f"2026-08-1{n}T10:00:00") for n in range(6)
    ]
    stand_in.orders[1]["tax_lines"][0]["rate_code"] = "DE-MWST-1"
    stand_in.orders[2]["status"] = "pending"
    with ShopServer(stand_in) as server:
        stand_in.server = server
        yield stand_in


def drive(kind):
    def work():
        for pk in ShopRun.objects.filter(kind=kind, state="running").values_list("pk", flat=True):
            tasks.advance_shop_run(pk)

    return work


def test_support_connects_a_shop_and_an_accountant_takes_in_earlier_orders(
    log_in, live_server, tenant, shop
):
    page = log_in("Support")
    page.get_by_role("link", name="Web shops").first.click()
    page.get_by_role("link", name="Connect a shop").click()
    shot(page, "shop-connect")
    page.locator("select[name=tenant]").select_option(label=str(tenant))
    page.locator("input[name=name]").fill("Kukkapuoti")
    page.locator("input[name=address]").fill(shop.server.address)
    page.locator("input[name=prefix]").fill("W-")
    page.locator("input[name=since]").fill("2026-09-01")
    page.locator("input[name=api_key]").fill(KEY)
    page.locator("input[name=api_secret]").fill(SECRET)
    page.locator("input[name=webhook_secret]").fill(HOOK_SECRET)
    page.get_by_role("button", name="Connect").click()
    page.get_by_text("Connected; whether the shop answers is seen in a moment.").wait_for()
    in_background(page, drive("test"))
    page.locator("#runs tr", has_text="Test of the connection").get_by_text("Done").wait_for()
    page.get_by_text("Webhook address").wait_for()
    assert not any(secret in page.content() for secret in (KEY, SECRET, HOOK_SECRET))
    assert page.errors == []

    connection = ShopConnection.objects.get()
    page = log_in("Accountant")
    page.goto(live_server.url + url("invoices_shopconnection_change", connection.pk))
    page.get_by_role("link", name="Back-fill").first.click()
    page.locator("input[name=first_day]").fill("2026-08-01")
    page.locator("input[name=last_day]").fill("2026-08-31")
    page.get_by_role("button", name="Count first").click()
    in_background(page, drive("count"))
    page.get_by_text("to be taken in: 4").wait_for()
    page.get_by_text("50.20").wait_for()
    shot(page, "shop-counted")
    page.get_by_role("button", name="Take them in", exact=True).click()
    page.wait_for_load_state()
    in_background(page, drive("backfill"))
    page.get_by_text("taken in: 4", exact=True).wait_for()
    page.get_by_text("it is not Finnish VAT").wait_for()
    shot(page, "shop-taken-in")
    assert Invoice.objects.count() == 4
    assert page.errors == []


@pytest.mark.parametrize("language", ["en", "fi"])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_a_phone_and_a_desk_in_both_languages(
    log_in, live_server, tenant, shop, language, dark, client
):
    connection = connect(shop, tenant, name="Kukkapuoti", since=dt.date(2026, 8, 1))
    tasks.follow_shops()
    drive("pull")()
    inbox.take_up()
    shop.secret = "another"
    ShopConnection.objects.update(pull_after=None)
    tasks.follow_shops()
    drive("pull")()
    page = log_in("Administrator", language=language, dark=dark)
    shade = "dark" if dark else "light"
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for name in ("changelist", "change"):
            key = [connection.pk] if name == "change" else []
            page.goto(live_server.url + url(f"invoices_shopconnection_{name}", *key))
            shot(page, f"shop-{name}-{language}-{shade}-{width}")
            assert width_of(page) <= width
        page.goto(live_server.url + url("invoices_shopconnection_settings", connection.pk))
        shot(page, f"shop-settings-{language}-{shade}-{width}")
        assert width_of(page) <= width
    page.goto(live_server.url + url("invoices_shopconnection_change", connection.pk))
    told = "The shop refuses the key." if language == "en" else "Kauppa ei hyväksy avainta."
    assert page.get_by_text(told).count() >= 1
    assert page.errors == []
