"""The key desk's pages: who may do what, and that no key ever comes back."""

import pytest
from django.urls import reverse
from django_q.models import OrmQ

from integrations import custody, diagnosis
from integrations.models import Tenant
from invoices.models import AuditEvent
from tests import factories

pytestmark = pytest.mark.django_db

ROLES = ["Support", "Accountant", "Management", "Administrator"]


@pytest.fixture
def as_role(client):
    """The test client logged in as a member of a role; None for staff without any right."""

    def log_in(role):
        client.force_login(factories.UserFactory(role=role))
        return client

    return log_in


def url(name, *args):
    return reverse(f"admin:{name}", args=args)


PAGES = ["check", "file-key", "pause"]
MAY = {
    "check": {"Support", "Accountant", "Administrator"},
    "file-key": {"Support", "Administrator"},
    "pause": {"Support", "Administrator"},
}


@pytest.mark.parametrize("page", PAGES)
def test_anonymous_is_sent_to_the_log_in_page(client, tenant, page):
    answer = client.get(f"/admin/integrations/tenant/{tenant.pk}/{page}/")

    assert answer.status_code == 302
    assert "/admin/login/" in answer.url


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", [None, *ROLES])
def test_page_opens_for_the_right_roles_only(as_role, tenant, page, role):
    answer = as_role(role).get(f"/admin/integrations/tenant/{tenant.pk}/{page}/")

    assert answer.status_code == (200 if role in MAY[page] else 403)


def test_adding_a_tenant_leads_to_filing_its_key(as_role):
    answer = as_role("Support").post(
        url("integrations_tenant_add"), tenant_form(name="New Oy", business_id="20774740")
    )

    tenant = Tenant.objects.get()
    assert tenant.business_id == "2077474-0"
    assert answer.url == f"/admin/integrations/tenant/{tenant.pk}/file-key/"


def tenant_form(**changes):
    return {
        "name": "Acme Oy",
        "business_id": "2077474-0",
        "environment": "test",
        "language": "fi",
        "invoice_channel": "NO_SENDING",
        "after_submit": "unfinished",
        "default_vat_status": "1",
        "invoice_language": "FINNISH",
        "days_to_pay": "14",
        "retention_years": "6",
        "vat_status_by_category": "{}",
        "bank_accounts-TOTAL_FORMS": "0",
        "bank_accounts-INITIAL_FORMS": "0",
        "credentials-TOTAL_FORMS": "0",
        "credentials-INITIAL_FORMS": "0",
    } | changes


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("business_id", "2077474-1", "is not a business ID"),
        ("after_submit", "approve_and_send", "cannot be sent: choose another channel"),
        ("vat_status_by_category", '{"K": "five"}', "Write categories and numbers"),
        ("vat_status_by_category", "[1]", "Write categories and numbers"),
        ("days_to_pay", "1000", "999"),
    ],
)
def test_wrong_tenant_data_is_told_at_the_form(as_role, field, value, words):
    answer = as_role("Support").post(url("integrations_tenant_add"), tenant_form(**{field: value}))

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Tenant.objects.count() == 0


def test_accountant_and_management_read_tenants_but_change_nothing(as_role, tenant):
    for role in ("Accountant", "Management"):
        client = as_role(role)
        page = url("integrations_tenant_change", tenant.pk)
        assert client.get(page).status_code == 200
        assert client.post(page, tenant_form(name="Hacked")).status_code == 403
        assert client.get(url("integrations_tenant_add")).status_code == 403
    tenant.refresh_from_db()
    assert tenant.name == "Acme Oy"


def test_tenants_are_deleted_by_nobody(admin_client, tenant):
    assert admin_client.post(url("integrations_tenant_delete", tenant.pk)).status_code == 403


def test_check_asks_first_and_then_runs_in_the_background(as_role, tenant):
    client, page = as_role("Support"), f"/admin/integrations/tenant/{tenant.pk}/check/"

    assert "Check the connection?" in client.get(page).content.decode()
    assert OrmQ.objects.count() == 0
    client.post(page, {"confirmed": "1"})
    assert tenant.checks.count() == 1


def test_pausing_twice_says_that_nothing_changed(as_role, tenant):
    client, page = as_role("Support"), f"/admin/integrations/tenant/{tenant.pk}/pause/"
    first = client.get(page)
    client.post(page, {"confirmed": "1"})
    tenant.refresh_from_db()

    assert (first.status_code, tenant.state, tenant.pause_reason) == (200, "paused", "person")
    assert "Nothing changed" in client.post(page, {"confirmed": "1"}, follow=True).content.decode()


def test_red_check_shows_cause_mover_and_the_customer_s_sentence(as_role, tenant):
    tenant.company.set_right("sales.salesOrGroupInvoices", "VIEWING_RIGHTS")
    diagnosis.run_check(tenant)

    page = as_role("Support").get(url("integrations_tenant_change", tenant.pk)).content.decode()

    assert "A right is missing or too narrow" in page
    assert "data-copy=" in page
    assert "Customer" in page


def test_key_is_nowhere_on_any_page(admin_client, tenant):
    key = custody.open_api_key(tenant.active_credential)
    check = tenant.checks.first()
    for page in (
        url("index"),
        url("integrations_tenant_changelist"),
        url("integrations_tenant_change", tenant.pk),
        url("integrations_connectioncheck_change", check.pk),
        f"/admin/integrations/tenant/{tenant.pk}/file-key/",
        f"/admin/integrations/tenant/{tenant.pk}/history/",
        url("invoices_auditevent_changelist"),
    ):
        answer = admin_client.get(page)
        assert answer.status_code == 200
        assert key[-40:] not in answer.content.decode()


def test_tenant_list_costs_the_same_for_one_and_for_three(
    admin_client, make_tenant, django_assert_num_queries
):
    make_tenant()
    page = url("integrations_tenant_changelist")
    admin_client.get(page)
    with django_assert_num_queries(6):
        admin_client.get(page)

    make_tenant(name="Beta Oy", business_id="0112038-9")
    make_tenant(name="Gamma Oy", business_id="2345678-0")
    with django_assert_num_queries(6):
        admin_client.get(page)


def test_changed_settings_leave_an_audit_event_with_field_names(as_role, make_tenant):
    tenant = make_tenant(went_live_at=None)
    client = as_role("Support")
    account = tenant.invoice_account
    form = tenant_form(days_to_pay="30", business_id=tenant.business_id) | {
        # The page carries it hidden, as for every field whose default is a function.
        "initial-vat_status_by_category": "{}",
        "bank_accounts-TOTAL_FORMS": "1",
        "bank_accounts-INITIAL_FORMS": "1",
        "bank_accounts-0-id": str(account.pk),
        "bank_accounts-0-tenant": str(tenant.pk),
        "bank_accounts-0-iban": "500015-281",
        "bank_accounts-0-is_default": "on",
    }

    answer = client.post(url("integrations_tenant_change", tenant.pk), form)

    event = AuditEvent.objects.get(action="tenant.changed")
    assert answer.status_code == 302
    assert event.by.groups.get().name == "Support"
    assert event.data["fields"] == ["Days to pay", "IBAN"]
