"""What follows submitting, run by the engine: in order, once, and never sent a second time."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.utils import timezone

from integrations.models import Tenant
from invoices import engine, pdf
from invoices.exports import steps
from invoices.step_models import ExportStep, StepAttempt
from tests.invoices.steps_driver import PDF

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant(make_tenant):
    return make_tenant(after_submit="approve_and_send", invoice_channel="MAIL")


@pytest.fixture
def export(queued):
    (export,) = queued("A-1")
    found, _problems = pdf.checked("lasku.pdf", PDF)
    assert steps.attach(export.invoice, found, by=None) == []
    return export


def work(tenant, rounds=1):
    for _round in range(rounds):
        ExportStep.objects.exclude(not_before=None).update(not_before=timezone.now())
        engine.run_lane(tenant.pk)


def deliveries(sandbox, tenant):
    events = sandbox.books[tenant.company.id].events
    return sum(event["action"] == "SEND" for found in events.values() for event in found)


def sent_requests(sandbox):
    return sum(1 for request in sandbox.requests if request[2].endswith("/send"))


def ends():
    return list(ExportStep.objects.order_by("rank").values_list("kind", "status"))


def test_invoice_is_submitted_attached_approved_and_sent(tenant, export, sandbox):
    work(tenant, rounds=3)

    assert ends() == [("attach", "done"), ("approve", "done"), ("send", "done")]
    assert [invoice["status"] for invoice in sandbox.ledger()] == ["SENT"]
    assert deliveries(sandbox, tenant) == 1
    export.refresh_from_db()
    assert (export.status, export.remote_status) == ("reconciled", "SENT")
    assert not StepAttempt.objects.filter(finished_at=None).exists()


@pytest.mark.parametrize("kind", ["html_500", "reset", "not_json"])
def test_lost_answer_to_send_is_settled_by_reading(tenant, export, sandbox, kind):
    sandbox.fault(kind=kind, method="PUT", path="/invoices", after_effect=True, skip=1)

    work(tenant, rounds=6)

    assert ends()[-1] == ("send", "done")
    assert (deliveries(sandbox, tenant), sent_requests(sandbox)) == (1, 1)


def test_send_that_had_no_effect_waits_for_a_person(tenant, export, sandbox):
    sandbox.fault(kind="html_500", method="PUT", path="/invoices", skip=1)

    work(tenant, rounds=8)

    assert ends()[-1] == ("send", "needs_attention")
    assert (deliveries(sandbox, tenant), sent_requests(sandbox)) == (0, 1)


def test_refused_key_pauses_the_lane_and_sends_nothing(tenant, export, sandbox):
    sandbox.latency_seconds = 0
    Tenant.objects.filter(pk=tenant.pk).update(after_submit="unfinished")
    # However long the first run lasts, the attachment is still to be sent after it.
    sandbox.fault(kind="rate_limited", retry_after=0, path="/attachments", times=99)
    engine.run_lane(tenant.pk)
    sandbox.faults.clear()
    tenant.company.revoke()
    cache.clear()

    work(tenant)

    tenant.refresh_from_db()
    assert (tenant.state, tenant.pause_reason) == ("paused", "credential")
    assert sent_requests(sandbox) == 0


def test_sweep_finds_a_lane_with_nothing_but_a_step_due(tenant, export, sandbox):
    sandbox.fault(kind="rate_limited", retry_after=0, method="PUT", path="/invoices", times=9)
    engine.run_lane(tenant.pk)
    ExportStep.objects.exclude(not_before=None).update(not_before=timezone.now())

    assert engine.sweep() == 1


def test_invoice_left_unfinished_has_no_steps(tenant, queued, sandbox):
    Tenant.objects.filter(pk=tenant.pk).update(after_submit="unfinished")
    queued("A-1")

    engine.run_lane(tenant.pk)

    assert ExportStep.objects.count() == 0
    assert [invoice["status"] for invoice in sandbox.ledger()] == ["UNFINISHED"]
