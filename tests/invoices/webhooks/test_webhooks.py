"""Sources are told of every end of an export, at least once, signed, and behind the engine."""

import base64
import datetime as dt
import hashlib
import hmac
import json

import pytest
import time_machine
from django.db.models import F
from django.utils import timezone

from invoices import engine, exports, tasks
from invoices.document import Problem
from invoices.enums import AttentionReason, ExportStatus
from invoices.exports import moves
from invoices.models import AuditEvent, InvoiceExport
from invoices.reports import rolling
from invoices.watch_models import Alert
from invoices.webhook_models import KINDS, WebhookDelivery, WebhookEndpoint, WebhookTry
from invoices.webhooks import collecting, delivering, endpoints
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(tenant, listener, boss):
    row, row_secret = endpoints.add(tenant, listener.url, by=boss)
    row.clear = row_secret
    return row


def skip(export):
    assert exports.skip(export, by=factories.UserFactory(), reason="x")


def deliver(endpoint):
    collecting.collect()
    delivering.deliver(endpoint.pk, seconds=1)


def expected_signature(secret, headers, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


@pytest.mark.django_db(transaction=True)
def test_exported_invoice_is_told_when_submitted_and_when_settled(queued, endpoint, listener):
    (export,) = queued("A/1")
    engine.run_lanes()

    deliver(endpoint)

    told = [json.loads(body) for body in listener.bodies]
    export.refresh_from_db()
    assert [each["type"] for each in told] == ["export.submitted", "export.reconciled"]
    assert told[1]["data"] == {
        "number": "A/1",
        "status": "reconciled",
        "href": "/api/v1/invoices/~QS8x",
        "procountor": {"id": export.remote_id, "number": export.remote_number},
    }


def test_refused_export_is_told_with_codes_and_no_values(queued, endpoint, listener):
    (export,) = queued("A-1")
    InvoiceExport.objects.update(status="unknown")
    export.refresh_from_db()
    found = [Problem("conflict", "buyer", "Maija Meikäläinen"), Problem("Ostaja Maija puuttuu")]
    moves.needs_attention(export, ExportStatus.UNKNOWN, AttentionReason.CONFLICT, found)

    deliver(endpoint)

    (told,) = [json.loads(body) for body in listener.bodies]
    assert told["type"] == "export.needs_attention"
    assert told["data"]["reason"] == "conflict"
    assert "Maija" not in str(told)


def test_content_names_numbers_and_statuses_only(queued, endpoint, listener):
    (export,) = queued("A-1")
    skip(export)

    deliver(endpoint)

    text = listener.bodies[0].decode()
    assert json.loads(text)["data"].keys() == {"number", "status", "href", "procountor"}
    assert not any(word in text for word in ("Ostaja", "Testitie", "0112038-9", "125.50"))


def test_signature_is_that_of_standard_webhooks(queued, endpoint, listener):
    skip(queued("A-1")[0])
    deliver(endpoint)

    _path, headers, body = listener.posts[0]
    assert headers["webhook-signature"] == expected_signature(endpoint.clear, headers, body)
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    assert headers["webhook-id"].startswith("msg_")


def test_published_example_of_the_standard_is_signed_the_same():
    """From the specification's own libraries (test vector of standard-webhooks)."""
    from invoices.webhooks import signing  # noqa: PLC0415

    found = signing.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )

    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_both_secrets_sign_for_a_day_after_a_change(queued, endpoint, listener, boss):
    fresh = endpoints.change_secret(endpoint, by=boss)
    first, second = queued("A-1", "A-2")
    skip(first)
    deliver(endpoint)
    with time_machine.travel(timezone.now() + dt.timedelta(hours=25)):
        skip(second)
        deliver(endpoint)

    (_p, headers, body), (_p2, later, body2) = listener.posts
    both = [expected_signature(secret, headers, body) for secret in (fresh, endpoint.clear)]
    assert headers["webhook-signature"].split() == both
    assert later["webhook-signature"] == expected_signature(fresh, later, body2)


def test_what_happened_before_the_endpoint_is_not_told(queued, listener, tenant, boss):
    skip(queued("A-1")[0])
    endpoint, _secret = endpoints.add(tenant, listener.url, by=boss)

    deliver(endpoint)

    assert listener.posts == []


def test_an_event_is_told_once_however_often_it_is_collected(queued, endpoint, listener):
    skip(queued("A-1")[0])
    for _each in range(3):
        collecting.collect()
    rolling.roll_up()
    collecting.collect()

    deliver(endpoint)

    assert len(listener.posts) == 1
    assert WebhookDelivery.objects.count() == 1


def test_cursor_moves_only_past_events_that_are_settled(queued, endpoint):
    skip(queued("A-1")[0])
    before = endpoint.settled
    collecting.collect()
    endpoint.refresh_from_db()
    assert endpoint.settled == before

    for _each in range(4):
        rolling.roll_up()
    collecting.collect()
    endpoint.refresh_from_db()

    assert endpoint.settled > before


def test_tenant_without_an_endpoint_costs_one_query(queued, django_assert_num_queries):
    skip(queued("A-1")[0])

    with django_assert_num_queries(1):
        assert collecting.collect() == 0


def test_moves_write_nothing_for_webhooks(queued, endpoint):
    (export,) = queued("A-1")
    skip(export)

    assert not WebhookDelivery.objects.exists()
    assert AuditEvent.objects.filter(export=export, action__in=KINDS).count() == 1


def test_endpoint_of_another_tenant_hears_nothing(queued, endpoint, listener, make_tenant, boss):
    other = make_tenant(name="Beta Oy", business_id="0112038-9")
    theirs, _secret = endpoints.add(other, listener.url + "/beta", by=boss)
    skip(queued("A-1")[0])

    deliver(theirs)
    deliver(endpoint)

    assert [path for path, _headers, _body in listener.posts] == ["/hook"]


def test_failed_delivery_is_tried_again_with_the_same_id_and_body(queued, endpoint, listener):
    listener.answers = [(500, b"broken \x00 at " + b"x" * 5000)]
    skip(queued("A-1")[0])
    deliver(endpoint)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.tries) == ("waiting", 1)
    assert 3 < (delivery.due_at - timezone.now()).total_seconds() < 6

    with time_machine.travel(delivery.due_at + dt.timedelta(seconds=1)):
        delivering.deliver(endpoint.pk, seconds=1)

    (_p, first, body), (_p2, second, body2) = listener.posts
    assert (first["webhook-id"], body) == (second["webhook-id"], body2)
    failed, done = WebhookTry.objects.order_by("pk")
    assert (failed.http_status, len(failed.answer), done.http_status) == (500, 500, 204)
    assert "\x00" not in failed.answer
    assert WebhookDelivery.objects.get().state == "delivered"


def test_retry_schedule_is_the_standards_and_then_it_is_given_up(queued, endpoint, listener):
    listener.answers = [(503, b"")] * 20
    skip(queued("A-1")[0])
    collecting.collect()
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _each in range(20):
            delivering.deliver(endpoint.pk, seconds=0.2)
            row = WebhookDelivery.objects.get()
            if row.due_at is None:
                break
            waits.append(round((row.due_at - timezone.now()).total_seconds()))
            clock.move_to(row.due_at + dt.timedelta(seconds=1))

    usual = [5, 300, 1800, 7200, 18000, 36000, 36000]
    assert len(waits) == len(usual)
    assert all(0.9 * u - 1 <= w <= 1.1 * u + 1 for w, u in zip(waits, usual, strict=True))
    assert (row.state, row.tries) == ("given_up", 8)


def test_given_up_delivery_is_replayed_with_the_same_id(queued, endpoint, listener, boss):
    skip(queued("A-1")[0])
    deliver(endpoint)
    delivery = WebhookDelivery.objects.get()

    assert endpoints.replay(delivery, by=boss)
    assert not endpoints.replay(delivery, by=boss)
    delivering.deliver(endpoint.pk, seconds=1)

    ids = {headers["webhook-id"] for _path, headers, _body in listener.posts}
    assert (len(listener.posts), len(ids)) == (2, 1)
    assert AuditEvent.objects.get(action="webhook.replayed").data["number"] == "A-1"


def test_endpoint_that_fails_for_days_is_paused_with_an_alert(queued, endpoint, listener, boss):
    listener.answers = [(500, b"")]
    skip(queued("A-1")[0])
    WebhookEndpoint.objects.update(failing_since=timezone.now() - dt.timedelta(days=5, hours=1))

    deliver(endpoint)
    endpoint.refresh_from_db()
    assert endpoint.state == "failing"
    assert Alert.objects.get(cause="webhook_failing").recovered_at is None
    assert delivering.endpoints_due() == []

    assert endpoints.resume(endpoint, by=boss)
    deliver(endpoint)
    assert len(listener.posts) == 2
    assert Alert.objects.get(cause="webhook_failing").recovered_at is not None


def test_who_answers_gone_is_not_asked_again(queued, endpoint, listener):
    listener.answers = [(410, b"")]
    skip(queued("A-1")[0])

    deliver(endpoint)

    assert WebhookEndpoint.objects.get().state == "failing"


def test_what_happens_during_a_pause_is_told_after_it(queued, endpoint, listener, boss):
    first, second = queued("A-1", "A-2")
    endpoints.pause(endpoint, by=boss)
    skip(first)
    deliver(endpoint)
    assert listener.posts == []

    endpoints.resume(endpoint, by=boss)
    skip(second)
    deliver(endpoint)

    assert [json.loads(body)["data"]["number"] for body in listener.bodies] == ["A-1", "A-2"]


def test_removed_endpoint_is_told_nothing_and_has_no_secret(queued, endpoint, listener, boss):
    skip(queued("A-1")[0])
    collecting.collect()

    assert endpoints.remove(endpoint, by=boss)
    deliver(endpoint)

    endpoint.refresh_from_db()
    assert (endpoint.secret, endpoint.previous_secret, listener.posts) == (None, None, [])
    assert endpoints.change_secret(endpoint, by=boss) is None
    assert WebhookDelivery.objects.get().state == "given_up"


def test_closed_tenant_tells_nothing_until_it_is_reopened(queued, endpoint, listener, tenant):
    skip(queued("A-1")[0])
    tenant.state = "closed"
    tenant.save(update_fields=["state"])
    deliver(endpoint)
    assert listener.posts == []

    tenant.state = "active"
    tenant.save(update_fields=["state"])
    deliver(endpoint)

    assert len(listener.posts) == 1


def test_two_workers_do_not_post_to_one_endpoint_at_once(queued, endpoint, listener):
    skip(queued("A-1")[0])
    collecting.collect()
    WebhookEndpoint.objects.update(
        holder="another", lease_until=timezone.now() + dt.timedelta(seconds=60)
    )

    assert not delivering.deliver(endpoint.pk, seconds=1)
    assert listener.posts == []
    WebhookEndpoint.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    delivering.deliver(endpoint.pk, seconds=1)

    assert len(listener.posts) == 1


def test_worker_that_died_after_the_post_has_it_posted_again(
    queued, endpoint, listener, monkeypatch
):
    skip(queued("A-1")[0])
    collecting.collect()
    with monkeypatch.context() as patched:
        patched.setattr(delivering, "_taken", lambda *args: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            delivering.deliver(endpoint.pk, seconds=1)

    delivering.deliver(endpoint.pk, seconds=1)

    assert len({headers["webhook-id"] for _p, headers, _b in listener.posts}) == 1
    assert (len(listener.posts), WebhookDelivery.objects.get().state) == (2, "delivered")


def test_tasks_find_what_is_due(queued, endpoint, listener):
    skip(queued("A-1")[0])

    assert tasks.follow_webhooks() == 1
    assert tasks.deliver_webhooks(endpoint.pk) is False
    assert len(listener.posts) == 1


def test_old_deliveries_are_deleted(queued, endpoint, listener):
    skip(queued("A-1")[0])
    deliver(endpoint)
    WebhookDelivery.objects.update(created_at=F("created_at") - dt.timedelta(days=31))

    assert tasks.forget_answers() == 1
    assert not WebhookTry.objects.exists()


def test_acts_are_in_the_audit_trail_without_secret_and_path(tenant, listener, boss):
    url = listener.url + "/token-s3cret"
    endpoint, clear = endpoints.add(tenant, url, by=boss)
    fresh = endpoints.change_secret(endpoint, by=boss)
    endpoints.pause(endpoint, by=boss)
    endpoints.resume(endpoint, by=boss)
    endpoints.remove(endpoint, by=boss)

    events = AuditEvent.objects.filter(action__startswith="webhook.").order_by("pk")
    assert [event.action.removeprefix("webhook.") for event in events] == [
        "added", "secret_changed", "paused", "resumed", "removed",
    ]  # fmt: skip
    told = str([event.data for event in events])
    assert not any(secret in told for secret in (clear, fresh, "s3cret"))


def test_address_is_once_per_tenant(tenant, listener, boss):
    endpoint, _clear = endpoints.add(tenant, listener.url, by=boss)
    with pytest.raises(endpoints.AddressTaken):
        endpoints.add(tenant, listener.url, by=boss)

    endpoints.remove(endpoint, by=boss)

    assert endpoints.add(tenant, listener.url, by=boss)[0].pk != endpoint.pk
