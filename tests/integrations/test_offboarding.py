"""The end of a connection: nothing is used after it, nothing is lost, and all of it is proved."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading

import pytest
import time_machine
from django.db import connections
from django.utils import timezone
from django_q.models import OrmQ

from integrations import custody, diagnosis, offboarding, proof, received, tasks
from integrations.clients import CachedTokens
from integrations.keydesk import KeyRefused
from integrations.models import ConnectionCheck, Credential, ReceivedKey, Tenant
from integrations.offboarding import CannotClose
from integrations.radar import Needs
from integrations.signals import needs_asked
from invoices import engine, exports
from invoices.engine import lanes
from invoices.enums import ExportStatus
from invoices.models import AuditEvent, InvoiceExport, Lane
from invoices.step_models import ExportStep
from invoices.watch import raise_alert
from invoices.watch_models import Alert
from tests import factories
from tests.integrations.test_received import letter, taken_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def support():
    return factories.UserFactory(username="maija", role="Support")


def day(number=0):
    return timezone.localdate() + dt.timedelta(days=number)


def close(tenant, by, **fields):
    values = {"reason": "The customer changes software", "destroy_on": day(30)} | fields
    offboarding.close(tenant, by=by, **values)


def posts(sandbox):
    return sum(1 for r in sandbox.requests if r[1] == "POST" and r[2].endswith("/invoices"))


# --- Closing -----------------------------------------------------------------------------------


def test_closed_tenant_keeps_who_when_why_and_its_day(tenant, support):
    close(tenant, support)

    assert (tenant.state, tenant.pause_reason) == ("closed", "")
    assert (tenant.closed_by, tenant.close_reason) == (support, "The customer changes software")
    assert (tenant.closed_at.date(), tenant.destroy_secrets_on) == (
        timezone.now().date(),
        day(30),
    )
    event = AuditEvent.objects.get(action="tenant.closed")
    assert event.by == support
    assert event.data == {
        "reason": "The customer changes software",
        "destroy_on": day(30).isoformat(),
        "open": {},
    }


@pytest.mark.parametrize("days", [-1, 366])
def test_day_before_today_or_after_a_year_is_refused(tenant, support, days):
    with pytest.raises(CannotClose) as refused:
        close(tenant, support, destroy_on=day(days))

    tenant.refresh_from_db()
    assert (refused.value.code, tenant.state) == ("date", "active")


@pytest.mark.parametrize("days", [0, 365])
def test_today_and_a_year_from_now_are_taken(tenant, support, days):
    close(tenant, support, destroy_on=day(days))

    assert tenant.destroy_secrets_on == day(days)


@pytest.mark.parametrize("state", ["pending", "active", "paused"])
def test_every_open_state_can_be_closed_and_only_once(tenant, support, state):
    tenant.state, tenant.pause_reason = state, "rights" if state == "paused" else ""
    tenant.save(update_fields=["state", "pause_reason"])

    close(tenant, support)

    with pytest.raises(CannotClose) as refused:
        close(tenant, support, reason="again")
    assert refused.value.code == "closed"
    assert AuditEvent.objects.filter(action="tenant.closed").count() == 1
    tenant.refresh_from_db()
    assert tenant.close_reason == "The customer changes software"


def test_what_is_open_is_counted_and_noted(tenant, queued, support):
    numbers = [
        *("queued", "needs_attention", "parked", "draft", "skipped", "reconciled", "submitted")
    ]
    for export, status in zip(queued(*numbers), numbers, strict=True):
        InvoiceExport.objects.filter(pk=export.pk).update(status=status)

    close(tenant, support)

    counts = {"queued": 1, "needs_attention": 1, "parked": 1, "drafts": 1, "unread": 1}
    assert offboarding.open_work(tenant).as_json() == counts
    assert AuditEvent.objects.get(action="tenant.closed").data["open"] == counts


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("waiting", {"steps_waiting": 1}),
        ("needs_attention", {"steps_waiting": 1}),
        ("running", {"in_flight": 1}),
        ("unknown", {"in_doubt": 1}),
        ("done", {}),
        ("skipped", {}),
    ],
)
def test_steps_after_submitting_are_counted(tenant, queued, status, expected):
    (export,) = queued("A-1")
    InvoiceExport.objects.update(status="reconciled")
    ExportStep.objects.create(
        export=export,
        tenant=tenant,
        kind="approve",
        rank=2,
        status=status,
        changed_at=timezone.now(),
    )

    assert offboarding.open_work(tenant).as_json() == expected


def test_other_tenants_work_is_not_counted(tenant, make_tenant, queued):
    queued("A-1")
    other = make_tenant(name="Beta Oy", business_id="0112038-9")

    assert offboarding.open_work(other).as_json() == {}


def test_request_that_may_be_under_way_is_waited_for(tenant, queued, support):
    (export,) = queued("A-1")
    exports.claim([export])

    with pytest.raises(CannotClose) as refused:
        close(tenant, support, doubt_accepted=True)

    tenant.refresh_from_db()
    assert (refused.value.code, tenant.state, tenant.closed_at) == ("in_flight", "active", None)
    assert not AuditEvent.objects.filter(action="tenant.closed").exists()


def test_worker_at_the_lane_is_waited_for(tenant, queued, support):
    """It may have read what is due, and not have claimed it yet."""
    queued("A-1")
    assert [taken.pk for taken in lanes.take("worker", 1)] == [tenant.pk]

    with pytest.raises(CannotClose) as refused:
        close(tenant, support)
    assert refused.value.code == "in_flight"
    lanes.release("worker", tenant.pk)
    close(tenant, support)

    assert tenant.state == "closed"
    assert lanes.take("worker", 1) == []


def test_lease_of_a_clock_that_was_ahead_holds_nobody_up(tenant, support):
    Lane.objects.create(
        tenant=tenant, holder="x", lease_until=timezone.now() + dt.timedelta(hours=1)
    )

    close(tenant, support)

    assert tenant.state == "closed"


@pytest.mark.parametrize(("minutes", "refused"), [(1, True), (11, False)])
def test_check_under_way_is_waited_for_unless_it_has_died(tenant, support, minutes, refused):
    begun = timezone.now() - dt.timedelta(minutes=minutes)
    ConnectionCheck.objects.create(tenant=tenant, started_at=begun)

    assert offboarding.open_work(tenant).in_flight == refused


@pytest.mark.django_db(transaction=True)
def test_no_request_leaves_after_the_end_of_a_queue_in_full_flow(tenant, queued, support, sandbox):
    """As the page says: pause, wait a moment, end."""
    queued(*(f"A-{number}" for number in range(60)))
    sandbox.latency_seconds = 0.01

    def work():
        engine.run_lanes()
        connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    while not sandbox.ledger():
        worker.join(0.01)
    diagnosis.pause(tenant, "person")
    while tenant.state != "closed":
        with contextlib.suppress(CannotClose):
            close(tenant, support)
        worker.join(0.01)
    worker.join()

    done = len(sandbox.ledger())
    assert 0 < done < 60
    assert max(moment for moment, *_rest in sandbox.requests) <= tenant.closed_at.timestamp()
    assert proof.proof_of(tenant).uses_after == 0
    left = offboarding.open_work(tenant).as_json()
    # Some may have been accepted and not read back.
    assert left.pop("unread", 0) <= done
    assert left == {"queued": 60 - done}
    assert sandbox.duplicates() == []


def test_export_in_doubt_is_settled_first_or_confirmed(tenant, queued, support):
    (export,) = queued("A-1")
    InvoiceExport.objects.filter(pk=export.pk).update(status=ExportStatus.UNKNOWN)

    with pytest.raises(CannotClose) as refused:
        close(tenant, support)
    assert refused.value.code == "in_doubt"
    close(tenant, support, doubt_accepted=True)

    assert tenant.state == "closed"
    export.refresh_from_db()
    assert export.status == "unknown"


@pytest.mark.django_db(transaction=True)
def test_engine_submits_nothing_after_the_end(tenant, queued, support, sandbox):
    (first, second) = queued("A-1", "A-2")
    InvoiceExport.objects.filter(pk=second.pk).update(not_before=timezone.now() + dt.timedelta(1))
    engine.run_lane(tenant.pk)
    close(tenant, support)
    InvoiceExport.objects.filter(pk=second.pk).update(not_before=timezone.now())
    requests = len(sandbox.requests)

    assert engine.sweep() == 0
    assert engine.run_lanes() == engine.run_lane(tenant.pk) == 0

    assert (posts(sandbox), len(sandbox.requests)) == (1, requests)
    second.refresh_from_db()
    assert (second.status, second.attempts.count()) == ("queued", 0)


@pytest.mark.django_db(transaction=True)
def test_lost_answer_of_a_closed_tenant_is_not_asked_about(tenant, queued, support, sandbox):
    (export,) = queued("A-1")
    sandbox.fault("html_500", method="POST", path="/invoices", after_effect=True)
    engine.run_lane(tenant.pk)
    close(tenant, support, doubt_accepted=True)
    InvoiceExport.objects.update(not_before=timezone.now())
    requests = len(sandbox.requests)

    engine.run_lanes()

    export.refresh_from_db()
    assert (export.status, len(sandbox.requests)) == ("unknown", requests)


def test_access_tokens_are_dropped_at_once(tenant, support):
    tokens = [CachedTokens(tenant.active_credential) for _process in range(2)]
    assert tokens[0].get() is not None

    close(tenant, support)

    assert CachedTokens(tenant.active_credential).get() is None


def test_no_check_uses_the_key_any_more(tenant, support, sandbox):
    close(tenant, support)
    OrmQ.objects.all().delete()
    checks, requests = ConnectionCheck.objects.count(), len(sandbox.requests)

    assert tasks.check_due_connections() == 0
    assert tasks.check_connection(tenant.pk) == "closed"
    with pytest.raises(diagnosis.ConnectionEnded):
        diagnosis.run_check(tenant)

    assert (ConnectionCheck.objects.count(), len(sandbox.requests)) == (checks, requests)


def test_check_under_way_when_the_tenant_is_closed_reopens_nothing(tenant, support, sandbox):
    diagnosis.pause(tenant, "rights")

    def closes_meanwhile(**kwargs):
        Tenant.objects.update(state="closed")
        return Needs()

    needs_asked.connect(closes_meanwhile)
    try:
        check = diagnosis.run_check(tenant)
    finally:
        needs_asked.disconnect(closes_meanwhile)

    tenant.refresh_from_db()
    assert (check.outcome, tenant.state) == ("passed", "closed")
    assert CachedTokens(tenant.active_credential).get() is None


def test_no_key_is_filed_for_a_closed_tenant(tenant, support):
    close(tenant, support)
    key = tenant.company.new_api_key()

    with pytest.raises(KeyRefused) as pasted:
        custody.file_api_key(tenant, key, via="email")
    (kept,) = taken_in(letter(tenant.company, key), support)
    with pytest.raises(KeyRefused) as mailed:
        received.file(kept, "", by=support)

    assert (pasted.value.code, mailed.value.code) == ("closed", "closed")
    assert (Credential.objects.count(), ReceivedKey.objects.count()) == (1, 1)


def test_candidate_of_a_closed_tenant_is_not_promoted(tenant, support):
    candidate = custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    close(tenant, support)

    assert custody.promote(candidate) is False
    assert sorted(tenant.credentials.values_list("state", flat=True)) == ["active", "candidate"]


def test_alerts_of_the_tenant_are_over(tenant, support):
    raise_alert("radar_warning", tenant, {"count": 1})
    raise_alert("rights_missing", tenant)

    close(tenant, support)

    assert not Alert.objects.filter(recovered_at=None).exists()


# --- The secrets -------------------------------------------------------------------------------


def test_secrets_are_destroyed_on_their_day_and_what_is_known_stays(tenant, support):
    candidate = custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    close(tenant, support, destroy_on=day(3))
    checks = ConnectionCheck.objects.count()

    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        assert tasks.destroy_superseded_keys() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(days=3)):
        assert tasks.destroy_superseded_keys() == 2
        assert tasks.destroy_superseded_keys() == 0

    keys = list(tenant.credentials.all())
    assert {(key.state, key.api_key) for key in keys} == {("revoked", None)}
    assert all(key.last_four and key.fingerprint and key.destroyed_at for key in keys)
    assert candidate in keys
    assert AuditEvent.objects.filter(action="credential.destroyed").count() == 2
    assert ConnectionCheck.objects.count() == checks


def test_secret_of_a_replaced_key_goes_with_the_others(tenant, support):
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    diagnosis.run_checks(tenant)
    close(tenant, support, destroy_on=day())

    assert tasks.destroy_superseded_keys() == 2

    assert sorted(tenant.credentials.values_list("state", "api_key")) == [
        ("revoked", None),
        ("superseded", None),
    ]


def test_reopened_tenants_secret_is_not_destroyed(tenant, support):
    close(tenant, support, destroy_on=day())
    offboarding.reopen(tenant, by=support, reason="A mistake")

    assert tasks.destroy_superseded_keys() == 0
    assert offboarding.destroy_now(tenant, by=support, reason="x") == 0
    assert tenant.active_credential.api_key is not None


def test_secrets_can_be_destroyed_before_their_day(tenant, support):
    close(tenant, support)

    assert offboarding.destroy_now(tenant, by=support, reason="The customer asked") == 1
    assert offboarding.destroy_now(tenant, by=support, reason="again") == 0

    assert tenant.destroy_secrets_on == day()
    assert tenant.credentials.get().api_key is None
    event = AuditEvent.objects.get(action="tenant.secrets_destroyed")
    assert (event.by, event.data) == (support, {"reason": "The customer asked", "count": 1})


# --- Reopening ---------------------------------------------------------------------------------


def test_reopened_tenant_needs_a_check_and_then_goes_on(tenant, queued, support, sandbox):
    queued("A-1")
    close(tenant, support)

    assert offboarding.reopen(tenant, by=support, reason="A mistake") is True
    assert offboarding.reopen(tenant, by=support, reason="again") is False

    assert (tenant.state, tenant.closed_at, tenant.closed_by) == ("pending", None, None)
    assert (tenant.close_reason, tenant.destroy_secrets_on) == ("", None)
    engine.run_lane(tenant.pk)
    assert posts(sandbox) == 0
    diagnosis.run_check(tenant)
    engine.run_lane(tenant.pk)
    assert (tenant.state, posts(sandbox)) == ("active", 1)
    assert AuditEvent.objects.get(action="tenant.reopened").data == {"reason": "A mistake"}


def test_customer_that_comes_back_after_the_destruction_files_a_new_key(tenant, support):
    close(tenant, support)
    offboarding.destroy_now(tenant, by=support, reason="x")
    offboarding.reopen(tenant, by=support, reason="The customer is back")

    with pytest.raises(KeyRefused):
        custody.file_api_key(tenant, tenant.company.api_key, via="email")
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    diagnosis.run_check(tenant)

    assert tenant.state == "active"
