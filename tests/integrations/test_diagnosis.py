"""The connection check: each mistake of a customer is seen at its step, with words for it."""

import datetime as dt

import pytest
from django.core.cache import cache

from integrations import advice, custody, diagnosis
from integrations.models import BankAccount, ConnectionCheck, Credential
from integrations.secrets import seal
from invoices.models import AuditEvent
from tests import factories

pytestmark = pytest.mark.django_db


def run(tenant):
    cache.clear()
    check = diagnosis.run_check(tenant)
    return check, {step["step"]: step for step in check.steps}


def first_red(tenant):
    check, _steps = run(tenant)
    red = [step for step in check.steps if step["ok"] is False]
    return red[0]["step"], red[0]["code"]


def test_green_check_runs_every_step_in_order_and_opens_a_live_tenant(make_tenant):
    tenant = make_tenant(check=False)

    check, _steps = run(tenant)

    assert [step["step"] for step in check.steps] == list(diagnosis.STEPS)
    assert all(step["ok"] for step in check.steps)
    assert (check.outcome, tenant.state) == ("passed", "active")
    assert check.finished_at >= check.started_at


def test_reference_data_of_the_company_is_kept(tenant):
    known = ConnectionCheck.objects.latest("started_at").reference_data

    assert "25.5" in known["vat_percents"]
    assert known["vat_statuses"]["1"] == "Domestic"
    assert known["active_accounts"] == [tenant.invoice_account.iban]
    assert known["lookup_blind"] is False
    assert len(known["periods"]) > 12


def test_tenant_without_a_key_is_told_to_get_one(make_tenant):
    tenant = factories.TenantFactory()

    assert first_red(tenant) == ("claims", "no_credential")


def test_revoked_key_is_seen_at_the_token_and_later_steps_do_not_run(make_tenant):
    tenant = make_tenant(check=False)
    tenant.company.revoke()

    check, steps = run(tenant)

    assert steps["token"]["code"] == "key_refused"
    assert [step["ok"] for step in check.steps] == [True, False] + [None] * 6
    assert tenant.state == "pending"


def test_revoked_key_of_an_active_tenant_pauses_it_once(tenant):
    tenant.company.revoke()
    run(tenant)
    run(tenant)

    assert (tenant.state, tenant.pause_reason) == ("paused", "credential")
    assert AuditEvent.objects.filter(action="tenant.paused").count() == 1


def test_missing_client_secret_is_our_own_move(tenant, settings):
    settings.PROCOUNTOR["test"]["client_secret"] = ""

    step, code = first_red(tenant)

    assert (step, code, advice.ADVICE[code].mover) == ("token", "secret_missing", "us")


@pytest.mark.parametrize(
    ("right", "value", "code"),
    [
        ("sales.salesOrGroupInvoices", "VIEWING_RIGHTS", "right_missing"),
        ("sales.salesInvoiceSearch", "NO_ACCESS", "right_missing"),
        ("sales.personalSalesInvoicesOnly", True, "sees_own_invoices_only"),
        ("accounting.preventCreatingEditingInvoices", True, "creating_prevented"),
    ],
)
def test_missing_right_is_named(tenant, right, value, code):
    tenant.company.set_right(right, value)

    _check, steps = run(tenant)

    assert steps["rights"]["code"] == code


def test_key_that_opens_another_company_is_refused_and_pauses(make_tenant):
    tenant = make_tenant()
    tenant.business_id = "0112038-9"
    tenant.save(update_fields=["business_id"])

    _check, steps = run(tenant)

    assert steps["company"]["code"] == "wrong_company"
    assert "Acme Oy" in steps["company"]["value"]
    assert tenant.state == "paused"


def test_account_that_procountor_does_not_have_is_named(tenant):
    BankAccount.objects.update(iban="FI5542345670000081")

    _check, steps = run(tenant)

    assert steps["bank_accounts"]["code"] == "account_not_in_procountor"
    assert steps["bank_accounts"]["value"] == "FI55 4234 5670 0000 81"
    assert BankAccount.objects.get().in_procountor == "missing"


def test_missing_account_lists_what_procountor_has(tenant):
    iban = tenant.invoice_account.iban
    BankAccount.objects.all().delete()

    _check, steps = run(tenant)

    assert steps["bank_accounts"]["code"] == "no_account_filed"
    assert iban in steps["bank_accounts"]["value"]


def test_inactive_account_is_named(tenant):
    tenant.company.bank_accounts[0]["status"] = "INACTIVE"

    _check, steps = run(tenant)

    assert steps["bank_accounts"]["code"] == "account_not_active"


def test_vat_status_not_in_use_is_named(tenant):
    tenant.default_vat_status = 99
    tenant.save(update_fields=["default_vat_status"])

    assert first_red(tenant) == ("vat", "vat_status_not_in_use")


def test_closed_period_today_is_named(tenant):
    tenant.company.close_period(dt.date(2004, 1, 1), dt.date(2100, 1, 1))

    assert first_red(tenant) == ("fiscal_years", "no_open_period")


def test_silence_is_procountor_s_move_and_pauses_nobody(tenant, sandbox):
    sandbox.fault("html_500", path="/oauth/token", method="POST", times=10)

    step, code = first_red(tenant)

    assert (step, code, advice.ADVICE[code].mover) == ("token", "not_answering", "procountor")
    tenant.refresh_from_db()
    assert tenant.state == "active"


def test_sealed_key_that_does_not_open_is_our_move(tenant):
    Credential.objects.update(api_key=seal("key", "another owner"))

    assert first_red(tenant) == ("claims", "secret_unreadable")


def test_forbidden_endpoint_names_the_step_and_the_others_still_run(tenant, sandbox):
    sandbox.fault("status", status=403, path="/company", method="GET")

    check, steps = run(tenant)

    assert (steps["company"]["code"], steps["fiscal_years"]["ok"]) == ("step_forbidden", True)
    assert check.outcome == "failed"


def test_paused_by_a_person_stays_paused_when_the_check_passes(tenant):
    diagnosis.pause(tenant, "person")

    run(tenant)

    assert tenant.state == "paused"
    assert diagnosis.resume(tenant) is True


def test_new_key_after_revocation_resumes_the_tenant(tenant):
    tenant.company.revoke()
    run(tenant)
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    run(tenant)

    assert tenant.state == "active"


@pytest.mark.parametrize("code", list(advice.ADVICE))
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_finding_has_a_sentence_for_the_customer(code, language):
    text = advice.customer_sentence({"code": code, "value": "VALUE"}, language)

    assert text
    assert "{value}" not in text


def test_key_and_token_are_not_in_the_stored_check(tenant):
    check, _steps = run(tenant)

    key = custody.open_api_key(tenant.active_credential)
    assert key not in str(check.steps) + str(check.reference_data)
