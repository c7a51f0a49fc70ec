"""Mapping tables and closed periods, as the office works on them in a browser."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from integrations import diagnosis, mapping_tables
from integrations.mapping_models import MappingVersion
from integrations.rehearsal_models import Rehearsal
from invoices import engine, filing, period_moves, tasks
from invoices.models import InvoiceExport
from invoices.move_models import PeriodMove
from tests import factories
from tests.browser.pictures import shot, width_of
from tests.browser.test_key_desk import in_background
from tests.rehearsals import rehearsed
from tests.staff import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MARCH, APRIL = dt.date(2026, 3, 1), dt.date(2026, 4, 1)
CLOSED = {"date": "2026-03-10", "due_date": "2026-03-24"}


@pytest.fixture
def beta(make_tenant):
    """A tenant with unknown words, and invoices of a closed month."""
    tenant = make_tenant(name="Beta Oy")
    row = factories.invoice()["rows"][0]
    made = [
        factories.invoice(f"B-{n}", rows=[row | {"unit": word}])
        for n, word in enumerate(["tynnyri", "tynnyri", "t", "h"], 1)
    ]
    content = json.dumps({"invoices": made}).encode()
    filing.file_invoices(tenant, "own.json", content, via="command")
    tenant.company.close_period(MARCH, dt.date(2026, 3, 31))
    diagnosis.run_check(tenant)
    closed = [factories.invoice(f"C-{n}", **CLOSED) for n in range(1, 15)]
    content = json.dumps({"invoices": closed}).encode()
    filing.file_invoices(tenant, "march.json", content, via="command", queue=True)
    engine.run_lane(tenant.pk)
    assert InvoiceExport.objects.filter(status="parked").count() == 14
    return tenant


def test_unknown_unit_is_chosen_tried_and_saved(log_in, live_server, beta):
    page = log_in("Support")
    page.goto(live_server.url + url("integrations_tenant_change", beta.pk))
    page.get_by_role("link", name="Mapping tables", exact=True).click()

    page.locator("#unmapped tr", has_text="tynnyri").get_by_role("link", name="Choose").click()
    assert page.locator("input[name=entry-0-word]").input_value() == "tynnyri"
    page.locator("select[name=entry-0-target]").select_option("BOX")
    page.locator("input[name=since]").fill("2026-01-01")
    page.get_by_role("button", name="Rehearse with this table").click()
    page.get_by_text("The rehearsal waits for its turn").wait_for()
    in_background(page, lambda: tasks.rehearse(Rehearsal.objects.latest("pk").pk))
    page.get_by_text("2 of the last 18 invoices would change").wait_for()
    shot(page, "mapping-tried")
    page.get_by_label("Reason").fill("Barrels are boxes here")
    page.get_by_role("button", name="Save as a new version").click()
    page.get_by_text("The table is saved as a new version.").wait_for()

    assert MappingVersion.objects.get().entries == {"tynnyri": "BOX"}
    assert page.locator("#unmapped tr", has_text="tynnyri").count() == 0
    assert page.errors == []


def test_invoices_of_a_closed_month_are_moved_by_two_people(log_in, live_server, beta):
    page = log_in("Accountant")
    page.get_by_role("link", name="Closed periods").first.click()
    page.get_by_role("link", name="14 invoices, 1,757.00 EUR, wait for March 2026").click()
    page.get_by_text("What moves between VAT periods").wait_for()
    shot(page, "period-preview")
    page.get_by_label("Reason").fill("March is filed")
    page.get_by_role("button", name="Propose to move 14 invoices").click()
    page.get_by_text("You proposed this: another person has to approve it.").wait_for()
    assert page.get_by_role("button", name="Approve").count() == 0

    other = log_in("Accountant")
    other.goto(live_server.url + url("invoices_periods_waiting"))
    other.get_by_role("link", name="March 2026 is closed: Beta Oy").click()
    shot(other, "period-decide")
    other.get_by_role("button", name="Approve: move 14 invoices and queue them").click()
    other.get_by_text("Approved: 14 invoices have a new date and are queued.").wait_for()

    assert InvoiceExport.objects.filter(status="queued").count() == 14
    assert page.errors == other.errors == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("language", "dark"), [("en", False), ("fi", False), ("fi", True)])
def test_pages_fit(log_in, live_server, beta, language, dark, width):
    person = factories.UserFactory(role="Administrator")
    saved = {"table": "unit", "since": "2026-01-01", "entries": {"kolli": "BOX"}}
    mapping_tables.save_version(
        rehearsed(beta, mapping_table=saved), by=person, reason="Kollit laatikoina"
    )
    entries = {"tynnyri": "BOX", "kolli": "PARCEL"}
    tried = rehearsed(beta, mapping_table=saved | {"entries": entries})
    lines = period_moves.plan(
        beta, list(period_moves.of_month(beta, MARCH)), APRIL, keep_days=True
    ).lines
    name = f"{language}-{width}{'-dark' if dark else ''}"
    page = log_in("Administrator", language=language, width=width, dark=dark)
    table = url("integrations_mapping_table", beta.pk, "unit")
    addresses = {
        "mapping": url("integrations_mapping_of_tenant", beta.pk),
        "mapping-form": f"{table}?value=tynnyri",
        "mapping-result": f"{table}?rehearsal={tried.pk}",
        "periods": url("invoices_periods_waiting"),
        "period": url("invoices_period_waiting", beta.pk, 2026, 3),
    }
    widths = {}
    for what, address in addresses.items():
        page.goto(live_server.url + address)
        shot(page, f"{what}-{name}")
        widths[what] = width_of(page)
    page.goto("about:blank")
    move = period_moves.propose(
        beta, MARCH, APRIL, keep_days=True, lines=lines, by=person, reason="Maaliskuu ilmoitettu"
    )
    page.goto(live_server.url + url("invoices_periodmove_decide", move.pk))
    shot(page, f"period-move-{name}")
    widths["period-move"] = width_of(page)

    assert PeriodMove.objects.count() == 1
    assert {what: w for what, w in widths.items() if w > width} == {}
    assert page.errors == []
