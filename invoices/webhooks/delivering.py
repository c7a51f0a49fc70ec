"""Posts what is due, one endpoint at a time by one worker at a time.

At least once: a worker that dies between the answer and its row posts the same id again after its
lease. No transaction is open during a request.
"""

from __future__ import annotations

import datetime as dt
import random
import time
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from integrations.enums import TenantState
from integrations.secrets import SecretUnreadable
from invoices import audit
from invoices.watch import raise_alert
from invoices.webhook_models import WebhookDelivery, WebhookEndpoint, WebhookTry
from invoices.webhooks import signing
from invoices.webhooks.endpoints import owner_of
from invoices.webhooks.posting import Outcome, post

TURN_SECONDS = 20.0
#: The first repeat comes after so few seconds that the turn waits for it.
_PATIENCE_SECONDS = 6.0
_JITTER = 0.1
#: So many failures on end, and the rest of the turn is not spent on this endpoint.
_FAILURES = 3
_GONE = 410
_S, _D = WebhookEndpoint.State, WebhookDelivery.State
_HEADERS = {"Content-Type": "application/json", "User-Agent": "Flashnode-Webhooks/1"}


def endpoints_due() -> list[int]:
    """Endpoints with something to post now that no worker is at."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    active = WebhookEndpoint.objects.filter(free, state=_S.ACTIVE, deliveries__due_at__lte=now)
    active = active.exclude(tenant__state=TenantState.CLOSED)
    return list(active.order_by("pk").values_list("pk", flat=True).distinct())


def deliver(endpoint_pk: int, *, seconds: float = TURN_SECONDS) -> bool:
    """Post what is due to one endpoint for a turn. True when more is due already."""
    endpoint = _claim(endpoint_pk)
    if endpoint is None:
        return False
    until, failures = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < until and failures < _FAILURES:
            delivery = _next(endpoint, until)
            if delivery is None or not _renew(endpoint):
                return False
            failures = 0 if _deliver(endpoint, delivery) else failures + 1
        return failures < _FAILURES
    finally:
        _mine(endpoint).update(holder="", lease_until=None)


def message_id(delivery: WebhookDelivery) -> str:
    """The `webhook-id`: the same each time it is posted."""
    return f"msg_{delivery.message.hex}"


def forget() -> int:
    """Delete deliveries that are older than WEBHOOK_DAYS, with their tries."""
    before = timezone.now() - dt.timedelta(days=settings.WEBHOOK_DAYS)
    old = WebhookDelivery.objects.filter(created_at__lt=before)
    return old.delete()[1].get(WebhookDelivery._meta.label, 0)


def _lease() -> dt.datetime:
    """Longer than one request may take, its name's look-up included."""
    return timezone.now() + dt.timedelta(seconds=60 + settings.WEBHOOK_TIMEOUT_SECONDS)


def _claim(endpoint_pk: int) -> WebhookEndpoint | None:
    holder = uuid.uuid4().hex
    free = Q(lease_until=None) | Q(lease_until__lte=timezone.now())
    mine = WebhookEndpoint.objects.filter(free, pk=endpoint_pk, state=_S.ACTIVE)
    if not mine.exclude(tenant__state=TenantState.CLOSED).update(
        holder=holder, lease_until=_lease()
    ):
        return None
    return WebhookEndpoint.objects.select_related("tenant").get(pk=endpoint_pk)


def _mine(endpoint: WebhookEndpoint):  # type: ignore[no-untyped-def]
    return WebhookEndpoint.objects.filter(pk=endpoint.pk, holder=endpoint.holder)


def _renew(endpoint: WebhookEndpoint) -> bool:
    """False when it was paused, removed or taken over meanwhile."""
    if not _mine(endpoint).filter(state=_S.ACTIVE).update(lease_until=_lease()):
        return False
    holder = endpoint.holder
    endpoint.refresh_from_db()
    return endpoint.holder == holder


def _next(endpoint: WebhookEndpoint, until: float) -> WebhookDelivery | None:
    """What is due first; waits a few seconds for what is due soon."""
    soon = min(_PATIENCE_SECONDS, max(0.0, until - time.monotonic()))
    horizon = timezone.now() + dt.timedelta(seconds=soon)
    waiting = endpoint.deliveries.filter(due_at__lte=horizon).order_by("due_at", "event")
    delivery = waiting.first()
    if delivery is not None and delivery.due_at is not None:
        time.sleep(max(0.0, (delivery.due_at - timezone.now()).total_seconds()))
    return delivery


def _deliver(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> bool:
    now, body = timezone.now(), delivery.body.encode()
    try:
        keys = _keys(endpoint, now)
    except SecretUnreadable:
        outcome = Outcome(None, "secret_unreadable", "", 0)
    else:
        signed = signing.headers(keys, message_id(delivery), int(now.timestamp()), body)
        sent = _HEADERS | signed
        outcome = post(endpoint.url, body, sent, settings.WEBHOOK_TIMEOUT_SECONDS)
    with transaction.atomic():
        WebhookTry.objects.create(
            delivery=delivery,
            at=now,
            milliseconds=outcome.milliseconds,
            http_status=outcome.status,
            error=outcome.error,
            answer=outcome.answer,
        )
        if outcome.is_taken:
            _taken(endpoint, delivery)
        else:
            _failed(endpoint, delivery, outcome)
    return outcome.is_taken


def _keys(endpoint: WebhookEndpoint, now: dt.datetime) -> list[str]:
    """The secrets that sign now, the newest first. Raises SecretUnreadable."""
    sealed = [endpoint.secret]
    if endpoint.previous_until is not None and endpoint.previous_until > now:
        sealed.append(endpoint.previous_secret)
    return [each.open(owner_of(endpoint.tenant)) for each in sealed if each is not None]


def _taken(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> None:
    now = timezone.now()
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=_D.DELIVERED, due_at=None, finished_at=now, tries=F("tries") + 1
    )
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(last_success_at=now, failing_since=None)


def _failed(endpoint: WebhookEndpoint, delivery: WebhookDelivery, outcome: Outcome) -> None:
    now, tries = timezone.now(), delivery.tries + 1
    row = WebhookDelivery.objects.filter(pk=delivery.pk)
    schedule = settings.WEBHOOK_RETRY_SECONDS
    if tries <= len(schedule):
        seconds = schedule[tries - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
        row.update(tries=tries, due_at=now + dt.timedelta(seconds=seconds))
    else:
        row.update(tries=tries, due_at=None, state=_D.GIVEN_UP, finished_at=now)
    since = endpoint.failing_since or now
    WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since=None).update(failing_since=now)
    # The standard: who answers 410 wants no more.
    if outcome.status == _GONE or now - since >= dt.timedelta(days=settings.WEBHOOK_PAUSE_DAYS):
        _pause_failing(endpoint, since)


def _pause_failing(endpoint: WebhookEndpoint, since: dt.datetime) -> None:
    active = WebhookEndpoint.objects.filter(pk=endpoint.pk, state=_S.ACTIVE)
    if not active.update(state=_S.FAILING):
        return
    facts = {"host": endpoint.host, "since": f"{since:%Y-%m-%d}"}
    audit.record("webhook.failing", tenant=endpoint.tenant, data={"webhook": endpoint.pk} | facts)
    raise_alert("webhook_failing", endpoint.tenant, facts, detail=str(endpoint.pk))
