"""A new key for a tenant whose older one works: both stand until the new one has passed."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from integrations import custody, diagnosis, tasks
from integrations.enums import CredentialState
from invoices import engine
from invoices.models import AuditEvent, InvoiceExport
from invoices.preflight import latest_reference_data

pytestmark = pytest.mark.django_db


def states(tenant):
    return list(tenant.credentials.order_by("pk").values_list("state", flat=True))


def test_older_key_stays_in_use_until_the_new_one_has_passed(tenant):
    older = tenant.active_credential

    newer = custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    tenant.refresh_from_db()
    assert (tenant.state, tenant.active_credential, tenant.candidate) == ("active", older, newer)
    assert diagnosis.run_checks(tenant).outcome == "passed"
    tenant.refresh_from_db()
    assert (tenant.state, tenant.active_credential, tenant.candidate) == ("active", newer, None)
    assert states(tenant) == ["superseded", "active"]
    assert AuditEvent.objects.filter(action="credential.replaced").count() == 1


def test_new_key_that_fails_changes_nothing_of_what_works(tenant, sandbox):
    other = sandbox.add_company(name="Beta Oy", business_id="0112038-9")
    account, reference = tenant.invoice_account, latest_reference_data(tenant)
    custody.file_api_key(tenant, other.api_key, via="email")

    check = diagnosis.run_checks(tenant)

    tenant.refresh_from_db()
    assert (check.outcome, check.of_candidate, tenant.state) == ("passed", False, "active")
    assert tenant.last_check == check
    assert states(tenant) == ["active", "candidate"]
    red = tenant.candidate.connectioncheck_set.get()
    assert "wrong_company" in {step["code"] for step in red.steps}
    assert latest_reference_data(tenant) == reference
    account.refresh_from_db()
    assert account.in_procountor == "active"


def test_queue_goes_on_with_the_older_key_meanwhile(tenant, queued, sandbox):
    (export,) = queued("A-1")
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    engine.run_lane(tenant.pk)

    attempt = InvoiceExport.objects.get(pk=export.pk).attempts.get()
    assert attempt.outcome == "accepted"
    assert attempt.key_fingerprint == tenant.active_credential.short_fingerprint


def test_another_candidate_takes_the_place_of_the_first(tenant):
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    assert states(tenant) == ["active", "superseded", "candidate"]


def test_candidate_superseded_during_its_check_is_not_promoted(tenant):
    first = custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    assert custody.promote(first) is False
    assert states(tenant) == ["active", "superseded", "candidate"]


def test_key_of_a_tenant_that_does_not_work_is_in_use_at_once(tenant):
    diagnosis.pause(tenant, "credential")

    newer = custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    assert states(tenant) == ["superseded", "active"]
    assert tenant.active_credential == newer


def test_secret_of_a_replaced_key_is_destroyed_on_its_day_and_its_metadata_kept(tenant, settings):
    older = tenant.active_credential
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    diagnosis.run_checks(tenant)

    assert tasks.destroy_superseded_keys() == 0
    later = timezone.now() + dt.timedelta(days=settings.SUPERSEDED_KEY_DAYS, hours=1)
    with time_machine.travel(later):
        assert tasks.destroy_superseded_keys() == 1
        assert tasks.destroy_superseded_keys() == 0

    older.refresh_from_db()
    assert (older.api_key, older.state) == (None, CredentialState.SUPERSEDED)
    assert older.last_four and older.claims
    assert AuditEvent.objects.filter(action="credential.destroyed").count() == 1
