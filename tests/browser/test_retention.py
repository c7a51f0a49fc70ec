"""A financial year's end, as two people see it in a browser, in both languages."""

from __future__ import annotations

import pytest

from invoices import expiry
from invoices.retention import holds
from invoices.retention_models import Expiry
from tests import factories
from tests.browser.pictures import shot, width_of
from tests.invoices.expiry.conftest import chain_of, exported, key, proposed  # noqa: F401 - fixtures
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("language", ["en", "fi"])
def test_year_is_proposed_held_approved_and_certified(
    log_in,
    live_server,
    tenant,
    exported,  # noqa: F811 - the fixture
    language,
):
    exported("2015-03-01T10:00", "Z-1")
    exported("2016-03-01T10:00", "A-1", "A-2")
    hold = holds.place(
        tenant, chain_of(tenant, 2015), by=factories.UserFactory(), reason="Tax audit of 2015"
    )
    page = log_in("Management", language=language)
    page.goto(f"{live_server.url}{url('invoices_expiry_ended')}")
    shot(page, f"ended-years-{language}")
    page.goto(f"{live_server.url}{url('invoices_expiry_propose', chain_of(tenant, 2016).pk)}")
    page.fill("textarea[name=reason]", "Six years are over")
    shot(page, f"expiry-propose-{language}")
    page.click("button[name=confirmed]")
    waiting = Expiry.objects.get()

    second = log_in("Administrator", language=language)
    second.goto(f"{live_server.url}{url('invoices_expiry_decide', waiting.pk)}")
    shot(second, f"expiry-decide-{language}")
    second.click("button[name=approve]")
    while expiry.advance(waiting.pk):
        pass
    second.reload()
    second.locator("details").last.locator("summary").click()
    shot(second, f"expiry-done-{language}")
    assert width_of(second) <= 1280
    for name, page_url in (
        ("holds", url("invoices_legalhold_changelist")),
        ("hold", url("invoices_legalhold_change", hold.pk)),
        ("hold-place", url("invoices_legalhold_place_hold")),
        ("chain", url("invoices_evidencechain_change", waiting.chain_id)),
        ("expiries", url("invoices_expiry_changelist")),
    ):
        second.goto(f"{live_server.url}{page_url}")
        shot(second, f"{name}-{language}")
        assert width_of(second) <= 1280
    assert page.errors == [] and second.errors == []
