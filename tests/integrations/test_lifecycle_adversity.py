"""What must not happen around the end of a connection, a pause, or a change of company."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from integrations import custody, diagnosis, going_live, offboarding
from integrations.going_live import NotReady
from invoices import engine, exports
from invoices.models import Lane
from tests import factories
from tests.integrations.test_admin_tenants import tenant_form
from tests.staff import log_in, url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def support():
    return factories.UserFactory(role="Support")


def close(tenant, by, **fields):
    soon = timezone.localdate() + dt.timedelta(days=30)
    offboarding.close(tenant, by=by, reason="loppu", **({"destroy_on": soon} | fields))


def posts(sandbox):
    return sum(request[1] == "POST" and request[2] == "/invoices" for request in sandbox.requests)


def test_business_id_stays_with_the_key(client, tenant, queued, sandbox):
    queued("A-1")
    log_in(client, "Support")

    client.post(
        url("integrations_tenant_change", tenant.pk),
        tenant_form(tenant) | {"business_id": "0112038-9"},
    )

    tenant.refresh_from_db()
    assert tenant.business_id == "2077474-0"


def test_worker_that_stood_still_before_claiming_posts_nothing_after_the_end(
    tenant, queued, sandbox, support, monkeypatch
):
    queued("A-1")
    real = exports.due_to_submit

    def stands_still(*args, **kwargs):
        found = real(*args, **kwargs)
        tenant.refresh_from_db()
        if found and tenant.state != "closed":
            past = timezone.now() - dt.timedelta(seconds=1)
            Lane.objects.update(lease_until=past)
            close(tenant, support)
        return found

    monkeypatch.setattr(exports, "due_to_submit", stands_still)
    engine.run_lane(tenant.pk)

    tenant.refresh_from_db()
    assert (tenant.state, posts(sandbox)) == ("closed", 0)


def test_check_from_before_the_end_opens_no_gate_after_reopening(make_tenant, support):
    tenant = make_tenant(went_live_at=None)
    assert tenant.last_check.outcome == "passed"
    close(tenant, support)
    offboarding.reopen(tenant, by=support, reason="palasi")

    with pytest.raises(NotReady):
        going_live.go_live(tenant, by=support, reason="kiire")

    diagnosis.run_check(tenant)
    assert going_live.go_live(tenant, by=support, reason="kiire")


def test_check_that_began_before_a_pause_does_not_end_it(tenant, monkeypatch):
    def refused_meanwhile(*args):
        diagnosis.pause(tenant, "credential")
        return ""

    monkeypatch.setattr(diagnosis._Run, "_fiscal_years", refused_meanwhile)
    diagnosis.run_check(tenant)

    tenant.refresh_from_db()
    assert (tenant.state, tenant.pause_reason) == ("paused", "credential")


def test_working_key_of_a_paused_tenant_waits_for_the_new_ones_checks(tenant):
    diagnosis.pause(tenant, "person")
    older = tenant.active_credential

    newer = custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    assert (newer.state, tenant.active_credential) == ("candidate", older)


def test_secret_that_is_to_go_today_is_not_left_until_tomorrow(tenant, support):
    close(tenant, support, destroy_on=timezone.localdate())

    assert any("destroy" in task.task["func"] for task in OrmQ.objects.all())


def test_key_page_of_a_closed_tenant_takes_no_key(client, tenant, sandbox, support):
    close(tenant, support)
    log_in(client, "Support")
    before = len(sandbox.requests)

    answer = client.post(
        url("integrations_tenant_file_key", tenant.pk),
        {"api_key": factories.api_key(), "received_via": "email", "account": ""},
    )

    assert answer.status_code == 302
    assert len(sandbox.requests) == before
