"""Management's pages in a real browser: readable, without a script, on a phone and in the dark."""

import datetime as dt

import pytest
from django.utils import timezone

from invoices.reports import rolling
from tests import factories, reports
from tests.browser.pictures import shot, width_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def office():
    one = factories.TenantFactory(name="Kahvila Ärjy Oy", business_id="2077474-0", state="active")
    two = factories.TenantFactory(
        name="Rakennus Öljymäki Ky", business_id="0112038-9", state="active"
    )
    now = timezone.now()
    for day in range(25):
        when = now - dt.timedelta(days=day)
        for number in range(2 + (day * 7) % 5):
            export = reports.take_in(one if number % 3 else two, f"{day}{number}7.30", when=when)
            if number == 1 and day % 2:
                reports.fail(export, when=when)
                if day % 4 == 1:
                    reports.queue_again(export, when=when)
                    reports.accept(export, when=when + dt.timedelta(hours=3))
            else:
                reports.accept(export, when=when + dt.timedelta(seconds=20 * number + 5))
    reports.accept(reports.take_in(two, "900.00", "SEK"))
    rolling.roll_up()


@pytest.mark.parametrize(
    ("language", "width", "dark"), [("en", 1280, False), ("fi", 1280, True), ("fi", 390, False)]
)
def test_manager_sees_figures_and_follows_one(office, log_in, language, width, dark):
    page = log_in("Management", language=language, width=width, dark=dark)
    shot(page, f"figures-{language}-{width}-{dark}")
    chart = page.locator("svg[role=img]")
    assert chart.bounding_box()["width"] > 250
    assert width_of(page) <= width
    page.locator(".desk-tile").first.click()
    page.wait_for_selector("table tbody tr")
    shot(page, f"history-{language}-{width}-{dark}")
    assert width_of(page) <= width
    assert page.errors == []
