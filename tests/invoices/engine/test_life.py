"""The life of exports against a simulated Procountor over real HTTP and a real database."""

import dataclasses
import datetime as dt
import json

import pytest
from cryptography.fernet import Fernet
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from integrations import custody, diagnosis
from integrations.clients import client_for
from integrations.models import Tenant
from integrations.procountor import OutcomeUnknown
from invoices import engine, exports, filing, reconciliation, triggers
from invoices.enums import AttemptOutcome, ExportStatus
from invoices.models import AuditEvent, InvoiceExport, Lane, SubmissionAttempt
from invoices.watch_models import Alert
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = {"method": "POST", "path": "/invoices"}


def run(tenant):
    engine.run_lane(tenant.pk)


def later(export):
    """Let the time pass that the export waits for."""
    InvoiceExport.objects.filter(pk=export.pk).update(not_before=timezone.now())


def run_until_settled(tenant, export):
    for _round in range(6):
        export.refresh_from_db()
        if export.status not in ("queued", "unknown", "submitting", "submitted"):
            break
        later(export)
        run(tenant)
    export.refresh_from_db()
    return export.status


def posts(sandbox):
    return sum(1 for r in sandbox.requests if r[1] == "POST" and r[2].endswith("/invoices"))


def test_queued_invoice_is_submitted_once_and_reconciled(tenant, queued, sandbox):
    (export,) = queued("A-1")

    run(tenant)

    export.refresh_from_db()
    assert export.status == ExportStatus.RECONCILED
    assert [row["originalInvoiceNumber"] for row in sandbox.ledger()] == ["A-1"]
    assert export.remote_total == export.invoice.gross_total
    assert (export.remote_status, export.attempts.count()) == ("UNFINISHED", 1)


def test_attempt_holds_request_answer_and_origin(tenant, queued):
    (export,) = queued("A-1")

    run(tenant)

    attempt = export.attempts.get()
    assert attempt.outcome == AttemptOutcome.ACCEPTED
    assert attempt.finished_at >= attempt.started_at
    assert '"originalInvoiceNumber": "A-1"' in attempt.request_body or (
        '"originalInvoiceNumber":"A-1"' in attempt.request_body
    )
    assert len(attempt.request_sha256) == 64
    assert attempt.key_fingerprint == tenant.active_credential.short_fingerprint
    assert (attempt.http_status, attempt.trigger) == (200, "automatic")


def test_running_a_lane_again_submits_nothing_again(tenant, queued, sandbox):
    queued("A-1", "A-2")
    run(tenant)

    run(tenant)
    run(tenant)

    assert (posts(sandbox), sandbox.duplicates()) == (2, [])


@pytest.mark.parametrize("kind", ["html_500", "reset", "not_json", "drop_mid_body"])
def test_lost_answer_after_booking_is_adopted_without_a_second_post(tenant, queued, sandbox, kind):
    (export,) = queued("A-1")
    sandbox.fault(kind=kind, after_effect=True, **POSTS)

    run(tenant)
    export.refresh_from_db()
    assert export.status == ExportStatus.UNKNOWN

    assert run_until_settled(tenant, export) == ExportStatus.RECONCILED
    assert (len(sandbox.ledger()), posts(sandbox)) == (1, 1)
    assert export.attempts.get().outcome == AttemptOutcome.UNKNOWN


@pytest.mark.parametrize("kind", ["html_500", "reset"])
def test_lost_request_is_posted_again_only_after_two_lookups(tenant, queued, sandbox, kind):
    (export,) = queued("A-1")
    sandbox.fault(kind=kind, after_effect=False, **POSTS)
    run(tenant)

    later(export)
    run(tenant)
    export.refresh_from_db()
    assert (export.status, export.lookups) == (ExportStatus.UNKNOWN, 1)

    assert run_until_settled(tenant, export) == ExportStatus.RECONCILED
    verdicts = AuditEvent.objects.filter(action="export.looked_up").values_list("data", flat=True)
    assert [data["verdict"] for data in verdicts.order_by("pk")] == ["absent"] * 3
    assert len(sandbox.ledger()) == 1


def test_unknown_is_not_asked_before_its_time(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", **POSTS)
    run(tenant)
    before = len(sandbox.requests)

    run(tenant)

    assert len(sandbox.requests) == before
    export.refresh_from_db()
    assert export.not_before > timezone.now() + dt.timedelta(seconds=20)


def test_found_but_different_is_a_conflict_for_a_person(tenant, queued, sandbox):
    (first,) = queued("A-1")
    run(tenant)
    sandbox.ledger()  # booked as A-1 over 125.50
    InvoiceExport.objects.filter(pk=first.pk).update(status="needs_attention")
    # The same number is in Procountor, with another total than ours.
    with connection.cursor() as cursor:
        triggers.drop_triggers(connection)
        cursor.execute("UPDATE invoices_invoice SET gross_total = '99.00'")
        triggers.create_triggers(connection)
    first.refresh_from_db()
    exports.queue(first)

    run(tenant)

    first.refresh_from_db()
    assert (first.status, first.attention_reason) == ("needs_attention", "conflict")
    assert "125.5" in first.problems[0]["value"]
    assert posts(sandbox) == 1


def test_rate_limit_is_retried_by_schedule_without_a_lookup_verdict(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="rate_limited", retry_after=0, **POSTS)

    run(tenant)
    export.refresh_from_db()
    assert (export.status, export.retries) == (ExportStatus.QUEUED, 1)
    assert export.attempts.get().outcome == AttemptOutcome.NOT_SUBMITTED

    assert run_until_settled(tenant, export) == ExportStatus.RECONCILED
    assert len(sandbox.ledger()) == 1


def test_retries_end_with_a_person(tenant, queued, sandbox, settings):
    settings.EXPORT_RETRY_SECONDS = [1]
    (export,) = queued("A-1")
    sandbox.fault(kind="rate_limited", retry_after=0, times=5, **POSTS)

    assert run_until_settled(tenant, export) == ExportStatus.NEEDS_ATTENTION
    assert export.attention_reason == "retries_exhausted"
    assert export.attempts.count() == 2


def test_field_errors_need_attention_with_code_and_field(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="status", status=400, **POSTS)

    run(tenant)

    export.refresh_from_db()
    assert (export.status, export.attention_reason) == ("needs_attention", "refused")
    assert export.attempts.get().errors[0]["status"] == 400
    assert export.problems


def test_closed_period_is_parked_before_any_call_and_released_when_it_opens(
    make_tenant, queued, tenant, sandbox
):
    tenant.company.close_period(dt.date(2026, 9, 1), dt.date(2026, 9, 30))
    diagnosis.run_check(tenant)
    (export,) = queued("A-1")
    run(tenant)
    export.refresh_from_db()
    assert (export.status, export.parked_reason) == ("parked", "closed_period")
    assert posts(sandbox) == 0

    tenant.company.open_period(dt.date(2026, 9, 1), dt.date(2026, 9, 30))
    diagnosis.run_check(tenant)
    run(tenant)

    export.refresh_from_db()
    assert export.status == ExportStatus.RECONCILED


def test_revoked_key_parks_pauses_and_goes_on_after_a_new_key(tenant, queued, sandbox):
    (first, second) = queued("A-1", "A-2")
    tenant.company.revoke()
    sandbox_token_is_forgotten(tenant)

    run(tenant)

    first.refresh_from_db(), second.refresh_from_db(), tenant.refresh_from_db()
    assert (first.status, first.parked_reason) == ("parked", "credential")
    assert second.status == ExportStatus.QUEUED
    assert (tenant.state, tenant.pause_reason) == ("paused", "credential")
    assert AuditEvent.objects.filter(action="tenant.paused").count() == 1

    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    diagnosis.run_check(tenant)
    run(tenant)
    first.refresh_from_db(), second.refresh_from_db()
    assert {first.status, second.status} == {ExportStatus.RECONCILED}
    assert len(sandbox.ledger()) == 2


def sandbox_token_is_forgotten(tenant):
    cache.clear()


def test_paused_tenant_submits_nothing(tenant, queued, sandbox):
    queued("A-1")
    diagnosis.pause(tenant, "person")

    run(tenant)

    assert posts(sandbox) == 0


def test_crashed_worker_leads_to_unknown_and_its_attempt_is_closed(tenant, queued, sandbox):
    queued("A-1")
    claimed = exports.claim_next(tenant)
    exports.open_attempt(claimed, b"{}", tenant.active_credential)
    expire(claimed)

    assert exports.expire_leases() == 1

    claimed.refresh_from_db()
    attempt = claimed.attempts.get()
    assert claimed.status == ExportStatus.UNKNOWN
    assert (attempt.outcome, attempt.cause) == (AttemptOutcome.UNKNOWN, "crashed")


def expire(export):
    past = timezone.now() - dt.timedelta(seconds=1)
    InvoiceExport.objects.filter(pk=export.pk).update(lease_until=past)


def test_worker_that_lost_its_claim_may_not_post(tenant, queued):
    queued("A-1")
    claimed = exports.claim_next(tenant)
    expire(claimed)
    exports.expire_leases()

    with pytest.raises(exports.ClaimLost):
        exports.open_attempt(claimed, b"{}", tenant.active_credential)

    assert SubmissionAttempt.objects.count() == 0


def test_late_answer_of_an_expired_claim_is_recorded_and_moves_nothing(tenant, queued, sandbox):
    queued("A-1")
    claimed = exports.claim_next(tenant)
    attempt = exports.open_attempt(claimed, b"{}", tenant.active_credential)
    expire(claimed)
    exports.expire_leases()
    moved = exports.unknown(claimed, attempt, OutcomeUnknown("read_timeout"))

    assert not moved
    assert AuditEvent.objects.filter(action="attempt.late_answer").count() == 1


def test_two_claims_never_take_the_same_export(tenant, queued):
    queued("A-1", "A-2")

    taken = [exports.claim_next(tenant).pk, exports.claim_next(tenant).pk]

    assert len(set(taken)) == 2
    assert exports.claim_next(tenant) is None


def test_lane_held_by_another_worker_is_left_alone(tenant, queued, sandbox):
    queued("A-1")
    Lane.objects.create(
        tenant=tenant, holder="other", lease_until=timezone.now() + dt.timedelta(seconds=10)
    )

    assert engine.run_lane(tenant.pk) == 0
    assert posts(sandbox) == 0


def test_sweep_wakes_lanes_whose_wake_up_was_lost(tenant, queued):
    queued("A-1")
    OrmQ.objects.all().delete()

    assert engine.sweep() == 1
    assert OrmQ.objects.count() == 1


def test_blind_user_s_lookup_is_not_believed(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", after_effect=True, **POSTS)
    run(tenant)
    tenant.company.set_right("sales.salesInvoiceSearch", "NO_ACCESS")
    diagnosis.run_check(tenant)
    Tenant.objects.filter(pk=tenant.pk).update(state="active")
    later(export)

    run(tenant)

    export.refresh_from_db()
    assert (export.status, export.attention_reason) == ("needs_attention", "lookup_blind")
    assert len(sandbox.ledger()) == 1


def test_two_tenants_keep_to_their_own_companies(make_tenant, sandbox):
    acme = make_tenant()
    beta = make_tenant(name="Beta Oy", business_id="0112038-9")
    for tenant, number in ((acme, "A-1"), (beta, "A-1")):
        content = json.dumps(factories.invoice(number)).encode()
        filing.file_invoices(tenant, "own.json", content, via="command", queue=True)
        run(tenant)

    assert len(sandbox.ledger(acme.company.id)) == 1
    assert len(sandbox.ledger(beta.company.id)) == 1


@pytest.mark.parametrize("status", ["queued", "unknown", "submitting", "submitted", "reconciled"])
def test_person_cannot_queue_what_is_on_its_way_or_done(tenant, queued, status):
    (export,) = queued("A-1")
    InvoiceExport.objects.filter(pk=export.pk).update(status=status)
    export.refresh_from_db()

    assert exports.queue(export) is False


def test_invoice_that_is_never_answered_ends_with_a_person(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", times=50, **POSTS)
    for _round in range(12):
        export.refresh_from_db()
        if export.status == ExportStatus.NEEDS_ATTENTION:
            break
        later(export)
        run(tenant)

    assert (export.status, export.problems[0]["code"]) == ("needs_attention", "never_answered")
    assert (posts(sandbox), len(sandbox.ledger())) == (3, 0)


def test_missing_right_parks_and_pauses_once_then_is_the_invoice_s_own_problem(
    tenant, queued, sandbox
):
    (export,) = queued("A-1")
    sandbox.fault(kind="status", status=403, times=2, **POSTS)

    run(tenant)
    export.refresh_from_db(), tenant.refresh_from_db()
    assert (export.parked_reason, tenant.pause_reason) == ("rights", "rights")

    diagnosis.run_check(tenant)
    run(tenant)
    export.refresh_from_db()
    assert (export.status, export.attention_reason) == ("needs_attention", "refused")


def test_key_that_no_longer_opens_parks_and_pauses(tenant, queued, settings, sandbox):
    (export,) = queued("A-1")
    settings.FERNET_KEYS = [Fernet.generate_key().decode()]

    run(tenant)

    export.refresh_from_db(), tenant.refresh_from_db()
    assert (export.status, tenant.state) == ("parked", "paused")
    assert [problem["code"] for problem in export.problems] == ["key_unreadable"]
    assert tenant.pause_reason == "unreadable"
    assert Alert.objects.get().cause == "key_unreadable"
    assert posts(sandbox) == 0


def test_key_that_opens_again_takes_the_queue_along(tenant, queued, settings, sandbox):
    (export,) = queued("A-1")
    right = settings.FERNET_KEYS
    settings.FERNET_KEYS = [Fernet.generate_key().decode()]
    run(tenant)
    settings.FERNET_KEYS = right

    diagnosis.run_check(tenant)

    assert run_until_settled(tenant, export) == ExportStatus.RECONCILED
    assert not Alert.objects.filter(recovered_at=None).exists()


def test_outage_of_the_token_endpoint_makes_no_attempt(tenant, queued, sandbox):
    (export,) = queued("A-1")
    cache.clear()
    sandbox.fault(kind="html_500", method="POST", path="/oauth/token")

    run(tenant)
    export.refresh_from_db()
    assert (export.status, export.retries, export.attempts.count()) == ("queued", 1, 0)

    assert run_until_settled(tenant, export) == ExportStatus.RECONCILED


def test_total_that_differs_in_procountor_is_told_and_never_submitted_again(
    tenant, queued, sandbox
):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", method="GET", path="/invoices/")
    run(tenant)
    export.refresh_from_db()
    remote = client_for(tenant).get_invoice(export.remote_id)
    other = dataclasses.replace(remote, gross_total=remote.gross_total + 1)

    reconciliation.read_back([export], [other])
    run(tenant)

    export.refresh_from_db()
    assert (export.status, export.problems[0]["code"]) == ("submitted", "total_differs")
    assert (export.problems[0]["value"], posts(sandbox)) == ("126.50", 1)


def test_reading_back_that_failed_is_done_by_a_later_sweep(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", method="GET", path="/invoices/")
    run(tenant)
    export.refresh_from_db()
    assert export.status == ExportStatus.SUBMITTED
    OrmQ.objects.all().delete()
    later(export)

    assert engine.sweep() == 1
    run(tenant)

    export.refresh_from_db()
    assert export.status == ExportStatus.RECONCILED


@pytest.fixture
def lost(tenant, queued, sandbox):
    """An export whose answer was lost after it took effect, due to be looked for."""
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", after_effect=True, **POSTS)
    run(tenant)
    later(export)
    return export


def test_look_up_that_gets_no_answer_proves_nothing_and_is_repeated(tenant, lost, sandbox):
    sandbox.fault(kind="html_500", method="GET", path="/invoices")

    run(tenant)

    lost.refresh_from_db()
    assert (lost.status, lost.lookups) == (ExportStatus.UNKNOWN, 0)
    assert run_until_settled(tenant, lost) == ExportStatus.RECONCILED
    assert len(sandbox.ledger()) == 1


def test_look_up_that_is_refused_asks_for_a_person(tenant, lost, sandbox):
    sandbox.fault(kind="status", status=403, method="GET", path="/invoices")

    run(tenant)

    lost.refresh_from_db()
    assert (lost.attention_reason, lost.problems[0]["code"]) == ("lookup_blind", "lookup_refused")
    assert posts(sandbox) == 1


def test_look_up_with_a_refused_key_pauses_and_leaves_the_export_unknown(tenant, lost, sandbox):
    tenant.company.revoke()
    cache.clear()

    run(tenant)

    lost.refresh_from_db(), tenant.refresh_from_db()
    assert (lost.status, tenant.state, tenant.pause_reason) == ("unknown", "paused", "credential")


def test_number_that_is_in_procountor_several_times_asks_for_a_person(tenant, lost, sandbox):
    body = lost.attempts.get().request_body.encode()
    client_for(tenant).create_invoice(body)

    run(tenant)

    lost.refresh_from_db()
    assert (lost.attention_reason, lost.problems[0]["code"]) == ("conflict", "several_found")
    assert posts(sandbox) == 2


def test_same_number_day_and_sum_for_another_buyer_is_not_ours(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", **POSTS)
    run(tenant)
    by_hand = json.loads(export.attempts.get().request_body)
    by_hand["counterParty"]["counterPartyAddress"]["name"] = "Toinen Oy"
    client_for(tenant).create_invoice(json.dumps(by_hand).encode())
    later(export)

    run(tenant)

    export.refresh_from_db()
    assert (export.attention_reason, export.problems[0]["value"]) == (
        "conflict",
        "buyer: Toinen Oy / Ostaja Oy",
    )


@pytest.mark.parametrize(
    "name",
    ["Ostaja\u00a0 Oy", "OSTAJA\u2010KAUPPA Oy", f"{'Asiakasyritys ' * 7}Oy"],
    ids=["odd spaces", "odd dash", "over 80 characters"],
)
def test_buyer_is_recognised_in_procountor_s_spelling(tenant, queued, sandbox, name):
    buyer = factories.invoice()["buyer"]
    address = buyer["address"] | {"name": name}
    (export,) = queued("A-1", buyer=buyer | {"address": address})
    sandbox.fault(kind="html_500", after_effect=True, **POSTS)
    run(tenant)
    later(export)

    run(tenant)

    export.refresh_from_db()
    assert export.status == ExportStatus.RECONCILED
    assert len(sandbox.ledger()) == 1


def test_new_key_is_not_used_before_its_check_has_passed(tenant, queued, sandbox):
    other = sandbox.add_company(name="Beta Oy", business_id="0112038-9")
    (export,) = queued("A-1")
    diagnosis.pause(tenant, "rights")
    custody.file_api_key(tenant, other.api_key, via="email")

    run(tenant)
    assert sandbox.ledger() == []

    diagnosis.run_check(tenant)
    run(tenant)
    export.refresh_from_db(), tenant.refresh_from_db()
    assert sandbox.ledger() == []
    assert (export.status, tenant.state) == (ExportStatus.QUEUED, "paused")


def test_lane_resumed_by_a_person_waits_for_a_check(tenant, queued, sandbox):
    queued("A-1")
    diagnosis.pause(tenant, "person")
    tenant.company.revoke()
    diagnosis.resume(tenant)

    run(tenant)

    assert posts(sandbox) == 0
