"""A tenant's form that was opened before somebody else changed its keys or accounts."""

from __future__ import annotations

import lxml.html
import pytest

from integrations import custody
from integrations.models import BankAccount, Tenant
from tests import factories
from tests.staff import log_in, text, url

pytestmark = pytest.mark.django_db

OURS, OTHER = "FI2112345600000785", "FI1099900020000892"


def opened(client, tenant):
    """What the browser would send back of the tenant's page as it is now."""
    return sent_again(client.get(page_of(tenant)))


def sent_again(answer):
    form = lxml.html.fromstring(answer.content).get_element_by_id("tenant_form")
    return {name: value or "" for name, value in form.form_values()} | {"_save": "1"}


def page_of(tenant):
    return url("integrations_tenant_change", tenant.pk)


def account(tenant, number, **fields):
    made = BankAccount(tenant=tenant, **fields)
    made.set_number(number)
    made.save()
    return made


@pytest.fixture
def acme():
    return factories.TenantFactory(state="active")


@pytest.fixture
def support(client):
    log_in(client, "Support")
    return client


def refused(answer):
    """What the page says above the form it shows again."""
    assert answer.status_code == 200
    return str(answer.context["adminform"].form.non_field_errors())


def rows_of(answer):
    (form,) = [each.formset for each in answer.context["inline_admin_formsets"]][:1]
    return [row["iban"].value() for row in form.forms]


def state_of(tenant):
    return [(each.iban, each.is_default) for each in tenant.bank_accounts.order_by("pk")]


def new_row(number, index=0, default=True):
    prefix = f"bank_accounts-{index}-"
    row = {"bank_accounts-TOTAL_FORMS": str(index + 1), f"{prefix}iban": number}
    return row | ({f"{prefix}is_default": "on"} if default else {})


def test_account_filed_meanwhile_is_told_and_nothing_typed_is_lost(support, acme):
    sent = opened(support, acme) | new_row(OTHER) | {"contact_name": "Maija"}
    account(acme, OURS)

    answer = support.post(page_of(acme), sent)

    assert "bank account FI21 1234 5600 0007 85 was added" in refused(answer)
    assert rows_of(answer) == [OURS, OTHER]
    assert answer.context["adminform"].form["contact_name"].value() == "Maija"
    assert state_of(acme) == [(OURS, True)]


def test_form_shown_again_is_saved_with_what_both_did(support, acme):
    sent = opened(support, acme) | new_row(OTHER, default=False) | {"contact_name": "Maija"}
    account(acme, OURS)

    again = sent_again(support.post(page_of(acme), sent))
    answer = support.post(page_of(acme), again)

    assert answer.status_code == 302
    assert state_of(acme) == [(OURS, True), (OTHER, False)]
    assert Tenant.objects.get().contact_name == "Maija"


def test_same_account_filed_twice_is_no_server_error(support, acme):
    sent = opened(support, acme) | new_row(OURS)
    account(acme, OURS)

    answer = support.post(page_of(acme), sent)
    second = support.post(page_of(acme), sent_again(answer))

    assert "was added" in refused(answer)
    assert "duplicate" in text(second)
    assert state_of(acme) == [(OURS, True)]


def test_account_removed_meanwhile_is_told_and_does_not_come_back(support, acme):
    account(acme, OURS)
    sent = opened(support, acme) | {"contact_name": "Maija"}
    acme.bank_accounts.all().delete()

    answer = support.post(page_of(acme), sent)

    assert "bank account FI21 1234 5600 0007 85 was removed" in refused(answer)
    assert rows_of(answer) == []
    assert support.post(page_of(acme), sent_again(answer)).status_code == 302
    assert state_of(acme) == []


def test_choice_of_account_meanwhile_is_not_undone(support, acme):
    account(acme, OURS)
    sent = opened(support, acme)
    custody.file_account(acme, OTHER)

    answer = support.post(page_of(acme), sent | {"contact_name": "Maija"})

    assert "invoices are paid into FI10 9990 0020 0008 92" in refused(answer)
    assert state_of(acme) == [(OURS, False), (OTHER, True)]


@pytest.mark.parametrize("older", [0, 1])
def test_key_filed_meanwhile_is_told(support, acme, older):
    for _number in range(older):
        custody.file_api_key(acme, factories.api_key(), via="email")
    sent = opened(support, acme)
    key = custody.file_api_key(acme, factories.api_key(), via="email")

    answer = support.post(page_of(acme), sent | {"contact_name": "Maija"})

    assert f"API key {key} was filed" in refused(answer)
    assert str(key) in text(answer)
    assert support.post(page_of(acme), sent_again(answer)).status_code == 302
    assert Tenant.objects.get().contact_name == "Maija"


def test_field_that_somebody_else_changed_is_told_with_its_value(support, acme):
    sent = opened(support, acme)
    Tenant.objects.update(contact_email="new@example.com")

    answer = support.post(page_of(acme), sent | {"contact_name": "Maija"})

    assert "Contact e-mail is now “new@example.com”" in refused(answer)
    assert Tenant.objects.get().contact_email == "new@example.com"


def test_field_that_nobody_typed_in_takes_what_somebody_else_gave_it(support, acme):
    Tenant.objects.update(went_live_at=None)  # so that its export settings are fields
    sent = opened(support, acme)
    Tenant.objects.update(contact_email="new@example.com", language="sv")
    Tenant.objects.update(drop_invalid_reference=True, contact_phone="1")

    typed = {"contact_name": "Maija", "contact_phone": "2"}
    answer = support.post(page_of(acme), sent | typed)
    assert support.post(page_of(acme), sent_again(answer)).status_code == 302

    saved = Tenant.objects.get()
    assert (saved.contact_email, saved.language) == ("new@example.com", "sv")
    assert (saved.contact_name, saved.contact_phone) == ("Maija", "2")
    assert saved.drop_invalid_reference


def test_refusal_is_told_above_everything_else(support, acme):
    sent = opened(support, acme)
    Tenant.objects.update(contact_email="new@example.com")

    page = text(support.post(page_of(acme), sent))

    assert page.index("Somebody else changed this") < page.index("<h2>Condition")


@pytest.mark.parametrize("seen", ["", "{", "[]", '{"accounts": 3}', "null"])
def test_what_a_browser_sends_instead_is_no_server_error(support, acme, seen):
    sent = opened(support, acme) | {"seen": seen, "bank_accounts-TOTAL_FORMS": "x"}

    assert support.post(page_of(acme), sent).status_code == 200


def test_nothing_changed_meanwhile_is_saved_at_once(support, acme):
    account(acme, OURS)
    custody.file_api_key(acme, factories.api_key(), via="email")

    answer = support.post(page_of(acme), opened(support, acme) | {"contact_name": "Maija"})

    assert answer.status_code == 302
