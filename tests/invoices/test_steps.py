"""Attach, approve, send: in order, each with evidence; whatever is lost, sent at most once."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from invoices import pdf
from invoices.exports import steps
from invoices.models import AuditEvent
from invoices.step_models import ExportStep, StepAttempt
from tests.factories import UserFactory
from tests.invoices.steps_driver import (
    PDF,
    ask,
    calls,
    client_of,
    drive,
    drive_to_the_end,
    make_due,
    reconcile,
    states,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(make_tenant):
    return make_tenant(after_submit="approve_and_send", invoice_channel="MAIL")


@pytest.fixture
def client(tenant):
    return client_of(tenant)


@pytest.fixture
def planned(queued, client):
    """A reconciled export with its steps planned, and one PDF."""

    def make(number="A-1", files=("lasku.pdf",)):
        (export,) = queued(number)
        for name in files:
            found, _problems = pdf.checked(name, PDF)
            assert steps.attach(export.invoice, found, by=None) == []
        return reconcile(export, client)

    return make


@pytest.fixture
def export(planned):
    return planned()


def sends(sandbox, tenant):
    """How many times the sandbox delivered."""
    events = sandbox.books[tenant.company.id].events
    return sum(event["action"] == "SEND" for found in events.values() for event in found)


def attached(sandbox, tenant):
    return [found[0]["name"] for found in sandbox.books[tenant.company.id].attachments.values()]


def changed_sums(sums):
    """The same sums, each total ten more."""
    return [one | {"invoiceSumTotal": Decimal("135.50")} for one in sums]


def remote_status(sandbox):
    return [invoice["status"] for invoice in sandbox.ledger()]


def test_steps_run_in_order_and_the_invoice_is_sent_once(export, tenant, client, sandbox):
    drive(tenant, client)
    assert states(export) == [("attach", "done"), ("approve", "waiting"), ("send", "waiting")]
    drive_to_the_end(tenant, client)

    export.refresh_from_db()
    assert states(export) == [("attach", "done"), ("approve", "done"), ("send", "done")]
    assert (sends(sandbox, tenant), attached(sandbox, tenant)) == (1, ["lasku.pdf"])
    assert export.remote_status == "SENT"


def test_leaving_unfinished_plans_nothing(planned, tenant, sandbox):
    tenant.after_submit = "unfinished"
    tenant.save()

    export = planned(files=())

    assert states(export) == []


def test_planning_many_with_nothing_to_do_is_one_query(planned, tenant, django_assert_num_queries):
    tenant.after_submit = "unfinished"
    tenant.save()
    exports = [planned(f"A-{n}", files=()) for n in range(3)]

    with django_assert_num_queries(1):
        steps.plan(exports)


def test_planning_twice_adds_nothing(export):
    before = states(export)
    steps.plan([export])

    assert states(export) == before


def test_approve_alone_ends_with_the_invoice_not_sent(planned, tenant, client, sandbox):
    tenant.after_submit = "approve"
    tenant.save()
    export = planned(files=())
    drive_to_the_end(tenant, client)

    export.refresh_from_db()
    assert (states(export), export.remote_status) == ([("approve", "done")], "NOT_SENT")
    assert sends(sandbox, tenant) == 0


@pytest.mark.parametrize("kind", ["html_500", "reset", "not_json", "drop_mid_body"])
@pytest.mark.parametrize("after_effect", [True, False])
def test_lost_answer_to_send_never_sends_twice(export, tenant, client, sandbox, kind, after_effect):
    path = f"/invoices/{export.remote_id}/send"
    sandbox.fault(kind, method="PUT", path=path, after_effect=after_effect)

    drive_to_the_end(tenant, client)

    assert calls(sandbox, "/send") <= 1
    assert sends(sandbox, tenant) == after_effect
    assert states(export)[-1] == ("send", "done" if after_effect else "needs_attention")


@pytest.mark.parametrize("after_effect", [True, False])
def test_lost_answer_to_approve_is_read_then_repeated_if_need_be(
    export, tenant, client, sandbox, after_effect
):
    path = f"/invoices/{export.remote_id}/approve"
    sandbox.fault("reset", method="PUT", path=path, after_effect=after_effect)

    drive_to_the_end(tenant, client)

    assert remote_status(sandbox) == ["SENT"]
    assert calls(sandbox, "/approve") == (1 if after_effect else 2)


@pytest.mark.parametrize("after_effect", [True, False])
def test_lost_answer_to_attaching_leaves_one_file(export, tenant, client, sandbox, after_effect):
    sandbox.fault("reset", path="/attachments", after_effect=after_effect)

    drive_to_the_end(tenant, client)

    assert (attached(sandbox, tenant), remote_status(sandbox)) == (["lasku.pdf"], ["SENT"])


def test_send_is_not_shown_only_after_two_readings_apart(planned, tenant, client, sandbox):
    export = planned(files=())
    sandbox.fault("reset", method="PUT", path=f"/invoices/{export.remote_id}/send")
    drive(tenant, client, rounds=2)
    send = export.steps.get(kind="send")
    assert (send.status, send.not_before > timezone.now()) == ("unknown", True)

    make_due()
    drive(tenant, client)
    send.refresh_from_db()
    assert (send.status, send.reads, send.not_before > timezone.now()) == ("unknown", 1, True)

    make_due()
    drive(tenant, client)
    send.refresh_from_db()
    assert (send.status, send.problems[0]["code"]) == ("needs_attention", "send_not_shown")


def test_person_confirms_and_the_invoice_is_read_again_first(planned, tenant, client, sandbox):
    export = planned(files=())
    sandbox.fault("reset", method="PUT", path=f"/invoices/{export.remote_id}/send")
    drive_to_the_end(tenant, client)
    send = export.steps.get(kind="send")
    person = UserFactory()

    assert steps.try_step_again(send, by=person, reason="Buyer has nothing") is True
    drive_to_the_end(tenant, client)

    assert (states(export)[-1], sends(sandbox, tenant)) == (("send", "done"), 1)
    last = send.attempts.filter(purpose="act").last()
    assert (last.trigger, last.triggered_by, last.reason) == (
        "person",
        person,
        "Buyer has nothing",
    )


def test_sent_by_a_person_before_the_confirmation_is_not_sent_again(
    planned, tenant, client, sandbox
):
    export = planned(files=())
    sandbox.fault("reset", method="PUT", path=f"/invoices/{export.remote_id}/send")
    drive_to_the_end(tenant, client)
    client.send(export.remote_id)
    steps.try_step_again(export.steps.get(kind="send"), by=UserFactory(), reason="x")

    drive_to_the_end(tenant, client)

    assert (states(export)[-1], sends(sandbox, tenant)) == (("send", "done"), 1)


@pytest.mark.parametrize("asked", [True, False])
def test_worker_killed_around_sending_leads_to_reading(planned, tenant, client, sandbox, asked):
    export = planned(files=())
    drive(tenant, client)
    (call,) = steps.due(tenant.pk, 10)
    if asked:
        ask(call, client)
    past = timezone.now() - dt.timedelta(seconds=1)
    ExportStep.objects.filter(pk=call.step.pk).update(lease_until=past)

    assert steps.expire_leases() == 1
    assert states(export)[-1] == ("send", "unknown")
    drive_to_the_end(tenant, client)

    assert sends(sandbox, tenant) == (1 if asked else 0)
    assert states(export)[-1] == ("send", "done" if asked else "needs_attention")


def test_answer_after_the_lease_moves_nothing(planned, tenant, client):
    export = planned(files=())
    (call,) = steps.due(tenant.pk, 10)
    answer = ask(call, client)
    past = timezone.now() - dt.timedelta(seconds=1)
    ExportStep.objects.filter(pk=call.step.pk).update(lease_until=past)
    steps.expire_leases()

    assert steps.settle(call, answer) == steps.Settled.LATE
    assert states(export)[0] == ("approve", "unknown")
    assert AuditEvent.objects.filter(export=export, action="step.late_answer").count() == 1


def test_request_that_would_leave_too_late_does_not_leave(
    planned, tenant, client, sandbox, settings
):
    export = planned(files=())
    drive(tenant, client)
    settings.EXPORT_LEASE_SECONDS = -1000
    (call,) = steps.due(tenant.pk, 10)

    assert ask(call, client).cause == "too_late"
    assert (calls(sandbox, "/send"), export.remote_id) == (0, call.remote_id)


def test_one_step_of_an_export_is_claimed_at_a_time(export, tenant):
    assert [call.kind for call in steps.due(tenant.pk, 10)] == ["attach"]
    assert steps.due(tenant.pk, 10) == []


def test_old_reading_is_repeated_before_approval(planned, tenant, client, sandbox):
    export = planned(files=())
    old = timezone.now() - dt.timedelta(minutes=11)
    ExportStep.objects.update(checked_at=old)
    drive(tenant, client)
    assert (calls(sandbox, "/approve"), export.steps.first().attempts.get().purpose) == (0, "check")

    drive(tenant, client)
    assert calls(sandbox, "/approve") == 1


def test_total_changed_in_procountor_stops_before_approval(planned, tenant, client, sandbox):
    export = planned(files=())
    ExportStep.objects.update(checked_at=None)
    remote = sandbox.books[tenant.company.id].invoices[export.remote_id]
    remote["invoiceSumInfo"] = changed_sums(remote["invoiceSumInfo"])
    drive_to_the_end(tenant, client)

    step = export.steps.first()
    assert (step.status, step.problems[0]["code"]) == ("needs_attention", "step_total_changed")
    assert calls(sandbox, "/approve") == 0


def test_403_with_the_right_status_is_told_as_missing_rights(planned, tenant, client, sandbox):
    export = planned(files=())
    path = f"/invoices/{export.remote_id}/approve"
    sandbox.fault("status", method="PUT", path=path, status=403, message="Forbidden")
    drive_to_the_end(tenant, client)

    step = export.steps.first()
    assert (step.status, step.problems[0]["code"]) == ("needs_attention", "approve_rights")


def test_403_with_a_wrong_status_is_told_as_such(planned, tenant, client, sandbox):
    export = planned(files=())
    sandbox.books[tenant.company.id].invoices[export.remote_id]["status"] = "INVALIDATED"
    drive_to_the_end(tenant, client)

    step = export.steps.first()
    assert (step.status, step.problems) == (
        "needs_attention",
        [{"code": "approve_wrong_status", "value": "INVALIDATED"}],
    )


def test_approved_and_sent_by_a_person_meanwhile_is_done(planned, tenant, client, sandbox):
    export = planned(files=())
    client.approve(export.remote_id)
    client.send(export.remote_id)
    drive_to_the_end(tenant, client)

    assert states(export) == [("approve", "done"), ("send", "done")]
    assert sends(sandbox, tenant) == 1


def test_refused_key_waits_and_tells_the_caller(planned, tenant, client, sandbox):
    export = planned(files=())
    sandbox.fault("expired_token", method="PUT", path="/invoices", times=2)

    assert drive(tenant, client) == [steps.Settled.CREDENTIAL_REFUSED]
    step = export.steps.first()
    assert (step.status, step.not_before > timezone.now()) == ("waiting", True)


def test_rate_limited_send_is_retried(planned, tenant, client, sandbox):
    export = planned(files=())
    sandbox.fault("rate_limited", method="PUT", path=f"/invoices/{export.remote_id}/send")
    drive_to_the_end(tenant, client)

    assert (states(export)[-1], sends(sandbox, tenant)) == (("send", "done"), 1)


def test_delivery_error_after_sending_needs_a_person(planned, tenant, client, sandbox):
    export = planned(files=())
    path = f"/invoices/{export.remote_id}/send"
    sandbox.fault("reset", method="PUT", path=path, after_effect=True)
    drive(tenant, client, rounds=2)
    books = sandbox.books[tenant.company.id]
    action = "SENDING_ERROR_REVERTED_TO_NOT_SENT"
    books.move(export.remote_id, "NOT_SENT", action, tenant.company)
    drive_to_the_end(tenant, client)

    step = export.steps.get(kind="send")
    assert (step.status, step.problems[0]["code"]) == ("needs_attention", "delivery_failed")
    assert sends(sandbox, tenant) == 1


def test_restored_backup_puts_every_open_step_in_doubt(export, tenant, client, sandbox):
    steps.due(tenant.pk, 10)
    assert steps.after_restore("ops: backup of Monday") == 3
    assert [status for _kind, status in states(export)] == ["unknown"] * 3
    drive_to_the_end(tenant, client)

    assert states(export)[-1] == ("send", "needs_attention")
    assert (calls(sandbox, "/send"), attached(sandbox, tenant)) == (0, ["lasku.pdf"])


def test_tenants_with_due_are_active_ones_with_a_step(export, tenant, make_tenant):
    other = make_tenant("Beta Oy", "0112038-9")
    now = timezone.now()
    assert steps.tenants_with_due(now) == [tenant.pk]
    assert steps.next_due_at(tenant.pk) <= now
    assert steps.next_due_at(other.pk) is None

    tenant.state = "paused"
    tenant.save()
    assert steps.tenants_with_due(now) == []


def test_skipped_approval_is_followed_by_reading(planned, tenant, client, sandbox):
    export = planned(files=())
    client.approve(export.remote_id)
    assert steps.skip_step(export.steps.first(), by=UserFactory(), reason="By hand") is True
    drive_to_the_end(tenant, client)

    assert states(export) == [("approve", "skipped"), ("send", "done")]


def test_pdf_is_refused_once_the_invoice_is_sent(export, tenant, client):
    drive_to_the_end(tenant, client)
    late, _none = pdf.checked("late.pdf", PDF)

    assert [p.code for p in steps.attach(export.invoice, late, by=None)] == ["attachment_too_late"]


def test_pdf_added_after_approval_still_travels(planned, tenant, client, sandbox):
    export = planned(files=())
    drive(tenant, client)
    more, _none = pdf.checked("more.pdf", PDF)
    assert steps.attach(export.invoice, more, by=None) == []
    drive_to_the_end(tenant, client)

    assert (attached(sandbox, tenant), sends(sandbox, tenant)) == (["more.pdf"], 1)
    acts = StepAttempt.objects.filter(purpose="act").order_by("started_at")
    assert [a.step.kind for a in acts] == ["approve", "attach", "send"]


def test_same_name_twice_is_refused(planned):
    export = planned(files=("lasku.pdf",))
    again, _none = pdf.checked("LASKU.PDF", PDF)

    assert [p.code for p in steps.attach(export.invoice, again, by=None)] == ["attachment_twice"]


def test_closed_attempts_and_attachments_cannot_be_changed(export, tenant, client):
    drive(tenant, client)
    attempt = StepAttempt.objects.exclude(finished_at=None).first()
    for table, pk in (
        ("invoices_stepattempt", attempt.pk),
        ("invoices_invoiceattachment", export.invoice.attachments.get().pk),
    ):
        for statement in (f"UPDATE {table} SET id = id WHERE id = %s",
                          f"DELETE FROM {table} WHERE id = %s"):  # fmt: skip
            with (
                pytest.raises(DatabaseError, match="evidence"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement, [pk])


def test_every_move_of_a_step_is_in_the_audit_trail(planned, tenant, client):
    export = planned(files=())
    drive_to_the_end(tenant, client)

    actions = [e.action for e in AuditEvent.objects.filter(export=export).order_by("pk")]
    found = [a for a in actions if a.startswith("step.")]
    assert found == ["step.running", "step.done"] * 2
    assert "export.steps_planned" in actions


def test_nothing_secret_is_kept_with_an_attempt(export, tenant, client):
    drive_to_the_end(tenant, client)
    kept = str(list(StepAttempt.objects.values())) + str(list(AuditEvent.objects.values()))

    assert tenant.company.api_key not in kept
    assert "Bearer" not in kept
