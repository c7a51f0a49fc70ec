"""The radar at work: each change in Procountor warns before an invoice fails for it, nothing is
posted, and each tenant is alerted of once."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from integrations import diagnosis, strip, tasks
from integrations.models import BankAccount, ConnectionCheck
from integrations.needs import needs_of
from invoices.mapping import basis_of
from invoices.models import AuditEvent, InvoiceExport
from invoices.preflight import latest_reference_data, reference_of, settings_of
from invoices.watch.radar_mails import deliver_radar
from invoices.watch.tenants import follow_tenants
from invoices.watch_models import Alert
from tests import factories
from tests.invoices.test_alerts import mail, refusing  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db

OTHER = "FI1099900020000892"


def run(tenant):
    cache.clear()
    return diagnosis.run_check(tenant)


def warned(tenant):
    return [(each["code"], each["value"]) for each in run(tenant).warnings]


def row(percent, category):
    return factories.invoice()["rows"][0] | {"vat_percent": percent, "vat_category": category}


def test_snapshot_keeps_what_mapping_reads_and_the_rest(tenant):
    known = run(tenant).reference_data

    assert known["rights"]["sales.salesOrGroupInvoices"] == "ALL_RIGHTS"
    assert known["rights"]["accounting.preventCreatingEditingInvoices"] is False
    assert known["accounts"] == {tenant.invoice_account.iban: "ACTIVE"}
    assert (known["operation_type"], known["currency"]) == ("PRODUCTION", "EUR")
    assert known["active_accounts"] == [tenant.invoice_account.iban]
    assert {"vat_percents", "vat_statuses", "periods", "lookup_blind"} <= set(known)


def test_company_in_order_is_warned_of_nothing(tenant, queued):
    queued("A-1")

    check = run(tenant)

    assert (check.outcome, check.warnings) == ("passed", [])
    assert not Alert.objects.exists()


def test_search_right_lowered_to_viewing_warns_and_stays_green(tenant):
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")

    check = run(tenant)

    assert check.outcome == "passed"
    assert check.warnings == [{"code": "search_right_narrow", "value": ""}]


def test_second_problem_behind_a_red_one_is_warned_of_and_the_red_one_is_not(tenant):
    tenant.company.set_right("sales.salesInvoiceSearch", "NO_ACCESS")
    tenant.company.set_right("sales.personalSalesInvoicesOnly", True)

    check = run(tenant)

    assert [step["code"] for step in check.steps if step["code"]] == ["right_missing"]
    assert check.warnings == [{"code": "sees_own_invoices_only", "value": ""}]


def test_percent_of_recent_invoices_that_is_turned_off_warns(tenant, queued):
    queued("A-1", rows=[row("13.5", "S")], gross_total="113.50")
    tenant.company.set_vat(percents=["25.5", "0"])

    assert warned(tenant) == [("vat_percent_gone", "13.5 %")]


def test_percent_of_invoices_long_past_or_skipped_is_not_needed(tenant, queued, admin_user):
    (export,) = queued("A-1", rows=[row("13.5", "S")], gross_total="113.50")
    tenant.company.set_vat(percents=["25.5", "0"])

    with time_machine.travel(timezone.now() + dt.timedelta(days=61)):
        assert needs_of(tenant).vat_percents == frozenset()
    InvoiceExport.objects.filter(pk=export.pk).update(status="skipped")
    assert warned(tenant) == []


def test_mapped_status_that_is_turned_off_warns_and_the_default_one_is_red(make_tenant):
    tenant = make_tenant(vat_status_by_category={"K": 5})
    tenant.company.set_vat(statuses={3: "Outside of the EU"})

    check = run(tenant)

    assert [step["code"] for step in check.steps if step["code"]] == ["vat_status_not_in_use"]
    assert check.warnings == [{"code": "used_vat_status_gone", "value": "5"}]


def test_other_account_of_recent_invoices_that_vanishes_warns(tenant, queued):
    tenant.company.set_account(OTHER, "ACTIVE")
    BankAccount.objects.create(tenant=tenant, iban=OTHER, is_default=False)
    queued("A-1", seller_account=OTHER)
    assert warned(tenant) == []

    tenant.company.set_account(OTHER, "MISSING")

    assert warned(tenant) == [("used_account_gone", "FI10 9990 0020 0008 92")]


def test_account_that_was_never_the_tenants_own_warns_of_nothing(tenant, queued):
    queued("A-1", seller_account=OTHER)

    assert warned(tenant) == []


def test_turn_of_the_year_without_an_open_period_warns_two_weeks_before(tenant):
    year = timezone.localdate().year
    tenant.company.close_period(dt.date(year + 1, 1, 1), dt.date(year + 2, 12, 31))

    with time_machine.travel(dt.datetime(year, 12, 16, 12, tzinfo=dt.UTC)):
        assert warned(tenant) == []
    with time_machine.travel(dt.datetime(year, 12, 17, 12, tzinfo=dt.UTC)):
        assert warned(tenant) == [("open_period_ends", f"31.12.{year}")]


def test_books_in_another_currency_warn(tenant):
    tenant.company.set_currency("SEK")

    assert warned(tenant) == [("company_currency", "SEK")]


def test_trial_warns_of_a_tenant_in_production_only(tenant):
    tenant.company.set_operation_type("TRIAL")

    assert warned(tenant) == []
    assert needs_of(tenant).is_production is False
    tenant.environment = "production"
    assert needs_of(tenant).is_production is True


def test_radar_posts_nothing(tenant, queued, sandbox):
    queued("A-1")
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")
    before = len(sandbox.requests)

    run(tenant)

    made = [(method, path) for _t, method, path, *_rest in sandbox.requests[before:]]
    assert len(made) > 5
    assert [path for method, path in made if method != "GET"] == ["/oauth/token"]
    assert sandbox.ledger() == []


def test_payloads_prepared_before_stay_good_when_only_the_radars_facts_change(tenant, queued):
    (export,) = queued("A-1")
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")
    tenant.company.set_right("accounting.preventEditingAccountingPage", True)
    run(tenant)

    known = latest_reference_data(tenant)
    bare = {name: known[name] for name in ("vat_percents", "vat_statuses", "active_accounts")}
    assert known["rights"]["accounting.preventEditingAccountingPage"] is True
    now = basis_of(settings_of(tenant), reference_of(known))
    assert now == basis_of(settings_of(tenant), reference_of(bare)) == export.prepared.basis


def test_facts_of_the_radar_alone_do_not_make_a_check_the_newest_that_knows(tenant, sandbox):
    known = latest_reference_data(tenant)
    for path in ("/users/rights", "/bankaccounts", "/vats/default", "/fiscalyears"):
        sandbox.fault("status", status=403, path=path, method="GET")

    check = run(tenant)

    assert check.outcome == "failed"
    assert latest_reference_data(tenant) == known


def test_warnings_are_in_the_trail(tenant):
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")

    run(tenant)

    event = AuditEvent.objects.filter(action="connection.passed").latest("pk")
    assert event.data == {"codes": [], "warnings": ["search_right_narrow"]}


# --- Alerts ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_warning_is_mailed_once_and_its_end_once(tenant, mail):  # noqa: F811
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")
    for _check in range(3):
        run(tenant)
        deliver_radar()
    (told,) = mail.inbox

    tenant.company.set_right("sales.salesInvoiceSearch", "ALL_RIGHTS")
    # The end is news of the next morning.
    for _check in range(3):
        run(tenant)
        with time_machine.travel(timezone.now() + dt.timedelta(days=1)):
            deliver_radar()

    assert mail.subjects == [
        "[Flashnode] 1 connection will soon need the customer",
        "[Flashnode] Over: what the rights radar warned of",
    ]
    assert "The user may only view in the search of sales invoices" in told.get_content()
    assert Alert.objects.get().recovered_at is not None


def test_check_that_could_not_see_everything_ends_no_alert(tenant, sandbox):
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")
    run(tenant)
    sandbox.fault("status", status=403, path="/users/rights", method="GET")

    check = run(tenant)

    assert check.warnings == []
    assert Alert.objects.get(cause="radar_warning").recovered_at is None


def test_tenant_that_is_not_live_yet_alerts_nobody(make_tenant):
    tenant = make_tenant(check=False)
    BankAccount.objects.filter(tenant=tenant).delete()
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")

    check = run(tenant)

    assert (check.outcome, len(check.warnings)) == ("failed", 1)
    assert not Alert.objects.exists()


def test_alert_of_a_tenant_that_was_closed_ends(tenant):
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")
    run(tenant)
    tenant.state = "closed"
    tenant.save(update_fields=["state"])

    follow_tenants()

    assert Alert.objects.get().recovered_at is not None


def test_alerts_of_two_tenants_are_apart(make_tenant):
    acme = make_tenant()
    make_tenant(name="Beta Oy", business_id="0112038-9")
    acme.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")

    tasks.check_connection(acme.pk)

    assert [alert.tenant for alert in Alert.objects.all()] == [acme]


# --- The strip ---------------------------------------------------------------------------------


def at(tenant, day, hour, outcome="passed", warnings=(), **fields):
    moment = timezone.make_aware(dt.datetime.combine(day, dt.time(hour)))
    values = {"finished_at": moment, "outcome": outcome, "warnings": list(warnings)} | fields
    return ConnectionCheck.objects.create(tenant=tenant, started_at=moment, **values)


def test_strip_has_a_cell_a_day_by_that_days_last_finished_check(django_assert_num_queries):
    tenant = factories.TenantFactory()
    today = dt.date(2026, 11, 26)
    days = [today - dt.timedelta(days=number) for number in range(40)]
    at(tenant, days[0], 0, "failed")
    green = at(tenant, days[0], 5)
    at(tenant, days[0], 6, "running", finished_at=None)
    at(tenant, days[0], 7, "failed", of_candidate=True)
    amber = at(tenant, days[1], 23, warnings=[{"code": "search_right_narrow", "value": ""}])
    red = at(tenant, days[2], 5, "failed")
    first = at(tenant, days[29], 0)
    at(tenant, days[30], 23)

    with django_assert_num_queries(1):
        cells = strip.cells(tenant, today)

    assert [cell.day for cell in cells] == days[29::-1]
    shown = {cell.day: (cell.kind, cell.check_pk) for cell in cells if cell.kind != "none"}
    assert shown == {
        days[0]: ("green", green.pk),
        days[1]: ("amber", amber.pk),
        days[2]: ("red", red.pk),
        days[29]: ("green", first.pk),
    }
    assert len({cell.sign for cell in cells}) == len({cell.words for cell in cells}) == 4
