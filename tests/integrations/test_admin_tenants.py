"""The key desk: who may do what, what the pages say, and that no key is ever shown."""

import datetime as dt

import pytest
import time_machine
from django_q.models import OrmQ

from integrations import custody, diagnosis, tasks
from integrations.models import BankAccount, ConnectionCheck, Credential, ReceivedKey, Tenant
from tests import factories
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

OURS, OTHER = "FI2112345600000785", "FI1099900020000892"
PAGES = {
    "check_now": {"Support", "Accountant", "Administrator"},
    "file_key": {"Support", "Administrator"},
    "pause_tenant": {"Support", "Administrator"},
    "resume_tenant": {"Support", "Administrator"},
}


@pytest.fixture
def acme():
    return factories.TenantFactory(state="active")


def expected(rung, allowed):
    if rung == ANONYMOUS:
        return "log in"
    return "shown" if rung in allowed else "refused"


def filed(client, tenant, key, **fields):
    data = {"api_key": key, "received_via": "email", "account": ""} | fields
    return client.post(url("integrations_tenant_file_key", tenant.pk), data)


def account(tenant, number, **fields):
    made = BankAccount(tenant=tenant, **fields)
    made.set_number(number)
    made.save()
    return made


def tenant_form(tenant, *accounts):
    """A POST of the tenant's page; accounts are (bank account or None, number, for invoices)."""
    data = {
        name: getattr(tenant, name)
        for name in [
            "name",
            "business_id",
            "environment",
            "language",
            "contact_name",
            "contact_email",
            "contact_phone",
            "invoice_channel",
            "after_submit",
            "default_vat_status",
            "invoice_language",
            "days_to_pay",
            "retention_years",
        ]
    }
    data |= {"penalty_percent": "", "vat_status_by_category": "{}"}
    initial = sum(1 for known, _number, _default in accounts if known)
    data |= {"bank_accounts-TOTAL_FORMS": len(accounts), "bank_accounts-INITIAL_FORMS": initial}
    data |= {"credentials-TOTAL_FORMS": 0, "credentials-INITIAL_FORMS": 0}
    for index, (known, number, default) in enumerate(accounts):
        prefix = f"bank_accounts-{index}"
        data |= {f"{prefix}-iban": number, f"{prefix}-tenant": tenant.pk}
        data |= {f"{prefix}-id": known.pk} if known else {}
        data |= {f"{prefix}-is_default": "on"} if default else {}
    return data


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize("page", ["check_now", "file_key", "pause_tenant"])
def test_tenant_action_opens_for_its_roles_only(client, acme, page, rung):
    log_in(client, rung)

    response = client.get(url(f"integrations_tenant_{page}", acme.pk))

    assert refusal(response) == expected(rung, PAGES[page])


@pytest.mark.parametrize("rung", EVERYBODY)
def test_resume_opens_for_its_roles_only(client, acme, rung):
    diagnosis.pause(acme, "person")
    log_in(client, rung)

    response = client.get(url("integrations_tenant_resume_tenant", acme.pk))

    assert refusal(response) == expected(rung, PAGES["resume_tenant"])


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize("page", ["tenant_changelist", "connectioncheck_changelist"])
def test_lists_open_for_every_role(client, acme, page, rung):
    log_in(client, rung)

    allowed = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}
    assert refusal(client.get(url(f"integrations_{page}"))) == expected(rung, allowed)


@pytest.mark.parametrize("rung", [ANONYMOUS, NO_RIGHTS, "Accountant", "Management"])
def test_key_posted_without_the_right_is_not_filed(client, acme, rung):
    log_in(client, rung)

    response = filed(client, acme, factories.api_key())

    assert refusal(response) == ("log in" if rung == ANONYMOUS else "refused")
    assert acme.credentials.count() == 0


def test_key_is_asked_about_then_filed_and_never_shown(
    client, sandbox, django_capture_on_commit_callbacks
):
    acme = factories.TenantFactory(business_id="2077474-0")
    key = sandbox.add_company(name="Acme Oy", business_id="2077474-0").api_key
    user = log_in(client, "Support")

    with django_capture_on_commit_callbacks(execute=True):
        asked = filed(client, acme, f"  {key[:40]}\n{key[40:]} ", account="999000-20000892")
    assert acme.credentials.count() == 0
    kept = ReceivedKey.objects.get()
    assert [task.task["func"] for task in OrmQ.objects.all()] == ["integrations.tasks.identify_key"]
    assert key not in str(OrmQ.objects.values_list("payload", flat=True))
    tasks.identify_key(kept.pk)
    page = asked["Location"]
    shown = text(client.get(page))
    assert "The API key for Acme Oy" in shown and "File it for Acme Oy" in shown
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(page, {"key": kept.pk, "account": OTHER})

    credential = acme.credentials.get()
    assert custody.open_api_key(credential) == key
    assert (credential.received_by, acme.bank_accounts.get().iban) == (user, OTHER)
    assert key[-4:] in said(response)[0]
    funcs = [task.task["func"] for task in OrmQ.objects.all()]
    assert funcs[-1] == "integrations.tasks.check_connection"
    for page in (response["Location"], url("integrations_tenant_changelist"), url("index")):
        shown = text(client.get(page))
        assert key not in shown
        assert key[-20:] not in shown


def test_key_of_another_company_is_not_filed_for_this_tenant(client, acme, sandbox):
    beta = sandbox.add_company(name="Beta Oy", business_id="0112038-9")
    log_in(client, "Support")
    page = filed(client, acme, beta.api_key)["Location"]
    key = ReceivedKey.objects.get()
    tasks.identify_key(key.pk)

    shown = text(client.get(page))
    assert "This key opens Beta Oy, and you are filing it under Acme Oy: it is not filed." in shown
    assert "File it for" not in shown and "Make the tenant" not in shown
    answer = client.post(page, {"key": key.pk, "account": ""})

    assert "This key opens Beta Oy" in text(answer)
    assert not Credential.objects.exists() and not Tenant.objects.filter(name="Beta Oy").exists()


@pytest.mark.parametrize(
    ("claims", "account_number", "error"),
    [
        ({"iss": "https://api.procountor.com"}, "", "production environment"),
        ({"aud": "anotherClient"}, "", "anotherClient"),
        ({}, "123456-7", "not a valid account number"),
    ],
)
def test_refused_key_is_told_at_the_field_and_not_rendered_back(
    client, acme, claims, account_number, error
):
    log_in(client, "Support")
    key = factories.api_key(**claims)

    response = filed(client, acme, key, account=account_number)

    assert response.status_code == 200
    assert error in text(response)
    assert key not in text(response)
    assert (acme.credentials.count(), acme.bank_accounts.count()) == (0, 0)
    assert not ReceivedKey.objects.exists()


def test_key_that_is_filed_elsewhere_is_told_by_name(client, acme):
    other = factories.TenantFactory(name="Toinen Oy", business_id="0112038-9")
    key = factories.api_key()
    custody.file_api_key(other, key, via="email")
    log_in(client, "Support")

    shown = text(client.get(filed(client, acme, key)["Location"]))

    assert "This key is filed already, for Toinen Oy" in shown
    assert acme.credentials.count() == 0


def test_check_is_asked_for_in_the_background(client, acme, django_capture_on_commit_callbacks):
    user = log_in(client, "Accountant")

    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(url("integrations_tenant_check_now", acme.pk), {"confirmed": "1"})

    assert refusal(response) == "moved"
    assert OrmQ.objects.get().task["args"] == (acme.pk, user.pk)
    assert ConnectionCheck.objects.count() == 0


def test_opening_a_question_changes_nothing(client, acme):
    log_in(client, "Support")

    for page in ("check_now", "pause_tenant"):
        client.get(url(f"integrations_tenant_{page}", acme.pk))

    acme.refresh_from_db()
    assert (acme.state, OrmQ.objects.count()) == ("active", 0)


def test_second_pause_changes_nothing_and_says_so(client, acme):
    log_in(client, "Support")
    page = url("integrations_tenant_pause_tenant", acme.pk)

    first = client.post(page, {"confirmed": "1"})
    second = client.post(page, {"confirmed": "1"})

    acme.refresh_from_db()
    assert (acme.state, acme.pause_reason) == ("paused", "person")
    assert [refusal(first), refusal(second)] == ["moved", "moved"]
    assert said(second)[-1].startswith("Nothing changed")


def test_second_resume_changes_nothing_and_says_so(client, acme):
    diagnosis.pause(acme, "person")
    log_in(client, "Support")
    page = url("integrations_tenant_resume_tenant", acme.pk)

    client.post(page, {"confirmed": "1"})
    second = client.post(page, {"confirmed": "1"})

    acme.refresh_from_db()
    assert (acme.state, refusal(second)) == ("pending", "moved")
    assert said(second)[-1].startswith("Nothing changed")


def test_a_pause_for_a_refused_key_is_not_resumed_by_a_person(client, acme):
    diagnosis.pause(acme, "credential")
    log_in(client, "Support")

    client.post(url("integrations_tenant_resume_tenant", acme.pk), {"confirmed": "1"})

    acme.refresh_from_db()
    assert (acme.state, acme.pause_reason) == ("paused", "credential")


def test_buttons_fit_the_tenants_state(client, acme):
    log_in(client, "Support")
    page = url("integrations_tenant_change", acme.pk)

    active = text(client.get(page))
    diagnosis.pause(acme, "person")
    paused = text(client.get(page))

    pause, resume = f"/{acme.pk}/pause/", f"/{acme.pk}/resume/"
    assert (pause in active, resume in active) == (True, False)
    assert (pause in paused, resume in paused) == (False, True)


def test_state_of_a_tenant_cannot_be_posted(client, acme):
    log_in(client, "Support")

    client.post(
        url("integrations_tenant_change", acme.pk),
        tenant_form(acme) | {"name": "Acme 2 Oy", "state": "closed", "pause_reason": "rights"},
    )

    acme.refresh_from_db()
    assert (acme.name, acme.state, acme.pause_reason) == ("Acme 2 Oy", "active", "")


@pytest.mark.parametrize("has_key", [False, True])
def test_environment_stays_once_a_key_is_on_file(client, acme, has_key):
    if has_key:
        custody.file_api_key(acme, factories.api_key(), via="email")
    log_in(client, "Support")

    client.post(
        url("integrations_tenant_change", acme.pk),
        tenant_form(acme) | {"environment": "production", "name": "Acme 2 Oy"},
    )

    acme.refresh_from_db()
    assert acme.name == "Acme 2 Oy"
    assert acme.environment == ("test" if has_key else "production")


@pytest.mark.parametrize("rung", ["Accountant", "Management"])
def test_tenant_is_read_only_for_the_others(client, acme, rung):
    log_in(client, rung)
    page = url("integrations_tenant_change", acme.pk)

    assert refusal(client.get(page)) == "shown"
    assert refusal(client.post(page, tenant_form(acme) | {"name": "X"})) == "refused"


def test_a_new_tenants_next_page_asks_for_its_key(client):
    log_in(client, "Support")
    new = Tenant(name="Uusi Oy", business_id="2077474-0")

    response = client.post(url("integrations_tenant_add"), tenant_form(new))

    made = Tenant.objects.get()
    assert (made.state, response["Location"]) == (
        "pending",
        url("integrations_tenant_file_key", made.pk),
    )


def test_tenants_are_not_deleted_even_by_a_superuser(client, acme):
    client.force_login(factories.UserFactory(is_superuser=True))

    response = client.post(url("integrations_tenant_delete", acme.pk), {"post": "yes"})

    assert (response.status_code, Tenant.objects.count()) == (403, 1)


def test_account_is_taken_in_domestic_form(client, acme):
    log_in(client, "Support")

    client.post(
        url("integrations_tenant_change", acme.pk), tenant_form(acme, (None, "999000-20000892", 1))
    )

    assert acme.bank_accounts.get().iban == OTHER


def test_wrong_account_is_told_at_the_field(client, acme):
    log_in(client, "Support")

    response = client.post(
        url("integrations_tenant_change", acme.pk), tenant_form(acme, (None, "123", 1))
    )

    assert response.status_code == 200
    assert "“123” is not a valid account number" in text(response)
    assert acme.bank_accounts.count() == 0


def test_same_account_in_both_forms_is_told_not_a_crash(client, acme):
    log_in(client, "Support")

    response = client.post(
        url("integrations_tenant_change", acme.pk),
        tenant_form(acme, (None, "999000-20000892", 1), (None, OTHER, 0)),
    )

    assert (response.status_code, acme.bank_accounts.count()) == (200, 0)


def test_two_accounts_for_invoices_are_told_not_a_crash(client, acme):
    log_in(client, "Support")

    response = client.post(
        url("integrations_tenant_change", acme.pk),
        tenant_form(acme, (None, OURS, 1), (None, OTHER, 1)),
    )

    assert (response.status_code, acme.bank_accounts.count()) == (200, 0)


@pytest.mark.parametrize("newer_first", [False, True])
def test_account_for_invoices_can_be_moved_in_one_save(client, acme, newer_first):
    one = account(acme, OURS, is_default=newer_first)
    two = account(acme, OTHER, is_default=not newer_first)
    log_in(client, "Support")

    response = client.post(
        url("integrations_tenant_change", acme.pk),
        tenant_form(acme, (one, OURS, not newer_first), (two, OTHER, newer_first)),
    )

    assert refusal(response) == "moved"
    assert acme.invoice_account == (two if newer_first else one)


def test_red_step_shows_cause_mover_and_three_sentences(client, acme):
    diagnosis.run_check(acme)
    log_in(client, "Support")

    shown = text(client.get(url("integrations_tenant_change", acme.pk)))

    assert "No API key has been filed." in shown
    assert "Customer" in shown
    assert shown.count("data-copy=") == 3


def test_running_check_looks_again_by_itself(client, acme):
    check = ConnectionCheck.objects.create(tenant=acme, started_at="2026-09-01T10:00:00Z")
    log_in(client, "Support")
    page = url("integrations_connectioncheck_change", check.pk)

    running = text(client.get(page))
    ConnectionCheck.objects.update(outcome="passed", finished_at="2026-09-01T10:00:05Z")
    finished = text(client.get(page))

    assert ("The check is running" in running, "The check is running" in finished) == (True, False)


def test_page_waits_for_the_check_asked_for_and_no_longer(client, acme):
    log_in(client, "Accountant")
    asked = client.post(url("integrations_tenant_check_now", acme.pk), {"confirmed": "1"})
    waits = "The check waits for its turn"

    before = text(client.get(asked["Location"]))
    late = text(client.get(url("integrations_tenant_change", acme.pk), {"check_asked": "1000"}))
    with time_machine.travel(dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=5)):
        diagnosis.run_check(acme)
    after = text(client.get(asked["Location"]))

    assert (waits in before, waits in late, waits in after) == (True, False, False)
    assert "has not begun yet" in late


@pytest.mark.parametrize("asked", ["x", "", "9" * 40, "-1", "²"])
def test_an_odd_address_of_the_page_is_no_error_page(client, acme, asked):
    log_in(client, "Accountant")

    page = url("integrations_tenant_change", acme.pk)

    assert client.get(page, {"check_asked": asked}).status_code == 200


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_checks_are_evidence(client, acme, verb):
    check = diagnosis.run_check(acme)
    client.force_login(factories.UserFactory(is_superuser=True))

    response = client.post(url(f"integrations_connectioncheck_{verb}", check.pk), {"post": "yes"})

    assert (response.status_code, ConnectionCheck.objects.count()) == (403, 1)


@pytest.mark.parametrize("page", ["tenant_changelist", "connectioncheck_changelist"])
def test_lists_cost_the_same_at_one_and_three_rows(client, django_assert_num_queries, page):
    log_in(client, "Support")
    address = url(f"integrations_{page}")
    diagnosis.run_check(factories.TenantFactory())
    client.get(address)

    queries = {"tenant_changelist": 8, "connectioncheck_changelist": 6}[page]
    with django_assert_num_queries(queries):
        client.get(address)
    for business_id in ("0112038-9", "1572860-0"):
        diagnosis.run_check(factories.TenantFactory(business_id=business_id))
    with django_assert_num_queries(queries):
        client.get(address)


@pytest.mark.parametrize("typed", ["abc", "1²", "999999", "99999999999999999999999"])
@pytest.mark.parametrize(
    "page",
    [
        "integrations/tenant",
        "integrations/connectioncheck",
        "invoices/invoiceexport",
        "invoices/invoice",
        "invoices/receivedfile",
    ],
)
def test_address_of_no_record_leads_back_and_says_so(client, page, typed):
    log_in(client, "Administrator")

    answer = client.get(f"/admin/{page}/{typed}/change/")

    assert refusal(answer) == "moved"
    assert said(answer)
