"""One cause, one fix: failures folded, checked again without sending, and what healed them."""

from __future__ import annotations

import datetime as dt
import importlib
from decimal import Decimal

import pytest
from django.apps import apps
from django.utils import timezone

from integrations import diagnosis
from invoices import audit, causes, engine, exports, tasks
from invoices.cause_models import ExportCause, Fix, Recheck
from invoices.models import AuditEvent, InvoiceExport
from invoices.plan_models import BulkPlan
from tests import factories
from tests.bulk import failed, heal
from tests.rehearsals import take_in
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, text, url

pytestmark = pytest.mark.django_db(transaction=True)

LIST, GROUP = "invoices_exportcause_changelist", "invoices_exportcause_group"
MAY = {"Accountant", "Administrator"}
ROLES = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}


def groups():
    return [
        (row["tenant__name"], row["code"], row["value"], row["count"], row["euros"])
        for row in causes.folded(causes.open_causes())
    ]


def the_key():
    return ExportCause.objects.values_list("key", flat=True).distinct().get()


def rechecked(tenant, key):
    asked = causes.ask_for_recheck(tenant, key, by=None)
    assert causes.run_recheck(asked.pk)
    asked.refresh_from_db()
    return asked


def expected(rung, allowed, answer="shown"):
    if rung == ANONYMOUS:
        return "log in"
    return answer if rung in allowed else "refused"


def test_failures_fold_by_tenant_code_field_and_value(make_tenant):
    acme, beta = make_tenant(), make_tenant(name="Beta Oy", business_id="0112038-9")
    acme.company.close_period(dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    diagnosis.run_check(acme)
    failed(acme, "good", "unmapped", "unmapped", "closed", "closed", "closed")
    failed(beta, "unmapped")

    assert groups() == [
        ("Acme Oy", "period_closed", "2026-03", 3, Decimal("376.50")),
        ("Acme Oy", "vat_category_unmapped", "K", 2, Decimal("200.00")),
        ("Beta Oy", "vat_category_unmapped", "K", 1, Decimal("100.00")),
    ]


def test_refusals_of_procountor_fold_too(tenant, sandbox):
    sandbox.fault(
        kind="status",
        status=400,
        message="ERROR_VATSTATUS_VATPERC",
        times=2,
        method="POST",
        path="/invoices",
    )
    failed(tenant, "good", "good")

    ((_tenant, code, _value, count, _euros),) = groups()
    assert (code, count) == ("ERROR_VATSTATUS_VATPERC", 2)


def test_success_writes_no_cause(tenant):
    failed(tenant, "good", "good")

    assert ExportCause.objects.count() == 0


def test_queueing_again_ends_a_cause_and_failing_again_begins_one(tenant):
    (export,) = failed(tenant, "unmapped")
    exports.queue(export)
    assert groups() == []

    engine.run_lane(tenant.pk)

    assert [group[3] for group in groups()] == [1]
    assert ExportCause.objects.count() == 2


def test_invoice_in_another_currency_is_not_added_to_euros(tenant):
    failed(tenant, "unmapped")
    export = InvoiceExport.objects.get()
    row = exports.causes.rows_of(export.pk, tenant.pk, [("x", "", "", "")], None, timezone.now())
    ExportCause.objects.create(**row[0])

    assert {group[1]: group[4] for group in groups()}["x"] is None


def test_folding_costs_one_query(tenant, django_assert_num_queries):
    failed(tenant, "unmapped", "unmapped", "rate")

    with django_assert_num_queries(1):
        list(causes.folded(causes.open_causes()))


def test_failures_that_were_there_before_are_folded_by_the_migration(tenant):
    failed(tenant, "unmapped", "unmapped", "good")
    before = groups()
    ExportCause.objects.all().delete()
    migration = importlib.import_module("invoices.migrations.0012_fold_the_failures_that_are_there")

    migration.forwards(apps, None)
    migration.forwards(apps, None)

    assert groups() == before != []


def test_check_again_sends_nothing_and_says_how_many_would_pass(tenant, sandbox):
    failed(tenant, *["unmapped"] * 3)
    first = rechecked(tenant, the_key())
    heal(tenant)
    requests = len(sandbox.requests)
    second = rechecked(tenant, the_key())

    assert (first.passed, second.passed, second.total) == (0, 3, 3)
    assert len(sandbox.requests) == requests
    assert causes.passing(second).count() == 3
    assert InvoiceExport.objects.filter(status="needs_attention").count() == 3
    assert AuditEvent.objects.filter(action="cause.rechecked").count() == 2


def test_check_under_way_is_not_asked_for_twice(tenant):
    failed(tenant, "unmapped")
    one = causes.ask_for_recheck(tenant, the_key(), by=None)

    assert causes.ask_for_recheck(tenant, the_key(), by=None) == one
    assert causes.run_recheck(one.pk)
    assert not causes.run_recheck(one.pk)


def test_healed_invoices_are_kept_with_the_change_that_healed_them(tenant):
    rows = failed(tenant, "unmapped", "unmapped")
    person = factories.UserFactory()
    heal(tenant)
    event = audit.record(
        "tenant.changed", tenant=tenant, by=person, data={"fields": ["vat_status_by_category"]}
    )
    for export in rows:
        exports.queue(export, by=person)
    tasks.follow_plans()
    assert Fix.objects.count() == 0

    engine.run_lane(tenant.pk)
    tasks.follow_plans()
    tasks.follow_plans()

    fix = Fix.objects.get()
    assert (fix.version, fix.kind, fix.event, fix.made_by) == (1, "settings", event, person)
    assert fix.made_at == event.at
    assert sorted(fix.causes.values_list("export__invoice__number", flat=True)) == ["R-1", "R-2"]


def test_fixes_are_numbered_by_tenant(tenant):
    (one,) = failed(tenant, "unmapped")
    exports.queue(one)
    heal(tenant)
    engine.run_lane(tenant.pk)
    causes.note_healed()
    tenant.vat_status_by_category = {}
    tenant.save(update_fields=["vat_status_by_category"])
    InvoiceExport.objects.update(status="needs_attention")
    exports.causes.begin(
        one.pk,
        one.invoice_id,
        tenant.pk,
        {"problems": [{"code": "vat_category_unmapped", "value": "K"}]},
    )
    audit.record("tenant.changed", tenant=tenant, data={})
    one.refresh_from_db()
    exports.queue(one)
    heal(tenant)
    engine.run_lane(tenant.pk)
    causes.note_healed()

    kinds = Fix.objects.order_by("version").values_list("version", "kind")
    assert list(kinds) == [(1, "nothing"), (2, "settings")]


def test_what_failed_again_or_was_skipped_was_not_healed(tenant):
    one, two = failed(tenant, "unmapped", "unmapped")
    exports.queue(one)
    engine.run_lane(tenant.pk)
    exports.skip(two, by=factories.UserFactory(), reason="By hand")

    causes.note_healed()

    assert Fix.objects.count() == 0
    assert ExportCause.objects.filter(settled=True, healed_at=None).count() == 2


@pytest.mark.parametrize("rung", EVERYBODY)
def test_pages_are_for_every_role_and_checking_for_its_own(client, tenant, rung):
    take_in(tenant, "unmapped", queue=True)
    log_in(client, rung)
    group = url(GROUP, the_key())

    assert refusal(client.get(url(LIST))) == expected(rung, ROLES)
    assert refusal(client.get(group)) == expected(rung, ROLES)
    assert refusal(client.get(url("invoices_fix_changelist"))) == expected(rung, ROLES)
    assert refusal(client.post(group, {"recheck": "1"})) == expected(rung, MAY, "moved")
    assert refusal(client.post(group, {"plan": "all"})) == expected(rung, MAY, "moved")
    assert Recheck.objects.count() == BulkPlan.objects.count() == (rung in MAY)


def test_group_tells_cause_count_form_and_leads_to_its_exports(client, tenant):
    failed(tenant, "unmapped", "unmapped", "good")
    log_in(client, "Accountant")

    listed = text(client.get(url(LIST)))
    shown = client.get(url(GROUP, the_key()))
    rows = client.get(shown.context["list_url"]).context["cl"].result_list

    assert "No VAT status is chosen for the VAT category K." in listed
    assert url(GROUP, the_key()) in listed
    assert shown.context["group"]["count"] == 2
    assert url("integrations_mapping_of_tenant", tenant.pk) in text(shown)
    assert sorted(export.invoice.number for export in rows) == ["R-1", "R-2"]


@pytest.mark.parametrize(
    ("code", "page", "of_tenant"),
    [
        ("vat_status_not_in_use", "integrations_rehearsal_settings", True),
        ("bank_account_not_active", "integrations_tenant_change", True),
        ("period_closed", "invoices_periods_waiting", False),
        ("bulk_stopped", "invoices_bulkplan_changelist", False),
    ],
)
def test_group_leads_to_the_form_that_puts_it_right(client, tenant, code, page, of_tenant):
    take_in(tenant, "good")
    export = InvoiceExport.objects.get()
    fields = {"problems": [{"code": code}]}
    exports.causes.begin(export.pk, export.invoice_id, tenant.pk, fields)
    log_in(client, "Accountant")

    form = client.get(url(GROUP, the_key())).context["form"]

    assert form["url"] == url(page, *([tenant.pk] if of_tenant else []))


def test_what_only_the_invoice_can_put_right_leads_to_correcting_it(client, tenant):
    take_in(tenant, "good")
    export = InvoiceExport.objects.get()
    fields = {"problems": [{"code": "ERROR_BRN_CODE"}]}
    exports.causes.begin(export.pk, export.invoice_id, tenant.pk, fields)
    log_in(client, "Accountant")

    assert url("invoices_export_correct", export.pk) in text(client.get(url(GROUP, the_key())))


def test_those_that_would_pass_lead_to_a_plan(client, tenant):
    failed(tenant, "unmapped", "unmapped")
    key = the_key()
    heal(tenant)
    log_in(client, "Accountant")
    client.post(url(GROUP, key), {"recheck": "1"})
    running = text(client.get(url(GROUP, key)))
    tasks.recheck_cause(Recheck.objects.get().pk)
    done = text(client.get(url(GROUP, key)))

    answer = client.post(url(GROUP, key), {"plan": "passing"})

    plan = BulkPlan.objects.get()
    assert "looks again by itself" in running
    assert "2 of 2 would pass now" in done
    assert "Plan to re-send the 2 that would pass" in done
    assert answer["Location"] == url("invoices_bulkplan_plan", plan.pk)
    assert plan.summary["submit"]["count"] == 2


def test_fix_names_its_invoices(client, tenant):
    (export,) = failed(tenant, "unmapped")
    key = the_key()
    heal(tenant)
    exports.queue(export)
    engine.run_lane(tenant.pk)
    causes.note_healed()
    log_in(client, "Management")

    shown = text(client.get(url("invoices_fix_change", Fix.objects.get().pk)))
    group = text(client.get(url(GROUP, key)))

    assert "R-1" in shown
    assert "Fix 1" in group and "No export fails for this any more" in group


@pytest.mark.parametrize("key", ["x", "²", "0" * 40])
def test_unknown_cause_is_not_found(client, tenant, key):
    log_in(client, "Accountant")

    assert client.get(url(GROUP, key)).status_code == 404
    filtered = client.get(url("invoices_invoiceexport_changelist"), {"cause": key})
    assert (filtered.status_code, len(filtered.context["cl"].result_list)) == (200, 0)


def test_list_costs_the_same_at_one_and_three_causes(client, tenant, django_assert_num_queries):
    take_in(tenant, "unmapped", queue=True)
    log_in(client, "Accountant")
    client.get(url(LIST))
    with django_assert_num_queries(7):
        client.get(url(LIST))
    export = InvoiceExport.objects.get()
    for code in ("a", "b"):
        fields = {"problems": [{"code": code}]}
        exports.causes.begin(export.pk, export.invoice_id, tenant.pk, fields)
    with django_assert_num_queries(7):
        client.get(url(LIST))
