"""Texts to customers: the right one, in their language, with their facts and without the key."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from integrations import custody, diagnosis, replies
from integrations.proof import proof_of
from invoices.models import AuditEvent
from tests import factories
from tests.staff import ANONYMOUS, EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

LANGUAGES = ("fi", "sv", "en")


def codes(tenant):
    return [reply.code for reply in replies.replies_for(tenant, "en")]


def test_text_fits_what_the_check_found(make_tenant):
    tenant = make_tenant(check=False)
    assert codes(tenant) == ["received", "revoke"]

    diagnosis.run_check(tenant)
    assert codes(tenant) == ["working", "revoke"]

    tenant.company.rights["sales"]["salesOrGroupInvoices"] = "NO_ACCESS"
    diagnosis.run_check(tenant)
    assert codes(tenant) == ["to_fix", "revoke"]


def test_fault_that_is_not_the_customers_is_not_put_on_them(tenant, sandbox):
    sandbox.fault("html_500", path="/oauth/token", method="POST", times=10)
    tenant.active_credential.connectioncheck_set.update(reference_data={})
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    diagnosis.run_checks(tenant)

    assert codes(tenant) == ["received", "revoke"]


def test_candidate_is_what_is_written_about(tenant, sandbox):
    other = sandbox.add_company(name="Beta Oy", business_id="0112038-9")
    candidate = custody.file_api_key(tenant, other.api_key, via="email")
    diagnosis.run_checks(tenant)

    reply = replies.replies_for(tenant, "en")[0]

    assert reply.code == "to_fix"
    assert f"ends in {candidate.last_four}" in reply.body
    assert "opens another company (Beta Oy, 0112038-9)" in reply.body


def test_new_key_is_not_written_about_with_the_check_of_the_old_one(tenant):
    tenant.company.revoke()
    cache.clear()  # of access tokens
    diagnosis.run_check(tenant)
    assert codes(tenant) == ["to_fix", "revoke"]

    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    tenant.refresh_from_db()

    assert codes(tenant) == ["received", "revoke"]


def test_tenant_without_a_key_has_no_texts():
    assert codes(factories.TenantFactory()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_filled_in_and_in_its_language(make_tenant, language):
    tenant = make_tenant(contact_name="Maija")
    further = {"link": "https://desk.example/connect/x/", "until": "1.12.2026"}

    def written(code, language):
        if code == "ended":
            return replies.ending_of(proof_of(tenant), language)
        return replies.fill(code, tenant, "abcd", tenant.last_check, language, further)

    seen = {code: written(code, language) for code in replies.TEXTS}

    for code, reply in seen.items():
        assert "{" not in reply.body + reply.subject
        assert "Acme Oy" in reply.body and "Maija" in reply.body
        english = written(code, "en")
        assert (reply.body == english.body) == (language == "en")
        assert (reply.subject == english.subject) == (language == "en")
    assert tenant.company.api_key not in str(seen)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_page_opens_for_support(client, tenant, rung):
    log_in(client, rung)

    answer = client.get(url("integrations_tenant_write_to_customer", tenant.pk))

    allowed = rung in {"Support", "Administrator"}
    expected = "log in" if rung == ANONYMOUS else "shown" if allowed else "refused"
    assert refusal(answer) == expected


def test_sent_text_is_noted_in_the_trail(client, tenant):
    user = log_in(client, "Support")
    page = url("integrations_tenant_write_to_customer", tenant.pk)
    assert "Your connection to Procountor works" in text(client.get(page + "?language=en"))
    assert "API-avain" in text(client.get(page))  # the tenant's own language

    done = client.post(page + "?language=en", {"sent": "working"})

    assert "Noted" in said(done)[0]
    event = AuditEvent.objects.get(action="customer.told")
    assert (event.by, event.data) == (user, {"text": "working", "language": "en"})


@pytest.mark.parametrize("sent", ["", "to_fix", "nonsense"])
def test_text_that_does_not_fit_is_not_noted(client, tenant, sent):
    log_in(client, "Support")

    done = client.post(url("integrations_tenant_write_to_customer", tenant.pk), {"sent": sent})

    assert "does not fit" in said(done)[0]
    assert not AuditEvent.objects.filter(action="customer.told").exists()
